"""Load a plan: every phase as far as it goes, every problem in one pass. Reads files; talks to nobody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from loadplan.diagnostics import Diagnostic, has_errors, in_order
from loadplan.errors import InvalidInputError
from loadplan.plan import column_rules
from loadplan.plan.build import Builder, stray_templates
from loadplan.plan.checks import check_meaning
from loadplan.plan.document import Document, parse_document, read_document, read_partly
from loadplan.plan.files import find_root, missing_sources, outputs_in_the_way
from loadplan.plan.model import Plan
from loadplan.plan.repair import repaired
from loadplan.plan.variables import COMMAND_LINE, Given, resolve, written


def load_plan(
    path: Path,
    *,
    variables: Mapping[str, str] | None = None,
    var_files: Sequence[Path] = (),
    state_folder: Path | None = None,
) -> Plan:
    """The plan at `path`. Raises `InvalidInputError` with every problem; then nothing can have been sent."""
    plan, _, problems = check_plan(path, variables=variables, var_files=var_files, state_folder=state_folder)
    if plan is None or has_errors(problems):
        count = sum(1 for p in problems if p.severity.value == "error")
        raise InvalidInputError(
            f"{path} has {count} problem{'' if count == 1 else 's'}; nothing was sent", problems,
            next_commands=[f"loadplan validate {path}"],
        )  # fmt: skip
    return plan


def recorded_plan(kept: Path, file: Path, variables: Mapping[str, str], var_files: Sequence[Path]) -> Plan:
    """The plan that a run began with, from the copy `kept`, with the paths it had at `file`. For reading a run again: sources
    need not exist any more. Raises `InvalidInputError`."""
    document, problems = read_document(kept)
    plan = None
    if document is not None:
        given: dict[str, Given] = {}
        for extra in var_files:
            problems += _read_variables(extra, given)
        given |= {n: Given(v, COMMAND_LINE, COMMAND_LINE) for n, v in variables.items()}
        values, _, wrong = resolve(document, given)
        builder = Builder(document, file, find_root(file), values)
        problems += wrong
        plan = builder.build(kept.read_bytes()) if not wrong else None
        problems += builder.problems
    if plan is None or has_errors(problems):
        raise InvalidInputError(f"the plan of the run cannot be read again from {kept}", problems)
    return plan


def check_plan(
    path: Path,
    *,
    variables: Mapping[str, str] | None = None,
    var_files: Sequence[Path] = (),
    state_folder: Path | None = None,
) -> tuple[Plan | None, Document | None, list[Diagnostic]]:
    """(plan, document, problems in order). The plan is None when it has errors. `state_folder` is where runs are kept, when
    it is not the usual place: no step may write there."""
    given: dict[str, Given] = {}
    problems: list[Diagnostic] = []
    for file in var_files:
        problems += _read_variables(file, given)
    unreadable = has_errors(problems)
    given |= {name: Given(value, COMMAND_LINE, COMMAND_LINE) for name, value in (variables or {}).items()}

    document, found = read_partly(path)
    problems += found
    if document is None:
        return None, None, in_order(problems)
    partial, found = repaired(document)
    problems += found
    if partial is None:
        return None, document, in_order(problems)
    values, doubtful, found = resolve(partial, given)
    if unreadable:  # whatever must be given may be in the file that could not be read
        doubtful |= {n for n in partial.data.get("vars") or {} if n not in values}
        found = [p for p in found if p.code != "LP0222"]
    problems += found
    builder = Builder(partial, path, find_root(path), values, doubtful)
    plan = builder.build(document.text)
    problems += builder.problems
    problems += stray_templates(document)
    problems += check_meaning(plan, partial)
    problems += missing_sources(plan, partial)
    for step in plan.steps.values():
        problems += column_rules.missing_tables(step, partial)
    problems += outputs_in_the_way(plan, partial, var_files, state_folder)
    problems = in_order(_without_echoes(problems))
    return (None if has_errors(problems) else plan), document, problems


def _without_echoes(problems: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Without what another diagnostic of the same place says better: a template where none is rendered also does not look
    like the name or the word that belongs there, and a path that leaves the project also does not exist."""
    better = {
        "LP0204": ("LP0224",), "LP0206": ("LP0224",), "LP0301": ("LP0226",), "LP0220": ("LP0226",),
        "LP0261": ("LP0220", "LP0226"),
    }  # fmt: skip
    listed = list(problems)
    told = {(p.code, p.place.file, p.place.line, p.place.column) for p in listed}
    return [
        p
        for p in listed
        if not any((code, p.place.file, p.place.line, p.place.column) in told for code in better.get(p.code, ()))
    ]


def _read_variables(file: Path, given: dict[str, Given]) -> list[Diagnostic]:
    document, problems = read_document(file)
    if document is None:
        return problems
    if not isinstance(document.data, dict):
        hint = "write `name: value`, one variable a line"
        return [
            Diagnostic("LP0223", "a variables file must be a map of names and values", document.place(()), hint=hint)
        ]
    for name in document.data:
        given[name] = Given(written(document, (name,)), document.place((name,)), document.key_place((name,)))
    return []


__all__ = ["check_plan", "find_root", "load_plan", "missing_sources", "parse_document"]
