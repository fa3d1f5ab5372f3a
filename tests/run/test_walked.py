"""What is kept of a walk is what its pages and links add up to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from loadplan.run import events as ev
from loadplan.run.walked import Links, Pages

NAMES = st.text("abc", min_size=1, max_size=3)
PAGES = st.builds(
    lambda rows, size, name: ev.PageFetched("s", 0, 1, rows=rows, bytes=size, locator_in=name),
    st.integers(0, 9), st.integers(0, 999), st.none() | NAMES,
)  # fmt: skip
PLANS = st.builds(
    lambda asked, named: ev.PagesPlanned("s", 0, 1, locator_in=asked, locators=tuple(named)),
    st.none() | NAMES, st.lists(NAMES),
)  # fmt: skip


@given(st.lists(PAGES), st.lists(PAGES))
def test_pages(first: list[ev.PageFetched], later: list[ev.PageFetched]) -> None:
    pages = Pages(first)
    for page in later:
        pages.append(page)
    assert pages == first + later
    assert pages.rows == sum(p.rows for p in first + later)
    assert pages.bytes == sum(p.bytes for p in first + later)
    assert pages.asked == {p.locator_in for p in first + later}


@given(st.lists(PLANS), st.lists(PLANS))
def test_links(first: list[ev.PagesPlanned], later: list[ev.PagesPlanned]) -> None:
    links = Links(first)
    for plan in later:
        links.append(plan)
    assert links == first + later
    assert links.locators == [name for p in first + later for name in p.locators]
    assert links.named == set(links.locators)
    assert links.asked == {p.locator_in for p in first + later}
