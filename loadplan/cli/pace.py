"""How fast a job goes, and when it may be done: an estimate that is only told when there is something to go by. Pure.

Nothing is told before a tenth of the rows was processed, nor from one look alone, nor when the newest looks brought nothing: a job
that stands still has no end in sight. Salesforce processes in batches, so the pace is that of the whole time, and what is told is
rounded so that nobody reads more into it than there is.
"""

from __future__ import annotations

from dataclasses import field

from loadplan.lean import dataclass

SHARE = 0.1
PATIENCE = 3.0
"""A job that has not moved for so many times its longest pause is not told to end."""


@dataclass
class Pace:
    """The looks at one job: (seconds, rows processed), only those that brought something new, and the newest look."""

    total: int
    looks: list[tuple[float, int]] = field(default_factory=list)
    last: float = 0.0

    def look(self, at: float, processed: int | None) -> None:
        """The job was seen at this time with so many rows processed; None when the org does not say."""
        self.last = at
        if processed is not None and (not self.looks or processed > self.looks[-1][1]):
            self.looks.append((at, processed))

    @property
    def processed(self) -> int | None:
        return self.looks[-1][1] if self.looks else None

    def left(self) -> float | None:
        """Seconds until the end, as it goes; None when that cannot honestly be told."""
        if len(self.looks) < 2 or self.total <= 0:
            return None
        (begin, first), (at, done) = self.looks[0], self.looks[-1]
        longest = max(b[0] - a[0] for a, b in zip(self.looks, self.looks[1:], strict=False))
        if done < SHARE * self.total or at <= begin or self.last - at > PATIENCE * max(longest, 1.0):
            return None
        rate = (done - first) / (at - begin)
        return max(0.0, (self.total - done) / rate - (self.last - at))

    def words(self) -> str:
        """What to tell: `61,000 of 120,000 rows (51%), about 2 min left`; empty when the org does not say."""
        if self.processed is None:
            return ""
        if not self.total:
            return f"{self.processed:,} rows"
        share = f" ({self.processed * 100 // self.total}%)" if self.processed else ""
        left = self.left()
        return f"{self.processed:,} of {self.total:,} rows{share}" + (
            f", {rounded(left)} left" if left is not None else ""
        )


def rounded(seconds: float) -> str:
    """A time as a person guesses it.

    >>> [rounded(s) for s in (3, 41, 100, 1500, 9000, 200000)]
    ['a few seconds', 'about 40 s', 'about 2 min', 'about 25 min', 'about 2.5 h', 'more than a day']
    """
    if seconds < 10:
        return "a few seconds"
    if seconds < 55:
        return f"about {round(seconds / 10) * 10} s"
    if seconds < 600:
        return f"about {max(1, round(seconds / 60))} min"
    if seconds < 5_400:
        return f"about {round(seconds / 300) * 5} min"
    if seconds < 86_400:
        return f"about {round(seconds / 1_800) / 2:g} h"
    return "more than a day"
