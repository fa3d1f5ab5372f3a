"""The chain of pages: what comes next, and every way in which links and pages can contradict one another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadplan.run import chain
from loadplan.run import events as ev
from loadplan.run.state import Attempt


def walk(*pages: str, plans: Sequence[tuple[str | None, Sequence[str], str | None]] = ()) -> Attempt:
    """An attempt whose pages named these locators, with these answers of resultPages on record."""
    made = Attempt("s", 0, 1, 1, "query", False, "66.0", "", 0, datetime(2026, 1, 1, tzinfo=UTC), phase="paging")
    before: str | None = None
    for number, out in enumerate(pages, 1):
        made.pages.append(ev.PageFetched("s", 0, 1, page=number, locator_in=before, locator_out=out))
        before = out
    for asked, locators, following in plans:
        made.plans.append(ev.PagesPlanned("s", 0, 1, locator_in=asked, locators=tuple(locators), following=following))
    return made


def test_page_1_is_asked_for_alone() -> None:
    """Until it is there nobody knows which page the first link is."""
    assert chain.links_ahead(walk(plans=[(None, ["a", "b"], None)])) == []


@pytest.mark.parametrize("links", [["own", "b", "c", "d"], ["b", "c", "d"]])
def test_the_first_link_is_page_1_or_page_2(links: list[str]) -> None:
    """What page 1 names tells."""
    plans = [(None, links, None)]
    assert chain.links_ahead(walk("b", plans=plans)) == ["b", "c", "d"]
    assert chain.links_ahead(walk("b", "c", plans=plans)) == ["c", "d"]
    assert chain.links_ahead(walk("b", "c", "d", plans=plans)) == ["d"]


@given(st.integers(1, 40), st.integers(1, 5), st.booleans(), st.data())
def test_an_honest_org_is_walked_to_its_end(pages: int, width: int, own: bool, data: st.DataObject) -> None:
    """Whatever the number of pages and of links in an answer, and whether the first link is page 1."""
    names = [f"L{n}" for n in range(1, pages + 1)]
    outs = [*names[1:], "null"]
    links = names if own else names[1:]
    answers = [links[i : i + width] for i in range(0, len(links), width)] or [[]]
    told = walk()

    def plan() -> None:
        number = len(told.plans)
        asked = f"F{number}" if number else None
        after = f"F{number + 1}" if number + 1 < len(answers) else None
        assert chain.check_links(told, asked, answers[number], after) == ""
        told.plans.append(
            ev.PagesPlanned("s", 0, 1, locator_in=asked, locators=tuple(answers[number]), following=after)
        )

    plan()
    for number, out in enumerate(outs):
        while told.pages and not chain.links_ahead(told):
            plan()
        if chain.following(told) and data.draw(st.booleans()):
            plan()
        ahead = chain.links_ahead(told)[0] if told.pages else None
        assert ahead == (names[number] if told.pages else None)
        assert chain.check_page(told, ahead, out) == ""
        told.pages.append(ev.PageFetched("s", 0, 1, page=number + 1, locator_in=ahead, locator_out=out))
    while chain.following(told):
        plan()
    assert chain.links_ahead(told) == []


@pytest.mark.parametrize(
    ("told", "asked", "out", "words"),
    [
        (walk(), None, "a", ""),
        (walk("a"), "a", "a", "already used"),
        (walk("a", "b"), "b", "a", "already used"),
        (walk("a", "b"), "b", "null", ""),
        (walk(plans=[(None, ["own", "b"], None)]), None, "b", ""),
        (
            walk(plans=[(None, ["own", "b"], None)]),
            None,
            "x",
            "names locator x as the next page, resultPages names locator b",
        ),
        (walk(plans=[(None, ["own", "b"], None)]), None, "null", "page 1 names the end as the next page"),
        (walk(plans=[(None, ["own"], None)]), None, "null", ""),
        (walk(plans=[(None, [], None)]), None, "null", ""),
        (walk(plans=[(None, ["own"], None)]), None, "x", "resultPages names no page after it"),
        (walk(plans=[(None, ["own"], "more")]), None, "x", ""),
        (walk(plans=[(None, ["own"], "more")]), None, "null", "says that it is the last, resultPages names more"),
        (walk("b", plans=[(None, ["own", "b", "c"], None)]), "b", "c", ""),
        (walk("b", plans=[(None, ["own", "b", "c"], None)]), "b", "null", "page 2 names the end"),
        (walk("b", plans=[(None, ["own", "b"], None)]), "b", "c", "page 2 names locator c"),
    ],
)
def test_a_page_is_taken_when_it_is_the_next_link(told: Attempt, asked: str | None, out: str, words: str) -> None:
    """Else the difference is named with both locators."""
    found = chain.check_page(told, asked, out)
    assert (words in found) if words else found == ""


@pytest.mark.parametrize(
    ("told", "asked", "links", "after", "words"),
    [
        (walk(), None, ["a", "b"], "more", ""),
        (walk(), None, [], None, ""),
        (walk(), None, ["a", "a"], None, "named a page twice"),
        (walk(plans=[(None, ["a"], "f")]), "f", ["a"], None, "named a page twice"),
        (walk(plans=[(None, ["a"], "f")]), "f", ["b"], "f", "already asked for"),
        (walk(plans=[(None, ["a"], "f"), ("f", ["b"], "g")]), "g", ["c"], "f", "already asked for"),
        (walk("b", plans=[(None, ["own"], "f")]), "f", ["b"], None, ""),
        (walk("b", plans=[(None, ["own"], "f")]), "f", ["c"], None, "page 1 names locator b as the next page"),
        (walk("b", plans=[(None, ["own"], "f")]), "f", [], None, "resultPages names no page after it"),
        (walk("b", plans=[(None, ["own"], "f")]), "f", [], "g", ""),
    ],
)
def test_links_are_taken_when_they_go_on_from_the_pages(
    told: Attempt, asked: str | None, links: list[str], after: str | None, words: str
) -> None:
    """Nothing twice, nothing backwards, and nothing left out."""
    found = chain.check_links(told, asked, links, after)
    assert (words in found) if words else found == ""
