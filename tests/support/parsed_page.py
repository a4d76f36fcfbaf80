"""An HTML page as a test reads it."""

from html.parser import HTMLParser

VOID = {"meta", "link", "input", "br", "img"}


class Page(HTMLParser):
    """Tables by id, attributes of every element, text of every element by id.

    Attributes:
        elements: (tag, attributes) in order.
        tables: id -> rows of (text, attributes) cells, the head first.
        scripts, styles: Texts of these elements.
        texts: All text outside of scripts and styles.
    """

    def __init__(self, markup):
        super().__init__()
        self.elements, self.tables, self.scripts, self.styles, self.texts = [], {}, {}, [], []
        self._open, self._table, self._cell = [], None, None
        self.feed(markup)
        self.close()
        assert self._open == [], f"never closed: {self._open}"

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        if tag not in VOID:
            self._open.append((tag, attributes))
        if tag == "table":
            self._table = self.tables[attributes["id"]] = []
        elif tag == "tr":
            self._table.append([])
        elif tag in ("td", "th"):
            self._cell = ["", attributes]
            self._table[-1].append(self._cell)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        opened, _ = self._open.pop()
        assert opened == tag, f"<{opened}> is closed by </{tag}>"
        if tag in ("td", "th"):
            self._cell = None

    def handle_data(self, data):
        tag, attributes = self._open[-1] if self._open else ("", {})
        if tag == "script":
            self.scripts[attributes.get("id", "")] = data
        elif tag == "style":
            self.styles.append(data)
        else:
            self.texts.append(data)
            if self._cell is not None:
                self._cell[0] += data

    def column(self, table, number):
        """Sort values of a column as numbers."""
        return [float(row[number][1]["data-value"]) for row in self.tables[table][1:]]
