"""Shortened: long texts cut so that a reader still sees what they are about; of two texts, what tells them apart. Pure."""

from __future__ import annotations

from itertools import zip_longest

LONGEST = 160
_BEFORE = 40
"""Characters that stay before the first difference."""
_SIGNS = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}


def short(text: str) -> str:
    """One line, cut at its end."""
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def shown_pair(before: str, after: str) -> tuple[str, str]:
    """Both texts, as one line each, cut alike: around the first place where they differ. Texts that only look alike (blanks, signs that
    have no width, letters of another script) are told apart by their escapes."""
    one, other = (" ".join(text.split()) for text in (before, after))
    if before != after and one == other:
        one, other = (_visible(text) for text in (before, after))
    at = next((i for i, (a, b) in enumerate(zip_longest(one, other)) if a != b), 0)
    if one != other and before and after:
        one, other = _escaped(one, other, at)
    return _window(one, at), _window(other, at)


def _visible(text: str) -> str:
    return "".join(_SIGNS.get(c, c) for c in text)


def _escaped(one: str, other: str, at: int) -> tuple[str, str]:
    """Signs outside ASCII at the first difference as escapes, when a reader may take them for what stands on the other side."""
    pair = one[at : at + 1], other[at : at + 1]
    if all(c.isascii() for c in pair) or (
        all(len(c) == 1 and c.isalpha() for c in pair) and not any(c.isascii() for c in pair)
    ):
        return one, other
    told = [c if c.isascii() else ascii(c)[1:-1] for c in pair]
    return one[:at] + told[0] + one[at + 1 :], other[:at] + told[1] + other[at + 1 :]


def _window(text: str, at: int) -> str:
    if len(text) <= LONGEST:
        return text
    start = 0 if at < LONGEST - _BEFORE else at - _BEFORE
    end = start + LONGEST - 2
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"
