"""What is on record of a query's walk: its pages, and the links to pages ahead. Both know their totals, so that a walk of many
thousand pages does not look through all of them at each. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from loadplan.run import events as ev


class Pages(list[ev.PageFetched]):
    """In their order; only ever appended to. `rows` and `bytes` are sums, `asked` the locators they were asked for with."""

    def __init__(self, pages: Iterable[ev.PageFetched] = ()) -> None:
        super().__init__()
        self.rows = self.bytes = 0
        self.asked: set[str | None] = set()
        for page in pages:
            self.append(page)

    def append(self, page: ev.PageFetched) -> None:
        super().append(page)
        self.rows += page.rows
        self.bytes += page.bytes
        self.asked.add(page.locator_in)


class Links(list[ev.PagesPlanned]):
    """The answers that named them; only ever appended to. `locators` are those of all answers in their order, `named` the same as a
    set, `asked` the locators that the answers were asked for with."""

    def __init__(self, plans: Iterable[ev.PagesPlanned] = ()) -> None:
        super().__init__()
        self.locators: list[str] = []
        self.named: set[str] = set()
        self.asked: set[str | None] = set()
        for plan in plans:
            self.append(plan)

    def append(self, plan: ev.PagesPlanned) -> None:
        super().append(plan)
        self.locators += plan.locators
        self.named.update(plan.locators)
        self.asked.add(plan.locator_in)
