"""Shape: a step's columns compiled against a source's header: what is sent, and how a row's cells become it.

Order of what is sent: the plan's `columns`, then its `lookups` and its `hierarchy`. Without `columns` the source's header
passes through in its own order, less the columns that lookups read (`account_id` is no field of Salesforce), then the lookups.
delete and hardDelete send only `Id`. An empty cell stays empty, which Salesforce ignores, unless the plan says what an
empty cell becomes; an empty lookup cell always stays empty; a value map is asked for an empty cell only when it has an
entry for it. A mask comes last. Nothing is trimmed and no type is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field

from loadplan.diagnostics import Diagnostic, Place, Severity, did_you_mean
from loadplan.errors import InvalidInputError
from loadplan.lean import dataclass
from loadplan.plan.model import Column, Composed, FromColumn, Hashed, Step, Text
from loadplan.sources.filters import where_columns, where_expression
from loadplan.sources.ids import short_id
from loadplan.sources.masks import Masker, maskers
from loadplan.sources.rowcode import Code, RowFaultError, row_expressions

Cells = list[str]
LONGEST_HEADER = 32_000
"""Characters of what is sent (Bulk API 2.0 Developer Guide, "Limits"); the source's own header may be longer."""
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_.:]*")

__all__ = ["RowFaultError", "Shape", "compile_shape", "names_hint", "sent_columns"]


@dataclass(frozen=True)
class Shape:
    """`header` is what is sent. `key_of(source_cells, sent_cells)` gives the row's key as it is compared, or None when
    rows carry none; `key_name` is how messages name it. `sent_key` is the sent column that carries the key unchanged:
    results can be matched by it. `diagnostics` are the problems of the header; with errors among them the
    shape must not be applied."""

    header: tuple[str, ...]
    _cells: Callable[[Cells], Cells]
    _wanted: Callable[[Cells], bool] | None
    key_of: Callable[[Cells, Cells], str] | None = None
    key_name: str = ""
    sent_key: str | None = None
    keys_are_ids: bool = False
    diagnostics: tuple[Diagnostic, ...] = field(default=())

    def apply(self, cells: Cells) -> Cells | None:
        """The cells to send, or None when `where` leaves the row out. Raises RowFaultError."""
        if self._wanted is not None and not self._wanted(cells):
            return None
        return self._cells(cells)


def compile_shape(step: Step, header: tuple[str, ...], source_name: str) -> Shape:
    """Compile `step` against `header`. Never raises: problems are in `diagnostics`."""
    problems = _Problems(step, header, source_name)
    _check_names(step, problems)
    columns = sent_columns(step, header)
    sent = tuple(c.field for c in columns)
    _check_targets(step, sent, problems)
    if problems.found:
        return Shape(sent, list, None, diagnostics=tuple(problems.found))
    index = {name: number for number, name in enumerate(header)}
    try:
        cells, wanted = _functions(step, columns, index)
    except InvalidInputError as error:
        found = error.diagnostics or (Diagnostic(error.code or "LP0302", error.summary, Place(source_name)),)
        return Shape(sent, list, None, diagnostics=tuple(found))
    return _with_key(step, Shape(sent, cells, wanted), columns, index)


def sent_columns(step: Step, header: tuple[str, ...]) -> tuple[Column, ...]:
    """What is sent, in order, the names of parents included (an `id_of` still with the parent's key in it)."""
    own: list[Column]
    if step.columns is not None:
        own = list(step.columns)
    elif step.facts.id_only:
        own = [FromColumn("Id", "Id")]
    else:
        looked_up = {reference.column for reference in step.references}
        own = [FromColumn(name, name) for name in header if name not in looked_up]
    if step.columns is None and step.idempotency is not None:
        own.append(step.idempotency)
    return (*own, *(FromColumn(reference.header, reference.column) for reference in step.references))


# -- names ---------------------------------------------------------------------------------------------------------


class _Problems:
    def __init__(self, step: Step, header: tuple[str, ...], source_name: str) -> None:
        self.found: list[Diagnostic] = []
        self._step = step
        self._header = header
        self._place = Place(source_name, 1)

    def add(self, code: str, summary: str, hint: str = "", severity: Severity = Severity.ERROR) -> None:
        text = f"step {self._step.id}: {summary}"
        diagnostic = Diagnostic(code, text, self._place, hint=hint, severity=severity)
        if diagnostic not in self.found:
            self.found.append(diagnostic)

    def need_column(self, name: str, used_by: str) -> None:
        if name not in self._header:
            summary = f"{used_by} reads the column `{name}`, which the source does not have"
            self.add("LP0320", summary, self._names_hint(name))

    def _names_hint(self, name: str) -> str:
        return names_hint(name, self._header)


def names_hint(name: str, known: Iterable[str]) -> str:
    """The nearest name, a difference in case pointed out, and the names there are."""
    names = list(known)
    same = [n for n in names if n.casefold() == name.casefold()]
    listed = ", ".join(names[:30]) + (f" and {len(names) - 30} more" if len(names) > 30 else "")
    near = f"it has `{same[0]}`: names are compared with their case" if same else did_you_mean(name, names)
    return f"{near}; columns: {listed}" if near else f"columns: {listed}"


def _check_names(step: Step, problems: _Problems) -> None:
    for column in step.columns or ():
        for name in _reads(column):
            problems.need_column(name, f"`columns.{column.field}`")
    for reference in step.references:
        kind = "hierarchy" if reference is step.hierarchy else "lookups"
        problems.need_column(reference.column, f"`{kind}.{reference.header}`")
    for name in where_columns(step.where):
        problems.need_column(name, "`where`")
    if step.key is not None and not step.facts.id_only:
        problems.need_column(step.key, "`key`")
    if step.facts.id_only and step.columns is None:
        _need_id(step, problems)


def _reads(column: Column) -> list[str]:
    match column:
        case FromColumn() | Hashed():
            return [column.column]
        case Composed():
            return [piece.column for piece in column.pieces if not isinstance(piece, Text)]
    return []


def _need_id(step: Step, problems: _Problems) -> None:
    if "Id" not in problems._header:
        problems.add(
            "LP0322",
            f"{step.operation} needs the column `Id`, which the source does not have",
            names_hint("Id", problems._header),
        )


def _check_targets(step: Step, sent: tuple[str, ...], problems: _Problems) -> None:
    seen: dict[str, str] = {}
    for name in sent:
        if name.casefold() in seen:
            problems.add("LP0321", f"the field `{name}` would be sent twice", "keep one of the columns that feed it")
        seen.setdefault(name.casefold(), name)
        if not _FIELD.fullmatch(name):
            problems.add("LP0341", f"the column `{_shown(name)}` cannot be a field of Salesforce", _field_hint(name))
    size = sum(map(len, sent)) + len(sent) - 1
    if size > LONGEST_HEADER:
        summary = f"the header to send has {size:,} characters; Salesforce takes {LONGEST_HEADER:,}"
        problems.add("LP0310", summary, "map fewer columns in this step")
    if step.facts.needs_id and not step.facts.id_only and "Id" not in sent:
        problems.add("LP0322", f"{step.operation} needs the field `Id`, which is not sent", names_hint("Id", sent))
    if step.operation == "insert" and (own := next((name for name in sent if name.casefold() == "id"), "")):
        hint = "leave it out with `columns`; to change records that are there, use `operation: update`"
        problems.add("LP0328", f"an insert makes new records and cannot send `{own}`", hint)
    if step.facts.needs_external_id and step.external_id and step.external_id not in sent:
        summary = f"upsert by `{step.external_id}`, but that field is not sent"
        problems.add("LP0327", summary, names_hint(step.external_id, sent))
    for name in step.masks.how if step.masks is not None else ():
        if name not in sent:
            problems.add(
                "LP0251", f"`mask` names `{name}`, which is not sent: nothing would be masked", names_hint(name, sent)
            )


def _shown(name: str) -> str:
    return name if len(name) <= 60 else name[:59] + "…"


def _field_hint(name: str) -> str:
    """A header that was read with the wrong delimiter is one long name."""
    found = next((d for d in ";|\t,^`" if d in name), None)
    if found is None:
        return "map it to a field with `columns: {Field__c: source column}`"
    written = "\\t" if found == "\t" else found
    return f'is the delimiter of the file `{written}`? write `source: {{path: …, delimiter: "{written}"}}`'


# -- cells ---------------------------------------------------------------------------------------------------------


class TextForms:
    """Decoded cells: a text has one spelling, and is sent as it is."""

    def cell(self, at: int, code: Code) -> str:
        return f"x[{at}]"

    def written(self, text: str) -> str:
        return text

    def spellings(self, texts: Iterable[str]) -> frozenset[str]:
        return frozenset(texts)

    def text(self, cell: str) -> str:
        return cell

    def joined(self, pieces: Sequence[str | int], code: Code) -> str:
        cells = [code.name(piece) if isinstance(piece, str) else f"x[{piece}]" for piece in pieces]
        return f"{code.name(''.join)}(({', '.join(cells)},))" if cells else code.name("")

    def masked(self, inner: str, masker: Masker, code: Code) -> str:
        return f"{code.name(masker.of_text)}({inner})"


def _functions(
    step: Step, columns: Sequence[Column], index: dict[str, int]
) -> tuple[Callable[[Cells], Cells], Callable[[Cells], bool] | None]:
    """What is done to a row, and which rows are wanted. The same row takes no work at all. Raises InvalidInputError: a value
    table that cannot be read, no key for the masks."""
    code, forms = Code(), TextForms()
    cells = row_expressions(columns, index, maskers(step), forms, code)
    same = cells == [f"x[{i}]" for i in range(len(index))]
    wanted = code.function(where_expression(step.where, index, forms, code)) if step.where is not None else None
    return (lambda cells: cells) if same else code.function(f"[{', '.join(cells)}]"), wanted


# -- keys ----------------------------------------------------------------------------------------------------------


def _with_key(step: Step, shape: Shape, columns: Sequence[Column], index: dict[str, int]) -> Shape:
    """An upsert's key is the external id as it is sent, an update's and a delete's the `Id`; an insert's is the source
    column that `key` names, and results can be matched by it only when a field carries it unchanged."""
    by_id = step.facts.needs_id
    name = "Id" if by_id else step.external_id if step.facts.needs_external_id else None
    if name is not None:
        at = shape.header.index(name)
        key: Callable[[Cells, Cells], str] = (
            (lambda source, sent: short_id(sent[at])) if by_id else (lambda source, sent: sent[at])
        )
        sent_key: str | None = name
    elif step.key is not None:
        name, column = step.key, index[step.key]
        key = lambda source, sent: source[column]  # noqa: E731 - one of three small functions of the same kind
        plain = [c for c in columns if isinstance(c, FromColumn) and c.is_plain and step.mask_of(c.field) is None]
        sent_key = next((c.field for c in plain if c.column == name), None)
    else:
        return shape
    return Shape(shape.header, shape._cells, shape._wanted, key, name, sent_key, by_id)
