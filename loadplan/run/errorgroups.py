"""Error groups: failed rows counted by code, fields and masked message; and those that are still left of an attempt. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from loadplan.masking import mask
from loadplan.run.lookup_errors import blamed

if TYPE_CHECKING:
    from loadplan.plan.model import Step
    from loadplan.run.state import Attempt
    from loadplan.sources.matching import Fate

MOST = 20
Group = dict[str, Any]
"""`code`, `fields`, `message` (masked) and `rows`."""
OTHER = "(other)"


def group_errors(step: Step, fates: Iterable[Fate], most: int = MOST) -> tuple[Group, ...]:
    """The largest groups of the step's rows that failed."""
    groups: Counter[tuple[str, tuple[str, ...], str]] = Counter()
    for fate in fates:
        if fate.error is not None:
            fields, message = blamed(step, fate.error.fields, mask(fate.error.message))
            groups[fate.error.code, fields, message] += 1
    return tuple(
        {"code": code, "fields": list(fields), "message": message, "rows": rows}
        for (code, fields, message), rows in groups.most_common(most)
    )


def errors_left(attempt: Attempt) -> list[Group]:
    """The groups of the attempt's failed rows without those that were sent again since. They count to what is left over: what no
    group names is `(other)`."""
    done = attempt.reconciled
    left = done.failed - attempt.resent_failed if done else 0
    if done is None or left <= 0:
        return []
    gone: Counter[tuple[str, tuple[str, ...], str]] = Counter()
    for group in attempt.resent_errors:
        gone[_name(group)] += int(group["rows"])
    found = []
    for group in done.errors:
        rows = min(left, int(group["rows"]) - gone[_name(group)])
        if rows > 0:
            found.append({**group, "rows": rows})
            left -= rows
    if left:
        found.append({"code": OTHER, "fields": [], "message": "", "rows": left})
    return found


def _name(group: Group) -> tuple[str, tuple[str, ...], str]:
    return str(group["code"]), tuple(group["fields"]), str(group["message"])
