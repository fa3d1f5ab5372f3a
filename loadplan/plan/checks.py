"""Rules that a schema cannot say: one function each, its docstring the rule in plain words, its code stable. Pure.

A rule may be given a plan of which parts were left out (`Document.broken`): it says nothing that the missing part could
make untrue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set

from loadplan.diagnostics import Diagnostic, Place, Severity, did_you_mean
from loadplan.plan.document import Document, KeyPath
from loadplan.plan.edges import Edge
from loadplan.plan.graph import graph_problems
from loadplan.plan.lookup_edges import unordered_lookups
from loadplan.plan.model import (
    Constant,
    FromColumn,
    Hierarchy,
    IdOf,
    Plan,
    ResultsSource,
    StdinSource,
    Step,
    StepSource,
)
from loadplan.plan.outputs import OUTPUT_ENDINGS
from loadplan.plan.soql import refused
from loadplan.plan.templates import TemplateError, names_in, words_in

Rule = Callable[[Plan, Document], Iterator[Diagnostic]]
RULES: list[Rule] = []
OLDEST, NEWEST = 41, 68


def rule(function: Rule) -> Rule:
    """Register a rule. Rules run in the order they are written."""
    RULES.append(function)
    return function


def check_meaning(plan: Plan, document: Document) -> list[Diagnostic]:
    """Every rule over the whole plan."""
    from loadplan.plan.parent_rules import PARENT_RULES

    return [d for r in (*RULES, *PARENT_RULES) for d in r(plan, document)]


def known(document: Document, step: Step, *keys: str) -> bool:
    """Whether these keys of a step are as its author wrote them, and its operation too."""
    return all(document.is_whole("steps", step.id, key) for key in ("operation", *keys))


def left_out(document: Document) -> Set[str] | None:
    """The ids of steps that were left out; None when not all of their ids are known."""
    found = {str(p[1]) for p in document.broken if len(p) == 2 and p[0] == "steps"}
    return None if "" in found or ("steps",) in document.broken else found


def _a(word: str) -> str:
    return f"a{'n' if word[0] in 'aeiou' else ''} {word}"


@rule
def known_steps(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """`depends_on` and `{step: …}` name steps of this plan, and never the step itself."""
    lost = left_out(document)
    if lost is None:
        return
    for step in plan.steps.values():
        named: list[tuple[str, KeyPath]] = [
            (name, ("steps", step.id, "depends_on", i)) for i, name in enumerate(step.depends_on)
        ]
        if isinstance(step.source, StepSource):
            key = "results_of" if isinstance(step.source, ResultsSource) else "step"
            named.append((step.source.step, ("steps", step.id, "source", key)))
        for name, path in named:
            if name in lost:
                continue
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
        if parent is None or parent is step or not known(document, parent):
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
            hint = (
                f"its result rows are `source: {{results_of: {parent.id}, kind: successful}}`; "
                f"write `depends_on: [{parent.id}]` when only the order matters"
            )
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
        if step.operation != "upsert" or step.columns is None or not step.external_id:
            continue
        if not known(document, step, "external_id", "columns"):
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
        if not step.facts.id_only or not known(document, step):
            continue
        for column in step.columns or ():
            if column.field != "Id" or not isinstance(column, FromColumn):
                place = document.key_place(("steps", step.id, "columns", column.field))
                yield Diagnostic(
                    "LP0210", f"{_a(step.operation)} sends only `Id`, not `{column.field}`", place, hint="remove it"
                )
        for lookup in step.references:
            if isinstance(lookup, IdOf) and lookup.header == "Id":
                continue
            at = ("hierarchy",) if isinstance(lookup, Hierarchy) else ("lookups", lookup.header)
            place = document.key_place(("steps", step.id, *at))
            yield Diagnostic("LP0210", f"{_a(step.operation)} sends only `Id`, no parents", place, hint="remove it")


@rule
def insert_sends_no_id(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """An insert makes records; Salesforce gives them their ids."""
    for step in plan.steps.values():
        for column in step.columns or () if step.operation == "insert" and known(document, step) else ():
            if column.field.casefold() == "id":
                place = document.key_place(("steps", step.id, "columns", column.field))
                summary = f"an insert makes new records and cannot send `{column.field}`"
                hint = "remove it; to change records that are there, use `operation: update`"
                yield Diagnostic("LP0328", summary, place, hint=hint)


@rule
def multipart_is_repeatable(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """A multipart create cannot be told from a lost one, so it is for operations that are safe to repeat."""
    for step in plan.steps.values():
        if step.upload == "multipart" and not step.facts.repeatable and known(document, step, "upload"):
            own = document.raw(("steps", step.id, "upload")) is not None
            place = document.place(("steps", step.id, "upload")) if own else document.key_place(("steps", step.id))
            summary = (
                f"`multipart` may send rows twice when an answer is lost, and {step.operation} is not safe to repeat"
            )
            hint = (
                "use `upload: staged` (the default)" if own else "add `upload: staged` here; `defaults` says multipart"
            )
            yield Diagnostic("LP0211", summary, place, hint=hint)


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
        summary = f"API version {plan.api_version} is not between {OLDEST}.0 and {NEWEST}.0"
        yield Diagnostic("LP0213", summary, place, hint='leave `api_version` out, or write for example `"66.0"`')
        return
    for step in plan.steps.values():
        least, what = (47, "query jobs") if step.is_query else (49, "`assignment_rule_id`")
        if version < least and known(document, step) and (step.is_query or step.assignment_rule_id):
            summary = f"{what} (step `{step.id}`) need{'' if step.is_query else 's'} API version {least}.0 or later"
            yield Diagnostic("LP0213", summary, place, hint=f'write `api_version: "{least}.0"` or a later one')
        if step.parallel_pages > 1 and version < 58 and known(document, step, "parallel_pages"):
            here = document.place(("steps", step.id, "parallel_pages"))
            summary = f"parallel_pages (`{step.id}`) needs API version 58.0 or later, the plan says {plan.api_version}"
            yield Diagnostic("LP0213", summary, here, hint="leave it out: one page at a time needs no version")


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
        if step.output and step.output_format is None and known(document, step, "output"):
            place = document.place(("steps", step.id, "output"))
            hint = f"end it with {', '.join(OUTPUT_ENDINGS)}, or with / for a folder with one CSV file a page"
            yield Diagnostic("LP0261", f"the ending of `{step.output}` does not tell what to write", place, hint=hint)


@rule
def soql_fits_bulk(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """Bulk queries know no GROUP BY, OFFSET, TYPEOF, aggregates or subqueries in SELECT; quotes and brackets are closed."""
    for step in plan.steps.values():
        if step.soql:
            summary, near, hint = refused(step.soql)
            if summary:
                yield Diagnostic("LP0214", summary, document.place_of(("steps", step.id, "soql"), near), hint=hint)


@rule
def gate_fits_operation(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """Row counts are for queries, failed rows for the rest."""
    for step in plan.steps.values():
        own = document.data["steps"][step.id].get("gate", {}) if known(document, step) else {}
        wrong = ("max_failed_rows", "max_failed_percent") if step.is_query else ("min_rows", "max_rows")
        for key in wrong:
            if key in own:
                place = document.key_place(("steps", step.id, "gate", key))
                yield Diagnostic("LP0216", f"`{key}` means nothing for {_a(step.operation)}", place, hint="remove it")


@rule
def variables_are_used(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """A declared variable that nothing uses is probably a mistake (a warning)."""
    declared = document.data.get("vars") or {}
    used: set[str] = set()
    for raw in (*document.raws.values(), *document.dropped) if declared else ():
        try:
            used |= names_in(raw)
        except TemplateError:
            used |= words_in(raw)
    for name in declared:
        if name not in used:
            place = document.key_place(("vars", name))
            yield Diagnostic(
                "LP0217",
                f"variable `{name}` is never used",
                place,
                severity=Severity.WARNING,
                hint="use it, or remove it",
            )


@rule
def steps_can_be_ordered(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """Nobody waits for itself over others; and what a custom relationship seems to need comes first (a warning)."""

    def place(edge: Edge) -> Place:
        if edge.reason == "depends_on":
            index = plan.steps[edge.child].depends_on.index(edge.parent)
            return document.place(("steps", edge.child, "depends_on", index))
        if edge.reason in {"lookup", "id_of"}:
            child = plan.steps[edge.child]
            section = "lookups" if edge.detail in {x.header for x in child.references} else "columns"
            return document.key_place(("steps", edge.child, section, edge.detail))
        return document.key_place(("steps", edge.child, *(("source",) if edge.reason == "source" else ())))

    keys = ("object", "source", "columns", "lookups", "depends_on")
    certain = not document.broken or (
        ("steps",) not in document.broken and all(known(document, s, *keys) for s in plan.steps.values())
    )
    edges, problems = graph_problems(plan, place, declared_only=not certain)
    yield from problems
    if edges is None or problems or not certain:
        return
    for step, lookup, missing, they_wait in unordered_lookups(plan, edges):
        names = ", ".join(missing)
        hint = (
            f"`{missing[0]}` waits for `{step.id}`: move the lookup into a second pass, with depends_on: [{step.id}, {names}]"
            if they_wait
            else f"add `depends_on: [{names}]` to `{step.id}` if it points at that object; a custom relationship does not tell"
        )
        summary = f"`{lookup.header}` may need the rows of `{missing[0]}`, and `{step.id}` does not wait for it"
        where = document.key_place(("steps", step.id, "lookups", lookup.header))
        yield Diagnostic("LP0219", summary, where, severity=Severity.WARNING, hint=hint)
