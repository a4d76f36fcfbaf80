"""docs/interfaces.md names every topic with its type, quality of service and nodes, as the sources have them."""

import ast
import re
from collections import defaultdict
from pathlib import Path

from craft_nodes import topics

ROOT = Path(__file__).parents[2]
NODES = ROOT / "craft_nodes/craft_nodes"
# Modules that create topics for a node of another name.
SERVING = {
    "graph_link": {"trainer", "evaluator"},
    "graph_rollouts": {"trainer", "evaluator"},
    "external_episodes": {"perception"},
    "plan_follower": {"policy", "collector"},
    "diagnostics": {"every node"},
}


def topic_name(node: ast.expr) -> str | None:
    """The topic that an expression `topics.X` or `topics.ego(role, "x")` means, with <role> for the role name."""
    if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "topics":
        return getattr(topics, node.attr)
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "topics.ego":
        return topics.ego("<role>", node.args[1].value)
    return None


def in_sources():
    """{topic: (type, QoS, publishers, readers)}: every call that is given a type, a topic and a QoS profile."""
    found = defaultdict(lambda: (set(), set(), set(), set()))
    for path in NODES.glob("*.py"):
        tree = ast.parse(path.read_text())
        imported = {}
        for statement in (n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module.endswith(".msg")):
            package = statement.module.removesuffix(".msg")
            imported |= {alias.asname or alias.name: f"{package}/{alias.name}" for alias in statement.names}
        owners = SERVING.get(path.stem, {path.stem.removesuffix("_node")})
        for call in (n for n in ast.walk(tree) if isinstance(n, ast.Call) and len(n.args) in (3, 4)):
            kind, topic = imported.get(getattr(call.args[0], "id", "")), topic_name(call.args[1])
            if kind and topic:
                types, profiles, writers, readers = found[topic]
                types.add(kind)
                profiles.add(ast.unparse(call.args[-1]).removeprefix("qos."))
                (writers if len(call.args) == 3 else readers).update(owners)
    return dict(found)


def in_document():
    """The same from the tables; what stands in parentheses behind a node is explanation."""
    found = {}
    for line in (ROOT / "docs/interfaces.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 5 and cells[0].startswith("`"):
            nodes = [{n for n in re.sub(r"\(.*?\)", "", cell).replace(" ", "_").split(",_") if n} for cell in cells[3:]]
            nodes = [{n.strip("_") for n in side if n.strip("_")} for side in nodes]
            found[cells[0].strip("`")] = ({cells[1].strip("`")}, {cells[2]}, *nodes)
    return found


def test_the_tables_are_the_sources():
    sources = {
        topic: (types, profiles, *({n.replace(" ", "_") for n in side} for side in sides))
        for topic, (types, profiles, *sides) in in_sources().items()
    }
    document = in_document()
    assert len(sources) >= 20  # the reader of the sources has not gone blind
    assert document.keys() == sources.keys()
    for topic, row in sources.items():
        assert document[topic] == row, topic


def test_every_topic_name_of_the_module_is_used():
    constants = {value for name, value in vars(topics).items() if name.isupper()}
    assert constants <= in_sources().keys()
