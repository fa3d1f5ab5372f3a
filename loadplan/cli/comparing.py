"""Comparing: from the arguments of `diff` to its document: two files, or the plans of two git revisions put down side by side."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from loadplan.errors import InvalidInputError, UsageError
from loadplan.plan.files import find_root
from loadplan.plan.model import Plan, source_files
from loadplan.review.difference import Identity, Pair, Version, document, file_identity, read_version
from loadplan.review.meaning import Change
from loadplan.review.revisions import Revision, revisions
from loadplan.review.risk import org_changes

_KEYS = (re.compile(rb"^version:", re.MULTILINE), re.compile(rb"^steps:", re.MULTILINE))
ENDINGS = (".yaml", ".yml")


def compare(
    versions: Sequence[str], variables: Mapping[str, str], var_files: Sequence[Path], *, show_values: bool
) -> tuple[dict[str, Any], Sequence[str]]:
    """(the document, the plans that were named). Raises `LoadplanError`."""
    with tempfile.TemporaryDirectory(prefix="loadplan-diff-") as name:
        folder = Path(name).resolve()
        if ".." in versions[0] and not versions[0].endswith(ENDINGS):
            return _of_revisions(versions[0], versions[1:], variables, var_files, folder, show_values), versions[1:]
        if len(versions) != 2:
            raise UsageError(
                "diff compares two files, or two revisions", hint="OLD NEW, or BASE..HEAD and plans",
                next_commands=["loadplan diff OLD NEW", "loadplan diff main..HEAD"],
            )  # fmt: skip
        return _of_files(versions[0], versions[1], variables, var_files, folder, show_values), versions


def _of_files(
    old: str, new: str, variables: Mapping[str, str], var_files: Sequence[Path], folder: Path, show_values: bool
) -> dict[str, Any]:
    sides = [read_version(n, Path(n), file_identity, variables, var_files, n) for n in (old, new)]
    roots = [find_root(Path(n)) for n in (old, new)]
    orgs = [] if roots[0] == roots[1] else list(org_changes(*(_orgs(r / "orgs.yaml") for r in roots)))
    return document((old, new), [Pair(new, sides[0], sides[1])], orgs, folder, show_values=show_values)


def _of_revisions(
    text: str,
    named: Sequence[str],
    variables: Mapping[str, str],
    var_files: Sequence[Path],
    folder: Path,
    show_values: bool,
) -> dict[str, Any]:
    base, head = revisions(Path.cwd(), text)
    before = _Tree(base, folder / "base", variables, var_files)
    after = _Tree(head, folder / "head", variables, var_files)
    files = _named(base, head, named) if named else sorted({*before.plans(), *after.plans()})
    pairs = _moved([p for file in files if (p := _pair(file, before, after, always=bool(named))) is not None])
    orgs: list[Change] = []
    for place in sorted({f for r in (base, head) for f in r.files if PurePosixPath(f).name == "orgs.yaml"}):
        if base.files.get(place) != head.files.get(place):
            orgs += org_changes(before.orgs(place, broken_is_empty=True), after.orgs(place))
    if not files:
        raise InvalidInputError(
            "neither revision has a plan", code="LP0771", hint="a plan is a YAML file with `version:` and `steps:`",
            next_commands=[f"loadplan diff {text} PLAN"],
        )  # fmt: skip
    labels = (base.commit[:12], head.commit[:12])
    return document(labels, pairs, orgs, folder / "rows", show_values=show_values)


def _named(base: Revision, head: Revision, named: Sequence[str]) -> list[str]:
    """Plans as they are called in the repository."""
    found = []
    for name in named:
        full = Path(name).absolute()
        path = full.relative_to(base.top).as_posix() if full.is_relative_to(base.top) else name
        if path not in base.files and path not in head.files:
            raise InvalidInputError(
                f"neither revision has `{name}`",
                code="LP0771",
                next_commands=[f"git ls-files {PurePosixPath(name).name}"],
            )
        found.append(path)
    return found


def _moved(pairs: Sequence[Pair]) -> list[Pair]:
    """A plan that is gone from one file and new in another, under its name, was moved: it is compared with what it was."""
    gone = {p.before.plan.name: p for p in pairs if p.before is not None and p.after is None}
    new = {p.after.plan.name for p in pairs if p.after is not None and p.before is None and not p.note}
    found = []
    for pair in pairs:
        if pair.after is None and pair.before is not None and pair.before.plan.name in new:
            continue
        old = (
            gone.get(pair.after.plan.name) if pair.after is not None and pair.before is None and not pair.note else None
        )
        found.append(replace(pair, before=old.before, note=f"moved from {old.file}") if old is not None else pair)
    return found


def _pair(file: str, before: _Tree, after: _Tree, *, always: bool) -> Pair | None:
    """The two versions; None when nothing that the plan reads changed. A base with mistakes counts as none: then all is new."""
    note = ""
    new = after.version(file)
    try:
        old = before.version(file)
    except InvalidInputError as error:
        if new is None:
            raise
        old, note = None, f"the base version has mistakes, so every step counts as added: {error.summary}"
    if old is None and new is None:
        return None
    if (
        not always
        and old is not None
        and new is not None
        and before.state(file, old.plan) == after.state(file, new.plan)
    ):
        return None
    return Pair(file, old, new, note)


class _Tree:
    """A revision as far as it was needed: files are put down when somebody asks for them."""

    def __init__(self, rev: Revision, root: Path, variables: Mapping[str, str], var_files: Sequence[Path]) -> None:
        self._rev, self._root, self._variables, self._var_files = rev, root, variables, var_files
        (root / ".git").mkdir(parents=True)

    def plans(self) -> list[str]:
        """Every file that looks like a plan."""
        names = [f for f in self._rev.files if f.endswith(ENDINGS) and not f.startswith(".") and "/." not in f]
        return [name for name, text in self._rev.read_small(names) if all(key.search(text) for key in _KEYS)]

    def version(self, file: str) -> Version | None:
        """The plan in this revision, None when it has none. Raises `InvalidInputError`."""
        if not self._rev.put(file, self._root):
            return None
        for parent in PurePosixPath(file).parents:
            self._rev.put((parent / "orgs.yaml").as_posix(), self._root)
        identity: Identity = self._identity
        return read_version(self._rev.commit[:12], self._root / file, identity, self._variables, self._var_files, file)

    def state(self, file: str, plan: Plan) -> dict[str, str | None]:
        """Everything that the plan reads, by path."""
        used = [f.file for s in plan.steps.values() for f in source_files(s.source)]
        used += [f.file for s in plan.steps.values() for f in s.input_files]
        return {file: self._oid(file), **{self._below(f): self._oid(self._below(f)) for f in used}}

    def orgs(self, place: str, *, broken_is_empty: bool = False) -> Mapping[str, Any]:
        """What an orgs.yaml says. With `broken_is_empty`, one with mistakes says nothing: the change mends it. Raises
        `InvalidInputError`."""
        if not self._rev.put(place, self._root):
            return {}
        try:
            return _orgs(self._root / place)
        except InvalidInputError as error:
            if broken_is_empty:
                return {}
            where = f"{self._rev.commit[:12]}:{place}"
            problem = f"{place} has mistakes: {error.diagnostics[0].summary if error.diagnostics else error.summary}"
            raise InvalidInputError(problem, code=error.code or "LP0100", where=where) from error

    def _below(self, file: Path) -> str:
        return file.relative_to(self._root).as_posix() if file.is_relative_to(self._root) else ""

    def _oid(self, path: str) -> str | None:
        entry = self._rev.files.get(path)
        return entry.oid if entry is not None and entry.is_file else None

    def _identity(self, file: Path) -> str | None:
        path = self._below(file)
        if not file.is_file() and not self._rev.put(path, self._root):
            return None
        return self._oid(path)


def _orgs(path: Path) -> Mapping[str, Any]:
    from loadplan.salesforce.entries import read_orgs_file

    return read_orgs_file(path)
