"""Load a plan: every phase as far as it goes, every problem in one pass. Reads files; talks to nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from loadplan.diagnostics import Diagnostic, Place, has_errors, in_order
from loadplan.errors import InvalidInputError
from loadplan.plan import column_rules
from loadplan.plan.build import Builder
from loadplan.plan.checks import check_meaning
from loadplan.plan.document import Document, parse_document, read_document
from loadplan.plan.model import Plan, source_files
from loadplan.plan.schema import check_schema
from loadplan.plan.variables import COMMAND_LINE, resolve


def load_plan(path: Path, *, variables: Mapping[str, str] | None = None, var_files: Sequence[Path] = ()) -> Plan:
    """The plan at `path`. Raises `InvalidInputError` with every problem; then nothing can have been sent."""
    plan, _, problems = check_plan(path, variables=variables, var_files=var_files)
    if plan is None or has_errors(problems):
        count = sum(1 for p in problems if p.severity.value == "error")
        raise InvalidInputError(f"{path} has {count} problem{'' if count == 1 else 's'}; nothing was sent", problems)
    return plan


def check_plan(
    path: Path, *, variables: Mapping[str, str] | None = None, var_files: Sequence[Path] = ()
) -> tuple[Plan | None, Document | None, list[Diagnostic]]:
    """(plan, document, problems in order). The plan is None when it has errors."""
    document, problems = read_document(path)
    if document is None:
        return None, None, problems
    problems = check_schema(document, "plan")
    if problems:
        return None, document, in_order(problems)
    given: dict[str, tuple[object, Place]] = {}
    for file in var_files:
        problems += _read_variables(file, given)
    given |= {name: (value, COMMAND_LINE) for name, value in (variables or {}).items()}
    values, wrong = resolve(document, given)
    problems += wrong
    text = path.read_bytes()
    builder = Builder(document, path, find_root(path), values)
    # Unknown variables would be reported again by every template that uses them.
    plan = builder.build(text) if not wrong else None
    problems += builder.problems
    if plan is not None:
        problems += check_meaning(plan, document)
        problems += missing_sources(plan, document)
    problems = in_order(problems)
    return (None if has_errors(problems) else plan), document, problems


def _read_variables(file: Path, given: dict[str, tuple[object, Place]]) -> list[Diagnostic]:
    document, problems = read_document(file)
    if document is None:
        return problems
    if not isinstance(document.data, dict):
        return [Diagnostic("LP0223", "a variables file must be a map of names and values", document.place(()))]
    for name, value in document.data.items():
        given[name] = (value if isinstance(value, list) else document.raw((name,)), document.place((name,)))
    return []


def missing_sources(plan: Plan, document: Document) -> list[Diagnostic]:
    """Source files and files of value tables that do not exist, or are not files."""
    found = []
    for step in plan.steps.values():
        for source in source_files(step.source):
            if source.file.is_file():
                continue
            place = document.place(("steps", step.id, "source"))
            what = "is not a file" if source.file.exists() else "does not exist"
            hint = f"paths are relative to the plan's folder, {plan.folder.name}/"
            found.append(Diagnostic("LP0301", f"source `{source.path}` {what}", place, hint=hint))
        found += column_rules.missing_tables(step, document)
    return found


def find_root(plan: Path) -> Path:
    """The project: the nearest parent of the plan with `orgs.yaml` or `.git`, else the plan's own folder."""
    folder = plan.resolve().parent
    for parent in (folder, *folder.parents):
        if (parent / "orgs.yaml").is_file() or (parent / ".git").exists():
            return parent
    return folder


__all__ = ["check_plan", "find_root", "load_plan", "missing_sources", "parse_document"]
