"""Treelinks: where a path of a git revision really leads: symbolic links that are committed are followed as the operating system
would follow them, as far as they stay inside the tree. What leads out of it, in a circle, or into a submodule is told, never opened.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from loadplan.lean import dataclass

MOST_HOPS = 40
"""Links in one path before it counts as a circle; what Linux allows."""


@dataclass(frozen=True)
class Kept:
    """What a version holds of one file. `same` is equal in two versions when the bytes are; None when there is no such file. `why`
    says, when it is not empty, why the bytes cannot be had: then `same` stands for where they would be."""

    same: str | None
    why: str = ""


@dataclass(frozen=True)
class Followed:
    """`path` is where a path leads, free of links; or `why` says why that is not in the tree, and `mark` is where instead."""

    path: str
    why: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Links:
    """The links of a tree: their targets, and the submodules with the commits they are pinned at, by path."""

    targets: Mapping[str, str]
    submodules: Mapping[str, str]

    def follow(self, path: str) -> Followed:
        """Where `path` leads, part by part: links in the middle of it and chains of links too."""
        todo = path.split("/")[::-1]
        done: list[str] = []
        hops = 0
        last = ""
        while todo:
            part = todo.pop()
            if part in {"", "."}:
                continue
            if part == "..":
                if not done:
                    return _outside(path, last)
                done.pop()
                continue
            if part.lower() == ".git" and last:
                return _outside(path, last)
            done.append(part)
            here = "/".join(done)
            if here in self.submodules:
                pinned, rest = self.submodules[here], "/".join(reversed(todo))
                why = f"it lies in the submodule `{here}`, pinned at {pinned[:12]}, whose files are not in this repository"
                return Followed(path, why, f"submodule {here} {pinned} {rest}")
            target = self.targets.get(here)
            if target is None:
                continue
            hops += 1
            if hops > MOST_HOPS:
                return Followed(path, f"`{path}` is a link that leads in a circle", f"circle {target}")
            last = target
            if target.startswith("/"):
                return _outside(path, target)
            done.pop()
            todo += target.split("/")[::-1]
        return Followed("/".join(done))

    def make(self, folder: Path, there: Collection[str]) -> None:
        """The links below `folder`, as the tree has them; those that lead to nothing that is `there` (files and folders), out of it, in
        a circle or into a submodule are left out."""
        for path, target in self.targets.items():
            found = self.follow(path)
            if found.why or found.path not in there:
                continue
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            if place.parent.resolve().is_relative_to(folder.resolve()) and not os.path.lexists(place):
                place.symlink_to(target)


def _outside(path: str, target: str) -> Followed:
    via = f" (by way of `{target}`)" if target else ""
    return Followed(path, f"`{path}` leads out of the repository{via}", f"outside {target}")
