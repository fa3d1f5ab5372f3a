"""Rules for columns that look at a whole step, or at several: masks, keys and duplicates. Each docstring is the rule in
plain words. Importing this module registers them. Only `missing_tables` looks at the disk.
"""

from __future__ import annotations

from collections.abc import Iterator, Set

from loadplan.diagnostics import Diagnostic, Place, Severity, did_you_mean
from loadplan.plan.checks import known, rule
from loadplan.plan.document import Document, KeyPath
from loadplan.plan.model import Constant, FromColumn, Lookup, Plan, Step
from loadplan.plan.relationships import targets_of


@rule
def duplicates_need_a_key(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """`dedupe: first` and `last` go by the key of a row, so the step must have one."""
    for step in plan.steps.values():
        if step.dedupe == "error" or step.is_query or step.facts.needs_id or step.facts.needs_external_id or step.key:
            continue
        summary = f"`dedupe: {step.dedupe}` needs a key, and rows of an {step.operation} have none by themselves"
        hint = "name the source column that tells rows apart: `key: <column>`"
        yield Diagnostic("LP0254", summary, document.place(("steps", step.id, "dedupe")), hint=hint)


@rule
def masks_name_sent_fields(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """A mask names a field (or a lookup) that is sent, in its exact spelling: nothing is left unmasked by a slip."""
    for step in plan.steps.values():
        if step.columns is None or step.facts.id_only or not known(document, step, "columns", "lookups", "hierarchy"):
            continue  # the source's header decides, or `masks_fit_their_fields`
        sent = [
            *(c.field for c in step.columns),
            *(x.header for x in _lookups(step)),
            *_by_id(step),
        ]
        for field, how in step.masks.how.items() if step.masks is not None else ():
            if field not in sent and _unfit(step, field, how) is None:
                hint = did_you_mean(field, sent) or f"sent are {', '.join(sent[:20])}"
                yield Diagnostic(
                    "LP0251", f"`{field}` is not sent, so it is not masked", _place(step, field, document), hint=hint
                )


@rule
def masks_fit_their_fields(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """Keys and lookups are only hashed, since other values would part children from their parents or make rows alike; ids
    of Salesforce are never masked."""
    for step in plan.steps.values():
        for field, how in step.masks.how.items() if step.masks is not None else ():
            reason = _unfit(step, field, how)
            if reason:
                summary, hint = reason
                yield Diagnostic("LP0252", summary, _place(step, field, document), hint=hint)


def _unfit(step: Step, field: str, how: str) -> tuple[str, str] | None:
    if step.facts.id_only or field.casefold() == "id":
        return f"`{field}` addresses records by their Salesforce id, which a mask would break", "remove the mask"
    headers = {look.header for look in _lookups(step)}
    if field in _by_id(step):
        return f"`{field}` is filled with Salesforce ids, which a mask would break", "remove the mask"
    if how == "hash":
        return None
    if field == step.external_id or field in headers or (step.key is not None and field == _carrier(step)):
        what = "a lookup" if field in headers else "the key"
        why = "alike keys would be one record" if how == "fake" else "rows would lose it"
        return (
            f"`{field}` is {what}: with `{how}` {why}",
            f"use `hash`, and the same for every lookup to it: `mask: {{{field}: hash}}`",
        )
    return None


def _carrier(step: Step) -> str | None:
    """The sent field that carries the key of an insert unchanged, as far as the plan tells."""
    if step.columns is None:
        return step.key
    for column in step.columns:
        if isinstance(column, FromColumn) and column.column == step.key and column.is_plain:
            return column.field
    return None


@rule
def masked_keys_keep_their_lookups(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """A lookup finds its parent only when both send the key in the same way: hashed on both sides, or on neither."""
    for step in plan.steps.values():
        for look in _lookups(step):
            targets = {t.lower() for t in targets_of(step.object or "", look.relationship, look.object_type)}
            loaders = [s for s in plan.steps.values() if _sends_key(s, targets, look.field)]
            hashed = {s.mask_of(look.field) == "hash" for s in loaders}
            own = step.mask_of(look.header) == "hash"
            if len(hashed) != 1 or own in hashed:
                continue
            yield _parted(step, look, loaders[0], document, own=own)


def _parted(step: Step, look: Lookup, loader: Step, document: Document, *, own: bool) -> Diagnostic:
    if own:
        place = _place(step, look.header, document)
        summary = (
            f"`{look.header}` is hashed, and `{loader.id}` sends `{look.field}` as it is: no row would find its parent"
        )
        return Diagnostic("LP0253", summary, place, hint=f"add `mask: {{{look.field}: hash}}` to `{loader.id}`")
    place = document.key_place(("steps", step.id, "lookups", look.header))
    if look not in step.lookups:
        place = document.place(("steps", step.id, "hierarchy", "lookup"))
    summary = f"`{loader.id}` sends `{look.field}` hashed, and this lookup to it is not: no row would find its parent"
    return Diagnostic("LP0253", summary, place, hint=f'add `mask: {{"{look.header}": hash}}` to `{step.id}`')


@rule
def steps_of_one_object_hash_alike(plan: Plan, document: Document) -> Iterator[Diagnostic]:
    """Two upserts by one external id reach the same records only when both hash it or neither does (a warning)."""
    first: dict[tuple[str, str], Step] = {}
    for step in plan.steps.values():
        if step.external_id is None:
            continue
        other = first.setdefault(((step.object or "").lower(), step.external_id.lower()), step)
        if step.mask_of(step.external_id) != other.mask_of(other.external_id or ""):
            masked, plain = (step, other) if step.mask_of(step.external_id) else (other, step)
            summary = (
                f"`{masked.id}` hashes `{step.external_id}` and `{plain.id}` does not: they make different records"
            )
            place = document.key_place(("steps", step.id))
            hint = f"add `mask: {{{step.external_id}: hash}}` to `{plain.id}`"
            yield Diagnostic("LP0253", summary, place, hint=hint, severity=Severity.WARNING)


def missing_tables(step: Step, document: Document) -> Iterator[Diagnostic]:
    """Files of value tables that do not exist, or are not files."""
    for column in step.columns or ():
        table = column.map_file if isinstance(column, FromColumn) else None
        if table is None or table.file.is_file():
            continue
        what = "is not a file" if table.file.exists() else "does not exist"
        hint = "paths are relative to the plan's folder; a table in the plan is written `{text: becomes, …}`"
        path: KeyPath = ("steps", step.id, "columns", column.field, "map")
        yield Diagnostic("LP0301", f"the value table `{table.path}` {what}", document.place(path), hint=hint)


def _sends_key(step: Step, targets: Set[str], field: str) -> bool:
    """Whether the step makes records of one of these objects (in lower case) with this field, as far as the plan tells."""
    if step.is_query or step.facts.destructive or (step.object or "").lower() not in targets:
        return False
    return step.external_id == field or any(
        c.field == field and not isinstance(c, Constant) for c in step.columns or ()
    )


def _lookups(step: Step) -> list[Lookup]:
    """The lookups that go by an external id, that of a hierarchy included."""
    own = step.hierarchy.lookup if step.hierarchy is not None else None
    return [*step.lookups, *([own] if own is not None else [])]


def _by_id(step: Step) -> set[str]:
    """The fields that are filled with ids which results gave."""
    own = step.hierarchy
    return {x.header for x in step.ids} | ({own.header} if own is not None and own.lookup is None else set())


def _place(step: Step, field: str, document: Document) -> Place:
    path: KeyPath = ("steps", step.id, "mask", field)
    return document.key_place(path)
