"""The few words of SVG that the drawings are written in. Every text that comes in is escaped; nothing here decides a place."""

from __future__ import annotations

from collections.abc import Iterable

_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})


def escape(text: object) -> str:
    """Text that cannot leave an element or an attribute."""
    return str(text).translate(_TEXT)


def number(value: float) -> str:
    """A coordinate with one decimal, without a tail of zeros."""
    return f"{value:.1f}".removesuffix(".0")


def element(name: str, inner: str = "", /, **attributes: object) -> str:
    """`cls` is `class`, `_` in a name is `-`; floats are coordinates. `inner` is markup."""
    parts = [name]
    for key, value in attributes.items():
        if value is None:
            continue
        text = number(value) if isinstance(value, float) else escape(value)
        parts.append(f'{"class" if key == "cls" else key.replace("_", "-")}="{text}"')
    head = " ".join(parts)
    return f"<{head}>{inner}</{name}>" if inner else f"<{head}/>"


def text(x: float, y: float, words: object, cls: str, **attributes: object) -> str:
    return element("text", escape(words), x=float(x), y=float(y), cls=cls, **attributes)


def group(parts: Iterable[str], *, title: str = "", **attributes: object) -> str:
    """Parts with a title that a pointer shows and a screen reader says."""
    inner = (element("title", escape(title)) if title else "") + "".join(parts)
    return element("g", inner, **attributes)


def shorten(words: str, most: int) -> str:
    """At most so many characters, the last of them an ellipsis when some were left out."""
    return words if len(words) <= most else words[: most - 1] + "…"


def picture(width: float, height: float, parts: Iterable[str], *, label: str, cls: str, css: str = "") -> str:
    """A whole drawing: scalable, named for screen readers. With `css` it stands alone as a file."""
    space = {"xmlns": "http://www.w3.org/2000/svg"} if css else {}
    style = f"<style>{css}</style>" if css else ""
    return element(
        "svg", style + "".join(parts), **space, cls=cls, role="img", aria_label=label,
        viewBox=f"0 0 {number(width)} {number(height)}", width=float(width), height=float(height),
    )  # fmt: skip
