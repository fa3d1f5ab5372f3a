"""Templates -> text, strict about unknown names. The only module that imports jinja2 for reports."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Template

_CELL = str.maketrans({"|": "\\|", "\n": " ", "\r": " ", "<": "&lt;", ">": "&gt;"})
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def cell(value: object) -> str:
    """A value as the text of one markdown table cell: nothing in it can leave the cell or become HTML."""
    return "" if value is None else _CONTROL.sub("?", str(value).translate(_CELL))


def thousands(value: object) -> str:
    """An integer with separators; anything else as it is."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else cell(value)


def render(template: str, values: dict[str, Any]) -> str:
    """Render `templates/<template>`. Raises jinja2's error on a name the view does not have (a bug, tested)."""
    return _template(template).render(values)


@cache
def _template(name: str) -> Template:
    """Compiled once: that takes far longer than the rendering."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters.update(cell=cell, n=thousands)
    text = files("loadplan.reports").joinpath("templates", name).read_text(encoding="utf-8")
    return environment.from_string(text)
