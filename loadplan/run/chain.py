"""The chain of a query's pages: which locators come next, and whether what the org says of them fits together. Pure.

Page 1 is asked for without a locator, every other page with the locator that the page before it named, and the last page
names the literal `null`. `resultPages` names locators ahead of the pages; they are believed only as links of this chain.
Salesforce does not say whether the first link is page 1 itself or the page after it: what page 1 names tells.
("Get Results for a Query Job", "Get Parallel Results for a Query Job".)
"""

from __future__ import annotations

from collections.abc import Sequence

from loadplan.run.state import Attempt

END = "null"


def following(attempt: Attempt) -> str | None:
    """What asks for the links after those that are known; None when there are no more, or none was asked for yet."""
    return attempt.plans[-1].following if attempt.plans else None


def links_ahead(attempt: Attempt) -> list[str]:
    """Locators named for the pages after the last one on record, in order. Empty until page 1 is on record."""
    return _ahead(attempt, attempt.plans.locators) if attempt.pages else []


def check_links(attempt: Attempt, asked: str | None, locators: Sequence[str], after: str | None) -> str:
    """Why these links cannot be the next ones; empty when they can. `asked` is the locator they were asked for with."""
    known = attempt.plans
    if len(set(locators)) < len(locators) or not known.named.isdisjoint(locators):
        return "resultPages named a page twice; the walk would not end"
    if after is not None and (after == asked or after in known.asked):
        return "resultPages leads back to links that were already asked for; the walk would not end"
    if not attempt.pages or attempt.pages[-1].locator_out == END:
        return ""
    return _differ(
        len(attempt.pages), attempt.pages[-1].locator_out, _ahead(attempt, [*known.locators, *locators]), after
    )


def check_page(attempt: Attempt, locator_in: str | None, locator_out: str) -> str:
    """Why the page that came for `locator_in` and names `locator_out` cannot be the next one; empty when it can."""
    page = len(attempt.pages) + 1
    if locator_out != END and (locator_out == locator_in or locator_out in attempt.pages.asked):
        return f"page {page} names locator {locator_out}, which was already used; the walk would not end"
    if not attempt.plans:
        return ""
    if attempt.pages:
        rest = links_ahead(attempt)[1:]
    else:
        links = attempt.plans.locators
        # A job of one page: a single link can only be that page.
        rest = links[1:] if locator_out == END else _without_first(links, locator_out)
    return _differ(page, locator_out, rest, following(attempt))


def _differ(page: int, named: str, links: Sequence[str], after: str | None) -> str:
    if links:
        if links[0] == named:
            return ""
        return f"page {page} names {_shown(named)} as the next page, resultPages names {_shown(links[0])}"
    if (named == END) == (after is None):
        return ""
    if named == END:
        return f"page {page} says that it is the last, resultPages names more"
    return f"page {page} names {_shown(named)} as the next page, resultPages names no page after it"


def _shown(locator: str) -> str:
    return "the end" if locator == END else f"locator {locator}"


def _ahead(attempt: Attempt, links: Sequence[str]) -> list[str]:
    return list(links[_second(links, attempt.pages[0].locator_out) + len(attempt.pages) - 1 :])


def _without_first(links: Sequence[str], second: str) -> list[str]:
    """The links from page 2 on, whose locator is `second`."""
    return list(links[_second(links, second) :])


def _second(links: Sequence[str], second: str) -> int:
    """Where the link to page 2 stands, whose locator is `second`."""
    return 0 if links and links[0] == second else 1
