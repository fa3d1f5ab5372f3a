"""Rules that a schema cannot say: one function each, its docstring the rule in plain words, its code stable. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from loadplan.diagnostics import Diagnostic, Severity, did_you_mean, has_errors
from loadplan.errors import InvalidInputError
from loadplan.plan.document import Document, KeyPath
from loadplan.plan.model import (
    Constant,
    FromColumn,
    Hierarchy,
    IdOf,
    Plan,
    ResultsSource,
    StdinSource,
    StepSource,
    source_files,
)
from loadplan.plan.outputs import OUTPUT_ENDINGS
from loadplan.plan.templates import TemplateError, names_in

Rule = Callable[[Plan, Document], Iterator[Diagnostic]]
RULES: list[Rule] = []
OLDEST, NEWEST = 41, 68


def rule(function: Rule) -> Rule:
    """Register a rule. Rules run in the order they are written."""
    RULES.append(function)
    return function


def check_meaning(plan: Plan, document: Document) -> list[Diagnostic]:
    """Every rule over the whole plan; a circle is looked for only when all names are known."""
    from loadplan.plan.parent_rules import PARENT_RULES

    found = [d for r in (*RULES, *PARENT_RULES) for d in r(plan, document)]
    if not has_errors(found):
        from loadplan.plan.graph import compile_graph

        try:
            compile_graph(plan)
        except InvalidInputError as error:
            found.extend(error.diagnostics)
    return found


@rule
def known_steps(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """`depends_on` and `{step: …}` name steps of this plan, and never the step itself."""
    for step in plan.steps.values():
        named: list[tuple[str, KeyPath]] = [
            (name, ("steps", step.id, "depends_on", i)) for i, name in enumerate(step.depends_on)
        ]
        if isinstance(step.source, StepSource):
            key = "results_of" if isinstance(step.source, ResultsSource) else "step"
            named.append((step.source.step, ("steps", step.id, "source", key)))
        for name, path in named:
            if name not in plan.steps:
                hint = did_you_mean(name, plan.steps) or f"steps: {', '.join(list(plan.steps)[:10])}"
                yield Diagnostic("LP0207", f"there is no step `{name}`", document.place(path), hint=hint)
            elif name == step.id:
                yield Diagnostic(
                    "LP0207", f"step `{name}` cannot depend on itself", document.place(path), hint="remove it"
                )


@rule
def step_source_has_rows(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """`{step: …}` takes the rows of a query, `{results_of: …}` the result rows of any other operation."""
    for step in plan.steps.values():
        parent = plan.steps.get(step.source.step) if isinstance(step.source, StepSource) else None
        if parent is None:
            continue
        if isinstance(step.source, ResultsSource):
            if parent.is_query:
                place = document.place(("steps", step.id, "source", "results_of"))
                hint = f"its rows are `source: {{step: {parent.id}}}`"
                yield Diagnostic(
                    "LP0272", f"`{parent.id}` is a query, so no row of it succeeds or fails", place, hint=hint
                )
        elif not parent.is_query:
            place = document.place(("steps", step.id, "source", "step"))
            hint = f"its result rows are `source: {{results_of: {parent.id}, kind: successful}}`"
            yield Diagnostic("LP0208", f"`{parent.id}` is not a query, so it has no rows to read", place, hint=hint)


@rule
def standard_input_is_read_once(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """Standard input can be read once, so one step has it."""
    readers = [step for step in plan.steps.values() if isinstance(step.source, StdinSource)]
    for step in readers[1:]:
        place = document.place(("steps", step.id, "source"))
        hint = "write the rows to a file that both steps read"
        yield Diagnostic("LP0271", f"`{readers[0].id}` already reads standard input", place, hint=hint)


@rule
def external_id_is_sent(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """An upsert sends its external id: with `columns` given, one of them must be that field, and not a constant."""
    for step in plan.steps.values():
        if step.operation != "upsert" or step.columns is None:
            continue
        fed = [c for c in step.columns if c.field == step.external_id]
        if not fed and any(x.header == step.external_id for x in step.ids):
            continue
        if not fed:
            place = document.key_place(("steps", step.id, "columns"))
            hint = f"add `{step.external_id}: <source column>`"
            yield Diagnostic(
                "LP0209", f"the external id `{step.external_id}` is not among the columns", place, hint=hint
            )
        elif isinstance(fed[0], Constant):
            place = document.place(("steps", step.id, "columns", fed[0].field))
            yield Diagnostic("LP0209", "every row would have the same external id", place, hint="take it from a column")


@rule
def delete_sends_only_ids(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """delete and hardDelete send the column `Id` and nothing else, so nothing else can be mapped."""
    for step in plan.steps.values():
        if not step.facts.id_only:
            continue
        for column in step.columns or ():
            if column.field != "Id" or not isinstance(column, FromColumn):
                place = document.key_place(("steps", step.id, "columns", column.field))
                yield Diagnostic(
                    "LP0210", f"a {step.operation} sends only `Id`, not `{column.field}`", place, hint="remove it"
                )
        for lookup in step.references:
            if isinstance(lookup, IdOf) and lookup.header == "Id":
                continue
            at = ("hierarchy",) if isinstance(lookup, Hierarchy) else ("lookups", lookup.header)
            place = document.key_place(("steps", step.id, *at))
            yield Diagnostic("LP0210", f"a {step.operation} sends only `Id`, no parents", place, hint="remove it")


@rule
def multipart_is_repeatable(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """A multipart create cannot be told from a lost one, so it is for operations that are safe to repeat."""
    for step in plan.steps.values():
        if step.upload == "multipart" and not step.facts.repeatable:
            place = document.place(("steps", step.id, "upload"))
            summary = (
                f"`multipart` may send rows twice when an answer is lost, and {step.operation} is not safe to repeat"
            )
            yield Diagnostic("LP0211", summary, place, hint="use `upload: staged` (the default)")


@rule
def fields_are_sent_once(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """A target field is fed once: names differing only in case are the same field to Salesforce."""
    for step in plan.steps.values():
        seen: dict[str, str] = {}
        targets: list[tuple[str, KeyPath]] = [(c.field, ("columns", c.field)) for c in step.columns or ()]
        for lookup in step.references:
            at = ("hierarchy", "lookup") if isinstance(lookup, Hierarchy) else ("lookups", lookup.header)
            targets.append((lookup.header, at))
        for name, path in targets:
            if name.lower() in seen:
                place = document.key_place(("steps", step.id, *path))
                yield Diagnostic(
                    "LP0212", f"`{name}` is fed twice (also as `{seen[name.lower()]}`)", place, hint="keep one"
                )
            seen[name.lower()] = name


@rule
def api_version_exists(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """Bulk API 2.0 exists from version 41.0 on, queries from 47.0, assignment rules from 49.0."""
    version = float(plan.api_version)
    place = document.place(("api_version",))
    if not OLDEST <= version <= NEWEST:
        yield Diagnostic("LP0213", f"API version {plan.api_version} is not between {OLDEST}.0 and {NEWEST}.0", place)
    for step in plan.steps.values():
        if step.is_query and version < 47:
            yield Diagnostic("LP0213", f"query jobs (`{step.id}`) need API version 47.0 or later", place)
        if step.assignment_rule_id and version < 49:
            yield Diagnostic("LP0213", f"assignment_rule_id (`{step.id}`) needs API version 49.0 or later", place)
        if step.parallel_pages > 1 and version < 58:
            place = document.place(("steps", step.id, "parallel_pages"))
            summary = f"parallel_pages (`{step.id}`) needs API version 58.0 or later, the plan says {plan.api_version}"
            yield Diagnostic("LP0213", summary, place, hint="leave it out: one page at a time needs no version")


@rule
def pages_are_cut_by_one_side(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """With `parallel_pages` the org cuts the pages (`resultPages` takes no size), so `max_records` cannot be given too."""
    for step in plan.steps.values():
        if step.parallel_pages > 1 and step.max_records is not None:
            place = document.key_place(("steps", step.id, "max_records"))
            yield Diagnostic(
                "LP0260", "the org cuts the pages when several are fetched at a time", place,
                hint="remove max_records, or fetch one page at a time (parallel_pages: 1)",
            )  # fmt: skip


@rule
def output_tells_its_format(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """The ending of `output` says what is written."""
    for step in plan.steps.values():
        if step.output and step.output_format is None:
            place = document.place(("steps", step.id, "output"))
            hint = f"end it with {', '.join(OUTPUT_ENDINGS)}, or with / for a folder with one CSV file a page"
            yield Diagnostic("LP0261", f"the ending of `{step.output}` does not tell what to write", place, hint=hint)


_TOKEN = re.compile(r"'(?:\\.|[^'\\])*'|[A-Za-z_][\w.]*|\(|\)|\S")
_AGGREGATES = {"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX"}


@rule
def soql_fits_bulk(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """Bulk queries know no GROUP BY, OFFSET, TYPEOF, aggregates or subqueries in SELECT."""
    for step in plan.steps.values():
        if not step.soql:
            continue
        refused = _refused_soql([t.group().upper() for t in _TOKEN.finditer(step.soql)])
        if refused:
            place = document.place(("steps", step.id, "soql"))
            yield Diagnostic(
                "LP0214", f"a bulk query cannot hold {refused}", place, hint="fetch the rows and do it afterwards"
            )


def _refused_soql(tokens: list[str]) -> str:
    pairs = list(zip(tokens, [*tokens[1:], ""], strict=True))
    for first, second in pairs:
        if first == "GROUP" and second == "BY":
            return "GROUP BY"
        if first in {"OFFSET", "TYPEOF"}:
            return first
        if first in _AGGREGATES and second == "(":
            return f"{first}()"
        if first == "(" and second == "SELECT" and "FROM" not in tokens[: tokens.index("(")]:
            return "a subquery in SELECT"
    return ""


@rule
def outputs_differ(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """Two steps never write the same file, and no step writes a file that another reads."""
    written: dict[object, str] = {}
    read = {source.file: s.id for s in plan.steps.values() for source in source_files(s.source)}
    folders = {s.output_file: s.id for s in plan.steps.values() if s.output_file and s.output_format == "folder"}
    for step in plan.steps.values():
        if step.output_file is None:
            continue
        place = document.place(("steps", step.id, "output"))
        for folder, other in folders.items():
            if other != step.id and step.output_file.is_relative_to(folder):
                summary = f"this lies in the folder that `{other}` writes, which holds nothing else"
                yield Diagnostic("LP0215", summary, place, hint="choose another folder")
        if step.output_file in written:
            yield Diagnostic(
                "LP0215", f"`{written[step.output_file]}` writes this file too", place, hint="choose another name"
            )
        if step.output_file in read:
            hint = f"use `source: {{step: {step.id}}}` in `{read[step.output_file]}`"
            yield Diagnostic(
                "LP0215", f"`{read[step.output_file]}` reads this file before the run writes it", place, hint=hint
            )
        written[step.output_file] = step.id


@rule
def gate_fits_operation(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """Row counts are for queries, failed rows for the rest."""
    for step in plan.steps.values():
        own = document.data["steps"][step.id].get("gate", {})
        wrong = ("max_failed_rows", "max_failed_percent") if step.is_query else ("min_rows", "max_rows")
        for key in wrong:
            if key in own:
                place = document.key_place(("steps", step.id, "gate", key))
                yield Diagnostic("LP0216", f"`{key}` means nothing for a {step.operation}", place, hint="remove it")


@rule
def variables_are_used(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """A declared variable that nothing uses is probably a mistake (a warning)."""
    used: set[str] = set()
    for raw in document.raws.values():
        try:
            used |= names_in(raw)
        except TemplateError:
            continue
    for name in document.data.get("vars") or {}:
        if name not in used:
            place = document.key_place(("vars", name))
            yield Diagnostic(
                "LP0217", f"variable `{name}` is never used", place, severity=Severity.WARNING, hint="remove it"
            )
