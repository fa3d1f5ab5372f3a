"""Comparing: from the arguments of `diff` to its document: two files, or the plans of two git revisions put down side by side."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from loadplan.errors import InvalidInputError, UsageError
from loadplan.plan.files import STATE_FOLDER, find_root
from loadplan.plan.model import Plan, source_files
from loadplan.review.difference import document
from loadplan.review.hidden import hidden_files
from loadplan.review.meaning import Change
from loadplan.review.orgrisk import org_changes
from loadplan.review.renames import alike
from loadplan.review.revisions import Revision, changed_files, looks_like_plan, revisions
from loadplan.review.treelinks import Kept
from loadplan.review.versions import Identity, Pair, Version, file_kept, read_version

ENDINGS = (".yaml", ".yml")
AT_ONCE = 500
"""Files that are read by one process of git."""


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
    sides = [read_version(n, Path(n), file_kept, variables, var_files, n) for n in (old, new)]
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
    changed = changed_files(base, head)
    found = before.plans(changed), after.plans(changed)
    files = _named(base, head, named) if named else _once(sorted({*found[0], *found[1]}), base, head)
    pairs = _moved([p for file in files if (p := _pair(file, before, after, changed, always=bool(named))) is not None])
    orgs = list(_orgs_of_revisions(before, after, found[0]))
    if not files:
        raise InvalidInputError(
            "neither revision has a plan", code="LP0771", hint="a plan is a YAML file with `version:` and `steps:`",
            next_commands=[f"loadplan diff {text} PLAN"],
        )  # fmt: skip
    labels = (base.commit[:12], head.commit[:12])
    return document(labels, pairs, orgs, folder / "rows", show_values=show_values, elsewhere=after.deleted)


def _once(files: Sequence[str], base: Revision, head: Revision) -> list[str]:
    """Without links that lead, on both sides, to one and the same plan that is listed itself. A file that is not called YAML goes by
    the name of the link to it."""
    linked = {head.links.follow(f).path for f in files if head.links.follow(f).path != f}
    files = [f for f in files if f.lower().endswith(ENDINGS) or f not in linked]
    listed = set(files)
    real = {f: (base.links.follow(f), head.links.follow(f)) for f in files}
    return [f for f, (one, other) in real.items() if one != other or one.path == f or one.path not in listed]


def _orgs_of_revisions(before: _Tree, after: _Tree, plans: Sequence[str]) -> Iterator[Change]:
    """Every orgs.yaml; one that comes or goes above plans which were there is compared with the one that held, or holds, for them."""
    places = sorted({f for t in (before, after) for f in t.rev.files if PurePosixPath(f).name == "orgs.yaml"})
    for place in places:
        kept = before.rev.kept(place), after.rev.kept(place)
        if kept[0] == kept[1]:
            continue
        unseen = "; ".join(f"in {side}, {k.why}" for side, k in zip(("base", "head"), kept, strict=True) if k.why)
        if unseen:
            yield Change(place, "", "changed", "", "", "R3", f"cannot be compared: {unseen}")
            continue
        folder = PurePosixPath(place).parent
        above = any(PurePosixPath(before.real(p)).is_relative_to(folder) for p in plans)
        yield from org_changes(
            before.orgs(before.nearest(place) if above else place, broken_is_empty=True),
            after.orgs(after.nearest(place) if above else place),
        )


def _named(base: Revision, head: Revision, named: Sequence[str]) -> list[str]:
    """Plans as they are called in the repository."""
    found = []
    for name in named:
        full = Path(name).absolute()
        path = full.relative_to(base.top).as_posix() if full.is_relative_to(base.top) else name
        kept = base.kept(path), head.kept(path)
        if kept[0].same is None and kept[1].same is None:
            why = kept[1].why or kept[0].why
            raise InvalidInputError(
                f"neither revision has `{name}`{f': {why}' if why else ''}",
                code="LP0771",
                next_commands=[f"git ls-files {PurePosixPath(name).name}"],
            )
        found.append(path)
    return found


def _moved(pairs: Sequence[Pair]) -> list[Pair]:
    """A plan that is gone from one file and new in another was moved, when it has its name still, or most of its steps: it is compared
    with what it was."""
    gone = {p.file: p for p in pairs if p.before is not None and p.after is None and not p.unread}
    old: dict[str, Pair] = {}
    come = [p for p in pairs if p.after is not None and p.before is None and not p.note and not p.unread]
    for by_name in (True, False):
        for pair in come:
            twin = _twin(pair, list(gone.values()), by_name=by_name) if pair.file not in old else None
            if twin is not None:
                old[pair.file] = gone.pop(twin.file)
    left = {p.file for p in old.values()}
    return [
        replace(p, before=old[p.file].before, note=f"moved from {old[p.file].file}") if p.file in old else p
        for p in pairs
        if p.file not in left
    ]


def _twin(pair: Pair, gone: Sequence[Pair], *, by_name: bool) -> Pair | None:
    new = pair.after.plan if pair.after is not None else None
    if new is None:
        return None
    old = [(g.before.plan, g) for g in gone if g.before is not None]
    if by_name:
        return next((g for plan, g in old if plan.name == new.name), None)
    best = max(((alike(plan, new), -at, g) for at, (plan, g) in enumerate(old)), default=None, key=lambda b: b[:2])
    return best[2] if best is not None and best[0] > 0.5 else None


def _pair(file: str, before: _Tree, after: _Tree, changed: Collection[str], *, always: bool) -> Pair | None:
    """The two versions; None when nothing that the plan reads changed. A base with mistakes counts as none: then all is new."""
    note = ""
    kept = before.rev.kept(file), after.rev.kept(file)
    unread = "; ".join(f"in {s}, {k.why}" for s, k in zip(("base", "head"), kept, strict=True) if k.why and k.same)
    if unread and kept[0] == kept[1]:
        return Pair(file, None, None, f"not looked at, and the same in both: {kept[0].why}")
    try:
        new = after.version(file)
    except InvalidInputError:
        # Nobody asked for it or can run it, and nobody changed it or calls it a plan: another tool's file, a page with an example.
        if not always and (kept[0] == kept[1] or not file.lower().endswith(ENDINGS)):
            return None
        raise
    try:
        old = before.version(file)
    except InvalidInputError as error:
        if new is None:
            raise
        old, note = None, f"the base version has mistakes, so every step counts as added: {error.summary}"
    if old is None and new is None:
        return Pair(file, None, None, unread=unread) if unread else None
    hidden: dict[tuple[str, str], str] = {}
    if old is not None and new is not None:
        for tree, version in ((before, old), (after, new)):
            hidden |= hidden_files(version.plan, after.real(file), changed, tree.state(file, version.plan))
    if (
        not always
        and not hidden
        and old is not None
        and new is not None
        and before.state(file, old.plan) == after.state(file, new.plan)
    ):
        return None
    return Pair(file, old, new, note, unread, hidden)


class _Tree:
    """A revision as far as it was needed: files are put down when somebody asks for them."""

    def __init__(self, rev: Revision, root: Path, variables: Mapping[str, str], var_files: Sequence[Path]) -> None:
        self.rev, self._root, self._variables = rev, root, variables
        (root / ".git").mkdir(parents=True)
        self.deleted: dict[Path, str] = {}
        """The files that deletes of the plans read so far take their rows from, and what those are called."""
        rev.make_links(root)
        self._var_files = [self._as_here(file) for file in var_files]

    def _as_here(self, file: Path) -> Path:
        """A file of variables as it is in this revision; as it lies on disk, where the revision has none."""
        full = file.absolute()
        path = full.relative_to(self.rev.top).as_posix() if full.is_relative_to(self.rev.top) else ""
        return self._root / self.real(path) if path and self.rev.put(path, self._root) else file

    def plans(self, changed: Collection[str]) -> list[str]:
        """Every file that looks like a plan, and every link to one: YAML files, and of those that `changed` all, whatever they are
        called, since a plan may be called anything."""
        others = set(changed)
        own = [f for f in self.rev.files if STATE_FOLDER not in PurePosixPath(f).parts]
        names = [f for f in own if f.lower().endswith(ENDINGS) or f in others]
        found: list[str] = []
        for some in range(0, len(names), AT_ONCE):
            texts = self.rev.read_small(names[some : some + AT_ONCE])
            found += [name for name, text in texts if looks_like_plan(name, text)]
        return found

    def real(self, file: str) -> str:
        """Where a path leads."""
        return self.rev.links.follow(file).path

    def nearest(self, place: str) -> str:
        """The orgs.yaml that holds where `place` is, or would be, one; `place` itself where there is none."""
        folder = PurePosixPath(place).parent
        above = [(parent / "orgs.yaml").as_posix() for parent in (folder, *folder.parents)]
        return next((p for p in above if self.rev.kept(p).same is not None and not self.rev.kept(p).why), place)

    def version(self, file: str) -> Version | None:
        """The plan in this revision, None when it has none. Raises `InvalidInputError`."""
        if not self.rev.put(file, self._root):
            return None
        for parent in PurePosixPath(self.real(file)).parents:
            self.rev.put((parent / "orgs.yaml").as_posix(), self._root)
        identity: Identity = self._identity
        found = read_version(self.rev.commit[:12], self._root / file, identity, self._variables, self._var_files, file)
        for step in found.plan.steps.values():
            if step.facts.destructive:
                self.deleted |= dict.fromkeys(
                    (f.file for f in source_files(step.source)), f"{step.id} of {found.plan.name}"
                )
        return found

    def state(self, file: str, plan: Plan) -> dict[str, Kept]:
        """Everything that the plan reads, by path."""
        used = [f.file for s in plan.steps.values() for f in source_files(s.source)]
        used += [f.file for s in plan.steps.values() for f in s.input_files]
        used += [f for f in self._var_files if f.is_relative_to(self._root)]
        return {file: self.rev.kept(file), **{below: self.rev.kept(below) for below in map(self._below, used)}}

    def orgs(self, place: str, *, broken_is_empty: bool = False) -> Mapping[str, Any]:
        """What an orgs.yaml says. With `broken_is_empty`, one with mistakes says nothing: the change mends it. Raises
        `InvalidInputError`."""
        if not self.rev.put(place, self._root):
            return {}
        try:
            return _orgs(self._root / place)
        except InvalidInputError as error:
            if broken_is_empty:
                return {}
            where = f"{self.rev.commit[:12]}:{place}"
            problem = f"{place} has mistakes: {error.diagnostics[0].summary if error.diagnostics else error.summary}"
            raise InvalidInputError(problem, code=error.code or "LP0100", where=where) from error

    def _below(self, file: Path) -> str:
        return file.relative_to(self._root).as_posix() if file.is_relative_to(self._root) else ""

    def _identity(self, file: Path) -> Kept:
        path = self._below(file)
        kept = self.rev.kept(path)
        if kept.same is None or kept.why or file.is_file():
            return kept
        self.rev.put(path, self._root)
        return kept if file.is_file() else Kept(kept.same, "its name cannot be made on this machine")


def _orgs(path: Path) -> Mapping[str, Any]:
    from loadplan.salesforce.entries import read_orgs_file

    return read_orgs_file(path)
