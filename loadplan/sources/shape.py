"""Shape: a step's columns compiled against a source's header: what is sent, and how a row's cells become it.

Order of what is sent: the plan's `columns`, then its `lookups`. Without `columns` the source's header passes through
in its own order, less the columns that lookups read (`account_id` is no field of Salesforce), then the lookups.
delete and hardDelete send only `Id`. An empty cell stays empty, which Salesforce ignores, unless the plan says what an
empty cell becomes; an empty lookup cell always stays empty; a value map is asked for an empty cell only when it has an
entry for it. Nothing is trimmed and no type is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from operator import itemgetter

from loadplan.diagnostics import Diagnostic, Place, Severity, did_you_mean
from loadplan.plan.model import Column, Composed, Constant, FromColumn, Step, Text
from loadplan.sources.filters import compile_where, where_columns
from loadplan.sources.ids import short_id

Cells = list[str]
LONGEST_HEADER = 32_000
"""Characters of what is sent (Bulk API 2.0 Developer Guide, "Limits"); the source's own header may be longer."""


class RowFaultError(Exception):
    """A cell that cannot be shaped. The caller knows the line."""

    def __init__(self, code: str, summary: str, hint: str = "") -> None:
        super().__init__(summary)
        self.code = code
        self.summary = summary
        self.hint = hint

    def diagnostic(self, place: Place) -> Diagnostic:
        return Diagnostic(self.code, self.summary, place, hint=self.hint)


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
    index = {name: number for number, name in enumerate(header)}
    _check_names(step, problems)
    columns = _sent_columns(step, header)
    sent = [c.field for c in columns] + [look.header for look in step.lookups]
    _check_targets(step, sent, problems)
    if problems.found:
        return Shape(tuple(sent), list, None, diagnostics=tuple(problems.found))
    functions = [_compile_column(c, index) for c in columns]
    functions += [itemgetter(index[look.column]) for look in step.lookups]
    wanted = compile_where(step.where, index) if step.where is not None else None
    shape = Shape(tuple(sent), _row_function(functions, columns, step, index), wanted)
    return _with_key(step, shape, columns, index)


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
    for look in step.lookups:
        problems.need_column(look.column, f"`lookups.{look.header}`")
    for name in where_columns(step.where):
        problems.need_column(name, "`where`")
    if step.key is not None and not step.facts.id_only:
        problems.need_column(step.key, "`key`")
    if step.ids or step.hierarchy is not None:
        # Sent without them, rows would lose their parents in silence.
        problems.add("LP0901", "rows with `id_of` or `hierarchy` can be planned, not yet sent, in this version")
    if step.facts.id_only and step.columns is None:
        _need_id(step, problems)


def _reads(column: Column) -> list[str]:
    match column:
        case FromColumn():
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


def _sent_columns(step: Step, header: tuple[str, ...]) -> list[Column]:
    if step.columns is not None:
        return list(step.columns)
    if step.facts.id_only:
        return [FromColumn("Id", "Id")]
    looked_up = {look.column for look in step.lookups}
    return [FromColumn(name, name) for name in header if name not in looked_up]


def _check_targets(step: Step, sent: list[str], problems: _Problems) -> None:
    seen: dict[str, str] = {}
    for name in sent:
        if name.casefold() in seen:
            problems.add("LP0321", f"the field `{name}` would be sent twice", "keep one of the columns that feed it")
        seen.setdefault(name.casefold(), name)
    size = sum(map(len, sent)) + len(sent) - 1
    if size > LONGEST_HEADER:
        summary = f"the header to send has {size:,} characters; Salesforce takes {LONGEST_HEADER:,}"
        problems.add("LP0310", summary, "map fewer columns in this step")
    if step.facts.needs_id and not step.facts.id_only and "Id" not in sent:
        problems.add("LP0322", f"{step.operation} needs the field `Id`, which is not sent", names_hint("Id", sent))
    if step.facts.needs_external_id and step.external_id and step.external_id not in sent:
        summary = f"upsert by `{step.external_id}`, but that field is not sent"
        problems.add("LP0327", summary, names_hint(step.external_id, sent))


# -- cells ---------------------------------------------------------------------------------------------------------


def _row_function(
    functions: list[Callable[[Cells], str]], columns: list[Column], step: Step, index: dict[str, int]
) -> Callable[[Cells], Cells]:
    """One function for the row. Rows that are only picked from take one C call; the same row takes none."""
    picks = [index[c.column] for c in columns if isinstance(c, FromColumn) and c.values is None and c.empty is None]
    if len(picks) < len(columns):
        return lambda cells: [f(cells) for f in functions]
    picks += [index[look.column] for look in step.lookups]
    if picks == list(range(len(index))):
        return lambda cells: cells
    if len(picks) == 1:
        only = picks[0]
        return lambda cells: [cells[only]]
    pick = itemgetter(*picks)
    return lambda cells: list(pick(cells))


def _compile_column(column: Column, index: dict[str, int]) -> Callable[[Cells], str]:
    match column:
        case Constant():
            value = column.value
            return lambda cells: value
        case Composed():
            parts: list[str | int] = [p.text if isinstance(p, Text) else index[p.column] for p in column.pieces]
            return lambda cells: "".join([p if isinstance(p, str) else cells[p] for p in parts])
    return _compile_from(column, index[column.column])


def _compile_from(column: FromColumn, at: int) -> Callable[[Cells], str]:
    if column.values is None:
        if column.empty is None:
            return itemgetter(at)
        empty = column.empty
        return lambda cells: cells[at] or empty
    values, blank, default = dict(column.values), column.empty or "", column.default

    def mapped(cells: Cells) -> str:
        cell = cells[at]
        found = values.get(cell)
        if found is not None:
            return found
        if not cell:
            return blank
        if default is not None:
            return default
        raise RowFaultError(
            "LP0323",
            f"`columns.{column.field}` has no entry for the text `{_brief(cell)}` of column `{column.column}`",
            "add it to `map`, or give a `default`",
        )

    return mapped


def _brief(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


# -- keys ----------------------------------------------------------------------------------------------------------


def _with_key(step: Step, shape: Shape, columns: list[Column], index: dict[str, int]) -> Shape:
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
        plain = [c for c in columns if isinstance(c, FromColumn) and c.values is None and c.empty is None]
        sent_key = next((c.field for c in plain if c.column == name), None)
    else:
        return shape
    return Shape(shape.header, shape._cells, shape._wanted, key, name, sent_key, by_id)
