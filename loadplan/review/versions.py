"""Versions: one plan as it stands on one side of a diff: read, with its files within reach, and values for variables nobody gave."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path

from loadplan.diagnostics import Diagnostic, Severity
from loadplan.errors import InvalidInputError
from loadplan.lean import dataclass
from loadplan.plan.document import read_document
from loadplan.plan.graph import Graph, compile_graph
from loadplan.plan.load import check_plan, recorded_plan
from loadplan.plan.model import Plan
from loadplan.review.renames import with_names
from loadplan.review.treelinks import Kept

NOT_THERE = frozenset({"LP0301"})
"""Files of a version are fetched when they are needed, and one that is not there is told with the rows."""
Identity = Callable[[Path], Kept]
"""What a version holds of a file that a plan reads. It sees to it that the file is there to be read."""


@dataclass(frozen=True)
class Version:
    """One version of one plan: parsed, and with its files within reach. `label` names it; `root` is its project."""

    label: str
    plan: Plan
    graph: Graph
    identity: Identity
    invented: tuple[str, ...] = ()
    """Variables that nobody gave a value."""

    def under(self, names: Mapping[str, str]) -> Version:
        """The same version with steps under other ids."""
        if not names:
            return self
        plan = with_names(self.plan, names)
        return replace(self, plan=plan, graph=compile_graph(plan))


@dataclass(frozen=True)
class Pair:
    """The two versions of a plan. None: there is none on that side. `note` says why, when that is not a matter of course."""

    file: str
    before: Version | None
    after: Version | None
    note: str = ""
    unread: str = ""
    """Why a side that has the plan cannot be read at all."""
    hidden: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(step, path) of files that changed and are read with other values of variables only -> those variables."""


def read_version(
    label: str, file: Path, identity: Identity, variables: Mapping[str, str], var_files: Sequence[Path], shown: str
) -> Version:
    """A plan as it stands in `file`; its sources need not be there. `shown` is how messages name the file. Raises
    `InvalidInputError`."""
    variables, invented = variables_for(file, variables, var_files)
    try:
        _, _, problems = check_plan(file, variables=variables, var_files=var_files)
        if wrong := [d for d in problems if d.severity is Severity.ERROR and d.code not in NOT_THERE]:
            raise InvalidInputError(wrong[0].summary, wrong, code=wrong[0].code)
        plan = recorded_plan(file, file, variables, var_files)
        return Version(label, plan, compile_graph(plan), identity, tuple(invented))
    except InvalidInputError as error:
        names = {str(file): f"{label}:{shown}"}
        below = str(file).removesuffix(shown)  # where the files of a revision were put down
        names |= {
            str(v): f"{label}:{str(v).removeprefix(below)}" for v in var_files if below and str(v).startswith(below)
        }
        problems = [_renamed(d, names) for d in error.diagnostics]
        raise InvalidInputError(
            f"{shown} of {label} cannot be read as a plan", problems, code=error.code, where=f"{label}:{shown}",
            hint="give its variables with --var" if any(d.code == "LP0222" for d in problems) else None,
        ) from error  # fmt: skip


def _renamed(diagnostic: Diagnostic, names: Mapping[str, str]) -> Diagnostic:
    name = names.get(diagnostic.place.file)
    return diagnostic if name is None else replace(diagnostic, place=replace(diagnostic.place, file=name), quote=False)


PLACEHOLDERS = {
    "string": "x", "number": "0", "boolean": "false", "date": "2000-01-01", "datetime": "2000-01-01T00:00:00Z", "list": "x",
}  # fmt: skip


def variables_for(file: Path, given: Mapping[str, str], var_files: Sequence[Path]) -> tuple[dict[str, str], list[str]]:
    """(of the given variables those that the plan declares, and a value for each that nobody gave, the names of the latter). A
    change is to be understood without the values of one run; where files are named by them, they are told as not there."""
    document, _ = read_document(file)
    declared = document.data.get("vars") if document is not None and isinstance(document.data, dict) else None
    if not isinstance(declared, dict):
        return {}, []
    values = {name: value for name, value in given.items() if name in declared}
    invented = []
    for name, about in declared.items():
        if name in values or var_files or not isinstance(about, dict) or "default" in about:
            continue
        listed = about.get("values")
        values[name] = (
            str(listed[0]) if isinstance(listed, list) and listed else PLACEHOLDERS.get(str(about.get("type")), "x")
        )
        invented.append(str(name))
    return values, invented


def file_kept(file: Path) -> Kept:
    """A file of this machine, by its sha256; links are followed."""
    if not file.is_file():
        return Kept(None)
    with file.open("rb") as opened:
        return Kept(hashlib.file_digest(opened, "sha256").hexdigest())
