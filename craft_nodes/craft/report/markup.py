"""Writing HTML and SVG: names of runs and scenarios are text, never markup."""

from html import escape
from importlib import resources
from string import Template


def text(value: object) -> str:
    """A value as text, for an element or a quoted attribute."""
    return escape(str(value), quote=True)


def asset(name: str) -> str:
    """A file of craft/report/assets."""
    return resources.files("craft.report").joinpath("assets", name).read_text(encoding="utf-8")


def fill(name: str, **parts: str) -> str:
    """A template of craft/report/assets with its places `${name}` filled; the parts are markup already."""
    return Template(asset(name)).substitute(parts)


def number(value: float) -> str:
    """A coordinate in a picture, to a hundredth."""
    return f"{round(value, 2) + 0.0:.10g}"
