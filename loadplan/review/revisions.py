"""Revisions: files of a git revision, put down in a folder of their own. git is asked by its plumbing, without a shell; names and
contents of a repository are never taken for options, paths outside the folder, or commands. Nothing in the repository is changed.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath

from loadplan.errors import InvalidInputError, UsageError
from loadplan.lean import dataclass
from loadplan.masking import printable
from loadplan.plan.document import parse_document
from loadplan.review.treelinks import Kept, Links

LFS = b"version https://git-lfs.github.com/spec/"
MOST_PLAN_BYTES = 1 << 20
MOST_LINK_BYTES = 4_095
LINK, SUBMODULE = "120000", "160000"
_QUIET = {
    "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_REPLACE_OBJECTS": "1",
    "LC_ALL": "C",
}  # fmt: skip


def git(folder: Path, *arguments: str, input_: bytes | None = None) -> bytes:
    """What git prints. Raises `InvalidInputError` with git's words."""
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, env={**os.environ, **_QUIET}, check=False, input=input_)
    except FileNotFoundError as error:
        raise InvalidInputError(
            "git is not installed",
            code="LP0770",
            hint="give two files instead",
            next_commands=["loadplan diff OLD NEW"],
        ) from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise InvalidInputError(
            f"git cannot read that: {said[-1] if said else 'no reason given'}", code="LP0770", where=str(folder),
            hint="in CI, fetch the base branch first: `git fetch origin main`", next_commands=["git branch -a"],
        )  # fmt: skip
    return done.stdout


def repository(start: Path) -> Path:
    """The top of the working tree."""
    return Path(os.fsdecode(git(start, "rev-parse", "--show-toplevel").rstrip(b"\n")))


@dataclass(frozen=True)
class Entry:
    """A file of a revision: git's mode, its object id, and its bytes."""

    mode: str
    oid: str
    size: int = 0

    @property
    def is_file(self) -> bool:
        return self.mode in {"100644", "100755"}


@dataclass(frozen=True)
class Revision:
    """One commit of a repository. `name` is as it was asked for."""

    top: Path
    name: str
    commit: str

    @cached_property
    def _listing(self) -> dict[str, Entry]:
        listed = git(self.top, "ls-tree", "-r", "-l", "-z", "--full-tree", self.commit)
        found = {}
        for line in listed.split(b"\0"):
            head, _, name = line.partition(b"\t")
            parts = head.split()
            path = os.fsdecode(name)
            if len(parts) == 4 and is_plain(path):
                size = int(parts[3]) if parts[3].isdigit() else 0
                found[path] = Entry(parts[0].decode(), parts[2].decode(), size)
        return found

    @cached_property
    def files(self) -> dict[str, Entry]:
        """Every file and every link by its path from the top; names that are no plain paths are left out."""
        return {path: entry for path, entry in self._listing.items() if entry.mode != SUBMODULE}

    @cached_property
    def links(self) -> Links:
        """Its symbolic links and submodules."""
        paths = [path for path, entry in self.files.items() if entry.mode == LINK]
        texts = {path: os.fsdecode(text) for path, text in self._contents(paths, MOST_LINK_BYTES)}
        targets = {path: text for path, text in texts.items() if text and "\0" not in text}
        pinned = {path: entry.oid for path, entry in self._listing.items() if entry.mode == SUBMODULE}
        return Links(targets, pinned)

    def make_links(self, folder: Path) -> None:
        """The links of this revision that lead to something in it, below `folder`."""
        if self.links.targets:
            folders = {p.as_posix() for path in self.files for p in PurePosixPath(path).parents}
            self.links.make(folder, folders | self.files.keys())

    def kept(self, path: str) -> Kept:
        """What this revision holds at `path`, links followed."""
        found = self.links.follow(path)
        if found.why:
            return Kept(found.mark, found.why)
        entry = self.files.get(found.path)
        if entry is not None and entry.is_file:
            return Kept(entry.oid)
        return Kept(
            None, f"it links to `{found.path}`, which this revision does not have" if found.path != path else ""
        )

    def read_small(self, paths: Sequence[str], most: int = MOST_PLAN_BYTES) -> Iterator[tuple[str, bytes]]:
        """The contents of small files, links followed, by one process of git however many there are."""
        real = {path: self.links.follow(path) for path in paths}
        wanted = sorted({f.path for f in real.values() if not f.why and (e := self.files.get(f.path)) and e.is_file})
        texts = dict(self._contents(wanted, most))
        yield from ((path, texts[f.path]) for path, f in real.items() if not f.why and f.path in texts)

    def _contents(self, paths: Sequence[str], most: int) -> Iterator[tuple[str, bytes]]:
        small = [(p, e) for p in paths if (e := self.files.get(p)) is not None and e.size <= most]
        if not small:
            return
        answer = git(self.top, "cat-file", "--batch", input_="".join(f"{e.oid}\n" for _, e in small).encode())
        at = 0
        for path, _ in small:
            head = answer.index(b"\n", at)
            size = int(answer[at:head].split()[2])
            yield path, answer[head + 1 : head + 1 + size]
            at = head + size + 2

    def put(self, path: str, folder: Path) -> bool:
        """Write a file below `folder`, at the path to which links lead; False when the revision has no such file. Nothing is ever
        written through a link."""
        found = self.links.follow(path)
        entry = self.files.get(found.path) if not found.why else None
        if entry is None or not entry.is_file:
            return False
        target = folder / found.path
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.parent.resolve() / target.name != folder.resolve() / found.path or target.is_symlink():
            return False  # two names that this machine takes for one
        with target.open("wb") as file:
            done = subprocess.run(
                ["git", "-C", str(self.top), "cat-file", "blob", entry.oid], stdout=file, stderr=subprocess.DEVNULL,
                env={**os.environ, **_QUIET}, check=False,
            )  # fmt: skip
        if done.returncode != 0:
            raise InvalidInputError(f"git does not give `{path}` of {self.name}", code="LP0770", where=self.name)
        return True


def changed_files(base: Revision, head: Revision) -> list[str]:
    """Every path that one has and the other has not, or has otherwise."""
    return sorted(p for p in {*base.files, *head.files} if base.files.get(p) != head.files.get(p))


_STRICT = (re.compile(rb"^version:", re.MULTILINE), re.compile(rb"^steps:", re.MULTILINE))
_LOOSE = (re.compile(rb"\bversion\b"), re.compile(rb"\bsteps\b"))


_ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|u00([0-9a-fA-F]{2})|U000000([0-9a-fA-F]{2}))")


def looks_like_plan(name: str, text: bytes) -> bool:
    """Whether a file has the two keys that every plan has, however they are written. In a hidden folder, where other tools keep their
    files, and in a file that is not called YAML, what is only meant to be a plan is none."""
    hidden = any(part.startswith(".") for part in PurePosixPath(name).parts)
    if name.lower().endswith((".yaml", ".yml")) and not hidden and all(key.search(text) for key in _STRICT):
        return True
    plain = _ESCAPE.sub(lambda m: bytes([int(m[1] or m[2] or m[3], 16)]), text) if b"\\" in text else text
    if not all(key.search(plain) for key in _LOOSE):
        return False
    document, _ = parse_document(text, "plan")
    data = document.data if document is not None else None
    return isinstance(data, dict) and "version" in data and isinstance(data.get("steps"), dict)


def is_plain(path: str) -> bool:
    """Whether a path of a tree may be joined to a folder."""
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and not any(p in {"..", "."} or p.lower() == ".git" for p in parts)


def revision(top: Path, name: str) -> Revision:
    """The commit that a name stands for. Raises `InvalidInputError`."""
    if not name or name.startswith("-"):
        raise UsageError(
            f"`{name}` is not a revision", hint="write BASE..HEAD", next_commands=["loadplan diff main..HEAD"]
        )
    try:
        found = git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    except InvalidInputError as error:
        remote, _, branch = name.partition("/")
        if error.next_commands == ("loadplan diff OLD NEW",):
            raise  # no git at all
        fetch = f"git fetch {remote} {branch}" if remote == "origin" and is_plain(branch) else "git fetch origin"
        raise InvalidInputError(
            f"this repository has no revision `{printable(name)}`", code="LP0770", where=str(top),
            hint="a checkout of CI has one commit only: fetch the base first, or check out with `fetch-depth: 0`",
            next_commands=[fetch if re.fullmatch(r"[A-Za-z0-9_./ -]+", fetch) else "git fetch origin", "git branch -a"],
        ) from error  # fmt: skip
    return Revision(top, name, found.decode().strip())


def revisions(start: Path, text: str) -> tuple[Revision, Revision]:
    """`BASE..HEAD`, or `BASE...HEAD` for the commit where both parted. An empty HEAD is `HEAD`."""
    top = repository(start)
    dots = "..." if "..." in text else ".."
    base, _, head = text.partition(dots)
    two = revision(top, base or "HEAD"), revision(top, head or "HEAD")
    if dots == "...":
        parted = git(top, "merge-base", two[0].commit, two[1].commit).decode().strip()
        return Revision(top, base, parted), two[1]
    return two
