"""The files a plan reads and writes: where they really are, that sources are there, and that nothing is written over that the
plan does not own.

Looks at the file system, never into a file. Paths are texts here, and `os.path` is asked, which never raises: a plan may
name thousands of them.
"""

# ruff: noqa: PTH110, PTH113, PTH114, PTH116, PTH117, PTH118, PTH119, PTH120

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from loadplan.diagnostics import MAX_OPTIONS, Diagnostic, closest
from loadplan.lean import dataclass
from loadplan.plan.document import Document
from loadplan.plan.model import Plan, Step, source_files

STATE_FOLDER = ".loadplan"


def find_root(plan: Path) -> Path:
    """The project: the nearest parent of the plan with `orgs.yaml` or `.git`, else the plan's own folder."""
    folder = Path(os.path.realpath(plan)).parent
    for parent in (folder, *folder.parents):
        if os.path.isfile(parent / "orgs.yaml") or os.path.exists(parent / ".git"):
            return parent
    return folder


class RealPaths:
    """Paths as a plan writes them, relative to its folder, with symbolic links followed."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self.root = str(folder), os.path.join(os.path.realpath(root), "")
        self.known: dict[str, str] = {}

    def find(self, text: str) -> tuple[Path | None, bool]:
        """(where it leads, whether that is inside the project). None for a text that is no path."""
        if not text.strip() or "\0" in text:
            return None, False
        head, tail = os.path.split(os.path.join(self.folder, text))
        try:
            if head not in self.known:
                self.known[head] = os.path.realpath(head)
            full = os.path.join(self.known[head], tail)
            full = os.path.realpath(full) if tail in {"", ".", ".."} or os.path.islink(full) else full
        except (OSError, ValueError):
            return None, False
        return Path(full), full.startswith(self.root) and not os.path.isabs(text)


def missing_sources(plan: Plan, document: Document) -> list[Diagnostic]:
    """Source files that do not exist, or are not files."""
    found = []
    for step in plan.steps.values():
        for source in source_files(step.source):
            if os.path.isfile(source.file):
                continue
            place = document.place(_source_path(document, step))
            exists = os.path.exists(source.file)
            what = "is not a file" if exists else "does not exist"
            hint = _files_beside(source.file, source.path)
            hint = hint or f"paths are relative to the plan's folder, {plan.folder.name}/"
            found.append(Diagnostic("LP0301", f"source `{source.path}` {what}", place, hint=hint))
    return found


def _files_beside(file: Path, written: str) -> str:
    """Names that may have been meant, written as the plan writes them."""
    try:
        names = [p.name for p, _ in zip(file.parent.iterdir(), range(MAX_OPTIONS), strict=False)]
    except (OSError, ValueError):
        return ""
    folder = written[: len(written) - len(os.path.basename(written))]
    close = [f"`{folder}{n}`" for n in closest(file.name, names) if n != file.name]
    return f"did you mean {' or '.join(close)}?" if close else ""


def _source_path(document: Document, step: Step) -> tuple[str, ...]:
    inner = ("steps", step.id, "source", "path")
    return inner if inner in document.values else inner[:-1]


@dataclass
class _Taken:
    """Files by their real path in lower case and by what they are on disk, with what they are to the plan."""

    by_path: dict[str, str] = field(default_factory=dict)
    by_inode: dict[tuple[int, int], str] = field(default_factory=dict)

    def add(self, path: str, found: os.stat_result | None, what: str) -> None:
        self.by_path.setdefault(path.casefold(), what)
        if found is not None:
            self.by_inode.setdefault((found.st_dev, found.st_ino), what)

    def what(self, path: str, found: os.stat_result | None) -> str | None:
        here = self.by_path.get(path.casefold())
        return here or (self.by_inode.get((found.st_dev, found.st_ino)) if found is not None else None)


def _stat(path: str | Path) -> os.stat_result | None:
    try:
        return os.stat(path)
    except (OSError, ValueError):
        return None


def outputs_in_the_way(
    plan: Plan, document: Document, variable_files: Sequence[Path] = (), state_folder: Path | None = None
) -> Iterator[Diagnostic]:
    """An output never overwrites the plan, orgs.yaml, a variables file, a source, another output, or anything in `.git` or the
    state folder. Names are compared as a file system without letter case would."""
    root = os.path.join(os.path.realpath(plan.root), "")
    paths = {s.id: str(s.output_file) for s in plan.steps.values() if s.output_file is not None}
    paths = {s: p for s, p in paths.items() if p.startswith(root)}  # others were refused where they were resolved
    if not paths:
        return
    own, read, written = _Taken(), _Taken(), _Taken()
    named = [(plan.file, "the plan itself"), (plan.root / "orgs.yaml", "orgs.yaml")]
    for file, what in (*named, *((f, f"the variables file {f.name}") for f in variable_files)):
        own.add(os.path.realpath(file), _stat(file), what)
    for step in plan.steps.values():
        for source in source_files(step.source):
            read.add(str(source.file), _stat(source.file), step.id)
    folders = [os.path.realpath(f) for f in (plan.root / STATE_FOLDER, state_folder) if f is not None]
    closed = tuple(os.path.join(f, "").casefold() for f in folders)
    names = {p: s for s, p in paths.items()}
    parents = _Parents(names, root)
    for step_id, path in paths.items():
        found = _stat(path)
        place = document.place(("steps", step_id, "output"))
        is_folder = plan.steps[step_id].output_format == "folder"
        problem = _on_its_own(path, found, own, closed, is_folder=is_folder) or parents.problem(path)
        if problem:
            hint = f"choose a name of its own, for example `out/{step_id}.csv`"
            yield Diagnostic("LP0220", f"`{plan.steps[step_id].output}` {problem}", place, hint=hint)
        reader = read.what(path, found)
        if reader:
            hint = f"use `source: {{step: {step_id}}}` in `{reader}`"
            yield Diagnostic("LP0215", f"`{reader}` reads this file before the run writes it", place, hint=hint)
        writer = written.what(path, found)
        if writer:
            yield Diagnostic("LP0215", f"`{writer}` writes this file too", place, hint="choose another name")
        above = parents.writer(path)
        if above:
            summary = (
                f"this lies in the folder that `{above}` writes, which holds nothing else"
                if plan.steps[above].output_format == "folder"
                else f"`{above}` writes a file where this needs a folder"
            )
            yield Diagnostic("LP0215", summary, place, hint="choose another name")
        written.add(path, found, step_id)


def _on_its_own(
    path: str, found: os.stat_result | None, own: _Taken, closed: tuple[str, ...], *, is_folder: bool
) -> str:
    what = own.what(path, found)
    if what:
        return f"would overwrite {what}"
    lowered = path.casefold()
    if f"{os.sep}.git{os.sep}" in lowered + os.sep:
        return "lies in `.git`, which belongs to git"
    if (lowered + os.sep).startswith(closed):
        return "lies in the folder where runs are kept"
    if found is None:
        return ""
    if is_folder:
        return "" if stat.S_ISDIR(found.st_mode) else "is a file, not a folder"
    return "is a folder" if stat.S_ISDIR(found.st_mode) else ""


class _Parents:
    """Whether the folders above an output can be folders. Each is looked at once."""

    def __init__(self, outputs: Mapping[str, str], root: str) -> None:
        self.outputs, self.root = outputs, root
        self.blocked: dict[str, str] = {}

    def problem(self, path: str) -> str:
        name = self._blocking(os.path.dirname(path))
        return f"needs the folder `{os.path.basename(name)}`, which is a file" if name else ""

    def _blocking(self, folder: str) -> str:
        if len(folder) < len(self.root):
            return ""
        if folder not in self.blocked:
            is_file = os.path.isfile(folder)
            self.blocked[folder] = folder if is_file else self._blocking(os.path.dirname(folder))
        return self.blocked[folder]

    def writer(self, path: str) -> str | None:
        """The step whose output is a folder of `path`."""
        while len(path) > len(self.root):
            path = os.path.dirname(path)
            if path in self.outputs:
                return self.outputs[path]
        return None
