"""Pages of ours as a test reads them: their tags, their words, and what every one of them must keep to."""

from __future__ import annotations

import itertools
import re
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "img", "path", "rect", "line"}


class Tree(HTMLParser):
    """The tags of a page in their order, those left open, and the ids and links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.wrong: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [a for t, a in self.tags if t == tag]


def words(text: str) -> str:
    """What a person reads, tags aside."""
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", text, flags=re.DOTALL))


def assert_sound(text: str) -> None:
    """Elements are closed in order, headings skip no level, tables have captions and heads, drawings names, links ends; nothing
    in it is a script, and nothing has a style of its own."""
    tree = Tree(text)
    assert (tree.open, tree.wrong) == ([], [])
    levels = [int(t[1]) for t, _ in tree.tags if re.fullmatch("h[1-6]", t)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    assert len(tree.named("table")) == len(tree.named("caption")) > 3
    assert all(a.get("scope") for a in tree.named("th"))
    assert all(a.get("aria-label") or a.get("aria-hidden") for a in tree.named("svg"))
    ids = [a["id"] for _, a in tree.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["href"] for a in tree.named("a") if (a["href"] or "").startswith("#")} <= {f"#{i}" for i in ids}
    assert [
        a
        for a in tree.named("div")
        if a.get("class") == "scroll" and not (a.get("aria-label") and a.get("tabindex") == "0")
    ] == []
    assert {t for t, _ in tree.tags} & {"script", "iframe", "object", "form"} == set()
    assert [a for _, attributes in tree.tags for a in attributes if a.startswith("on") or a == "style"] == []
