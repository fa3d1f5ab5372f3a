"""Where a process ends: one counter over all boundaries, and what is dead after it."""

from __future__ import annotations

from dataclasses import dataclass, field


class Killed(BaseException):
    """The process ends here: nothing may catch it."""


@dataclass
class Fuse:
    """Counts the boundaries that a process passes, and ends it at one of them. `passed` names each one; `until` ends it at the
    next one of that name."""

    at: int | None = None
    until: str = ""
    passed: list[str] = field(default_factory=list)
    dead: bool = False

    def here(self, name: str) -> None:
        """A boundary. Raises `Killed` when the process ends here, or has ended before."""
        if self.dead:
            raise Killed
        self.passed.append(name)
        if len(self.passed) == self.at or name == self.until:
            self.blow()

    def blow(self) -> None:
        self.dead = True
        raise Killed

    def renew(self, at: int | None = None) -> None:
        """Another process. It ends at its boundary `at`, counted from 1, if any."""
        self.at, self.until, self.dead, self.passed = at, "", False, []
