"""Templates -> text, strict about unknown names. What is compiled of them is `compiled`'s."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadplan.masking import printable
from loadplan.words import count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2 import Environment

_FOLDER = Path(__file__).with_name("templates")
_CELL = str.maketrans({"|": "\\|", "\n": " ", "\r": " "})
_TAG = re.compile(r"<(?=[A-Za-z/!?]|\Z)|^\s*>")
"""What begins a tag, or a quotation at the start of a line (CommonMark, "Raw HTML"); `<=` and `->` are no such thing."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def cell(value: object) -> str:
    """A value as the text of one markdown table cell: nothing in it can leave the cell or become HTML."""
    if value is None:
        return ""
    text = _CONTROL.sub("?", str(value).translate(_CELL))
    return _TAG.sub(lambda found: found[0].replace("<", "&lt;").replace(">", "&gt;"), text)


def thousands(value: object) -> str:
    """An integer with separators; anything else as it is."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else cell(value)


_MARK = re.compile(r"([\\`*_\[\]#~!])")


def md(value: object) -> str:
    """A value as plain words of markdown: no cell, link, picture, heading or HTML begins in it."""
    return _MARK.sub(r"\\\1", cell(value))


def size(value: int) -> str:
    """Bytes as a person says them, in powers of ten."""
    number = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            break
        number /= 1000
    return f"{number:,.0f} {unit}" if unit == "B" else f"{number:,.1f} {unit}"


def clean(value: object) -> str:
    """A value as text without control characters, for a page that escapes by itself."""
    return "" if value is None else printable(str(value))


def moment(value: str | None) -> str:
    """A time of the run folder for people: to the second, without the letters."""
    return f"{value[:10]} {value[11:19]}" if value else ""


def markup(text: str) -> Any:
    """Markup of our own, which a page takes as it is."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 - drawings and the style sheet; every text in them is escaped already


def ticked(value: object) -> Any:
    """A message for a page: escaped, and what stands between backticks as code."""
    from markupsafe import escape

    pieces = clean(value).split("`")
    if len(pieces) % 2 == 0:  # one is never closed: it is no sign of ours
        return escape(clean(value))
    words = [markup("<code>{}</code>").format(p) if i % 2 else escape(p) for i, p in enumerate(pieces)]
    return markup("").join(words)


def held(reasons: Mapping[str, int]) -> str:
    """Rows that wait for their parents, by reason. Only those whose parent failed are sent by themselves once it is mended."""
    from loadplan.run.family import FAILED

    way_out = {FAILED: ": they go out when a retry mends their parents"}
    return "; ".join(f"{why} ({count(rows, 'row')}){way_out.get(why, '')}" for why, rows in reasons.items())


def stylesheet(name: str) -> str:
    """A style sheet of `templates/`, its lines without indentation."""
    return "".join(f"{line.strip()}\n" for line in _source(name).splitlines())


def render_html(template: str, values: dict[str, Any]) -> str:
    """Render a page. Every value is escaped unless it is `markup`. Raises jinja2's error on a name the view does not have."""
    return _pages().get_template(template).render({**values, **_style()})


TEMPLATES = ("runbook.md.j2", "pagination.md.j2")
PAGES = ("report.html.j2",)
"""What every run renders."""


def warm() -> None:
    """Compile what every run renders at its end: while it waits for the org, there is time."""
    for name in TEMPLATES:
        _texts().get_template(name)
    for name in PAGES:
        _pages().get_template(name)
    _style()


@cache
def _pages() -> Environment:
    """It keeps the templates that it has compiled, which takes far longer than the rendering."""
    from loadplan.reports.compiled import environment

    pages = environment(_FOLDER, _source, autoescape=True)
    pages.filters.update(n=lambda v: f"{v:,}", size=size, clean=clean, moment=moment, ticked=ticked, held=held)
    return pages


@cache
def _style() -> dict[str, Any]:
    """The style sheet of every page, and the digest by which a page's policy names it."""
    style = stylesheet("drawing.css") + stylesheet("report.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return {"style": markup(style), "style_digest": digest}


def _source(name: str) -> str:
    return files("loadplan.reports").joinpath("templates", name).read_text(encoding="utf-8")


def render(template: str, values: dict[str, Any]) -> str:
    """Render `templates/<template>`. Raises jinja2's error on a name the view does not have (a bug, tested)."""
    return _texts().get_template(template).render(values)


@cache
def _texts() -> Environment:
    from loadplan.reports.compiled import environment

    texts = environment(_FOLDER, _source, keep_trailing_newline=True)
    texts.filters.update(cell=cell, md=md, n=thousands, held=held)
    return texts
