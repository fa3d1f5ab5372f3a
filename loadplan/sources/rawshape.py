"""Raw shape: a step's columns applied to a record's raw fields, undecoded, quotes and all. The rows it gives are those of
`shape.py`, and so are its faults; fields that nothing is done to keep their bytes.

For UTF-8 text that quotes as RFC 4180 says (quotes, breaks and CR stand only in quoted fields): then a value has two
spellings at most, as it is or in quotes. Whoever splits records must see to that; nothing here judges a field.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Mapping, Sequence

from loadplan.diagnostics import has_errors
from loadplan.errors import InvalidInputError
from loadplan.lean import dataclass
from loadplan.plan.model import DELIMITERS, Column, Constant, FileSource, FromColumn, Step
from loadplan.sources.encode import row_encoder
from loadplan.sources.filters import where_expression
from loadplan.sources.masks import Masker, maskers
from loadplan.sources.rowcode import Code, row_expressions
from loadplan.sources.shape import compile_shape, sent_columns

Fields = list[bytes]
_QUOTE, _CR, _LF = b'"\r\n'
"""Numbers: asking bytes for one is five times as fast as for bytes of length 1."""
_BLANKS = b" \t"


@dataclass(frozen=True)
class RawShape:
    """`header` is what is sent. `apply` takes the raw fields of one record, as many as the source has columns and without
    the line ending, and gives the raw fields to send (to be joined by the delimiter of what is sent), or None when `where`
    leaves the row out; it raises RowFaultError.

    `is_identity`: every source column is sent as it stands, in source order, and every row: only the header differs.
    `picks` are the source columns (by position) and the constants (as they are sent) of which a row is made, in the
    order they are sent, when nothing else is done to it (`where` may still leave rows out). `key_index` is the sent
    field that carries the row's key unchanged, `key_column` the source column when only the source has it (an
    insert's `key`); both are None when rows carry no key."""

    header: tuple[str, ...]
    apply: Callable[[Fields], Fields | None]
    is_identity: bool = False
    key_index: int | None = None
    key_column: int | None = None
    picks: tuple[int | bytes, ...] | None = None


def compile_raw(
    step: Step, header: tuple[str, ...], delimiter: str, sent_delimiter: str | None = None
) -> RawShape | None:
    """The raw shape of `step` for a source with this header and delimiter; None when its rows must be decoded (another
    quote or encoding than RFC 4180 in UTF-8), or when `compile_shape` has errors to tell. `sent_delimiter` is that of what
    is sent, by default the step's."""
    source = step.source
    if isinstance(source, FileSource) and not (source.quote == '"' and _is_utf8(source.encoding)):
        return None
    shape = compile_shape(step, header, "")
    if has_errors(shape.diagnostics):
        return None
    nulls = frozenset(source.null) if isinstance(source, FileSource) else frozenset[str]()
    forms = RawForms(delimiter, sent_delimiter or DELIMITERS[step.csv.delimiter], nulls)
    columns, code = sent_columns(step, header), Code()
    index = {name: number for number, name in enumerate(header)}
    try:
        cells = row_expressions(columns, index, maskers(step), forms, code)
    except InvalidInputError:
        return None  # what compile_shape just read is gone: it will say so when it is asked again
    picks = _picks(step, columns, cells, index, forms)
    if len(cells) == 1:
        # A row of nothing would be a blank line.
        blank = code.name(b'""')
        cells = [f"({cells[0]} or {blank})"]
    row = f"[{', '.join(cells)}]"
    if step.where is not None:
        row = f"{row} if {where_expression(step.where, index, forms, code)} else {code.name(None)}"
    identity = step.where is None and picks == tuple(range(len(header)))
    sent_key = shape.sent_key
    return RawShape(
        shape.header,
        code.function(row) if not identity else _same,
        identity,
        shape.header.index(sent_key) if sent_key is not None else None,
        index[step.key] if sent_key is None and shape.key_of is not None and step.key is not None else None,
        picks if picks is not None and (len(picks) > 1 or identity) else None,
    )


def _picks(
    step: Step, columns: Sequence[Column], cells: Sequence[str], index: Mapping[str, int], forms: RawForms
) -> tuple[int | bytes, ...] | None:
    masked = maskers(step)
    picks: list[int | bytes] = []
    for column, cell in zip(columns, cells, strict=True):
        if isinstance(column, FromColumn) and cell == f"x[{index[column.column]}]":
            picks.append(index[column.column])
        elif isinstance(column, Constant) and column.field not in masked:
            picks.append(forms.written(column.value))
        else:
            return None
    return tuple(picks)


def _same(fields: Fields) -> Fields:
    return fields


def _is_utf8(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding).name == "utf-8"
    except LookupError:
        return False


class RawForms:
    """Raw fields: a text may stand as it is or in quotes, and is quoted where what is sent needs it."""

    def __init__(self, delimiter: str, sent: str, nulls: frozenset[str]) -> None:
        self._sent = ord(sent)
        self._changed = delimiter != sent
        self._nulls = nulls - {""}
        self._encode = row_encoder(sent, "")
        self._empty = self.spellings([""])
        self._null_spellings = frozenset(s for text in self._nulls for s in _spellings(text))

    def cell(self, at: int, code: Code) -> str:
        found = f"x[{at}]"
        if self._changed:
            found = f"({found} if {self._sent} not in {found} else {code.name(_in_quotes)}({found}))"
        if self._nulls:
            found = f"({code.name(b'')} if x[{at}] in {code.name(self._null_spellings)} else {found})"
        return found

    def written(self, text: str) -> bytes:
        return self._encode([text]) if text else b""

    def spellings(self, texts: Iterable[str]) -> frozenset[bytes]:
        found: set[bytes] = set()
        for text in texts:
            if text not in self._nulls:  # a null text is read as an empty one
                found.update(_spellings(text))
            if not text:
                found.update(s for null in self._nulls for s in _spellings(null))
        return frozenset(found)

    def text(self, cell: bytes) -> str:
        return "" if cell in self._empty else unquoted(cell).decode("utf-8", "replace")

    def joined(self, pieces: Sequence[str | int], code: Code) -> str:
        join, value = code.name(b"".join), code.name(self._value if self._nulls else unquoted)
        texts = "".join([p for p in pieces if isinstance(p, str)]).encode()
        named = [code.name(p.encode()) if isinstance(p, str) else f"x[{p}]" for p in pieces]
        values = ", ".join([n if isinstance(p, str) else f"{value}({n})" for n, p in zip(named, pieces, strict=True)])
        careful = f"{code.name(self._write)}({join}(({values}{',' if pieces else ''})))"
        if not pieces or self._nulls or any(mark in texts for mark in (_QUOTE, _CR, _LF, self._sent)):
            return careful
        # Without a quote among them the fields are put together as they stand. What they make needs quotes only for a
        # blank at an edge, or for a delimiter that the source does not have.
        y = code.local()
        tests = [f"{_QUOTE} not in ({y} := {join}(({', '.join(named)},)))"]
        if self._changed:
            tests.append(f"{self._sent} not in {y}")
        tests.append(f"{code.name(bytes.strip)}({y}, {code.name(_BLANKS)}) is {y}")
        return f"({y} if {' and '.join(tests)} else {careful})"

    def masked(self, inner: str, masker: Masker, code: Code) -> str:
        of_bytes, write = masker.of_bytes, self._write
        if masker.is_bare:
            return f"{code.name(of_bytes)}({code.name(unquoted)}({inner}))"
        return f"{code.name(write)}({code.name(of_bytes)}({code.name(unquoted)}({inner})))"

    def _value(self, field: bytes) -> bytes:
        """The value of a raw field, as the reader gives it."""
        return b"" if field in self._null_spellings else unquoted(field)

    def _write(self, value: bytes) -> bytes:
        """A value as it is sent."""
        if self._sent in value or _QUOTE in value or _CR in value or _LF in value or value.strip(_BLANKS) != value:
            return b'"' + value.replace(b'"', b'""') + b'"'
        return value


def unquoted(field: bytes) -> bytes:
    """The value of a raw field. Only one in quotes holds any."""
    if _QUOTE not in field:
        return field
    inner = field[1:-1]
    return inner.replace(b'""', b'"') if _QUOTE in inner else inner


def _in_quotes(field: bytes) -> bytes:
    """A raw field that holds the delimiter it is to be sent with."""
    return field if field[:1] == b'"' else b'"' + field + b'"'


def _spellings(text: str) -> list[bytes]:
    """The raw fields that hold this text."""
    value = text.encode("utf-8", "surrogatepass")
    quoted = b'"' + value.replace(b'"', b'""') + b'"'
    return [quoted] if _QUOTE in value else [value, quoted]
