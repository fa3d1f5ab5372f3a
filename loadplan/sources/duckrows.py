"""Duckrows: the rows of a DuckDB query as cells, spelled as `values.py` says, fast where nothing is in doubt.

DuckDB writes each value as text and joins a row's texts with a separator, so that Python gets one string a row. A row with
anything that SQL cannot spell for sure (an exponent, an infinity, a date out of range, the separator itself, a very long
text) comes as a list of its texts instead, and is spelled here, or refused with its number and column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from loadplan.diagnostics import Diagnostic, Place
from loadplan.lean import dataclass
from loadplan.sources import values
from loadplan.sources.problems import refuse
from loadplan.sources.records import SALESFORCE_LIMITS
from loadplan.sources.typed import FIELD, Batch, Row, fault, judged

if TYPE_CHECKING:
    import duckdb

BATCH = 2_000
SEPARATOR = "\x1f"
LONGEST = 4 * (SALESFORCE_LIMITS.record or 0)
"""Bytes of a row above which its texts are cut before they leave DuckDB."""


@dataclass(frozen=True)
class _Cast:
    """SQL over `{c}`: `text` is the spelling; `odd` says that it may not be; `raw` is then what `careful` gets."""

    text: str
    odd: str = "false"
    raw: str = "CAST({c} AS VARCHAR)"
    careful: Callable[[str], str] = str


_PLAIN = _Cast("CAST({c} AS VARCHAR)")
_TEXT = _Cast("{c}", f"contains({{c}}, chr({ord(SEPARATOR)}))", "{c}")
_WORDS = _Cast("CAST({c} AS VARCHAR)", f"contains(CAST({{c}} AS VARCHAR), chr({ord(SEPARATOR)}))")
_FLOAT = _Cast(
    "CASE WHEN ends_with(CAST({c} AS VARCHAR), '.0') THEN left(CAST({c} AS VARCHAR), -2) ELSE CAST({c} AS VARCHAR) END",
    "NOT isfinite({c}) OR contains(CAST({c} AS VARCHAR), 'e') OR CAST({c} AS VARCHAR) = '-0.0'",
    careful=values.number,
)
_DAY = _Cast(
    "CAST({c} AS VARCHAR)", "NOT isfinite({c}) OR {c} NOT BETWEEN DATE '0001-01-01' AND DATE '9999-12-31'",
    careful=values.day,
)  # fmt: skip
_AT = "make_timestamp(epoch_us({c}))"
_MOMENT = _Cast(
    f"strftime({_AT}, '%Y-%m-%dT%H:%M:%S.%gZ')",
    f"NOT isfinite({{c}}) OR {_AT} NOT BETWEEN TIMESTAMP '0001-01-01' AND TIMESTAMP '9999-12-31 23:59:59.999999'",
    f"CASE WHEN isfinite({{c}}) THEN CAST({_AT} AS VARCHAR) WHEN {{c}} IS NOT NULL THEN 'infinity' END",
    values.moment,
)
_CLOCK = _Cast(
    "left(CAST({c} AS VARCHAR) || CASE WHEN length(CAST({c} AS VARCHAR)) = 8 THEN '.000' ELSE '00' END, 12) || 'Z'",
    "{c} >= TIME '24:00:00'",
    careful=values.clock,
)
_CASTS = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "BOOLEAN", "UUID"), _PLAIN),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"), _PLAIN),
    "VARCHAR": _TEXT, "JSON": _WORDS, "FLOAT": _FLOAT, "DOUBLE": _FLOAT, "DATE": _DAY, "TIME": _CLOCK,
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"), _MOMENT),
    '"NULL"': _Cast("''", raw="''"), "NULL": _Cast("''", raw="''"),
}  # fmt: skip


def _cast_of(kind: str) -> _Cast | None:
    if kind.endswith("]"):
        return None  # a list of what the name begins with
    if kind.startswith("DECIMAL("):
        return _PLAIN
    return _WORDS if kind.startswith("ENUM(") else _CASTS.get(kind)


def require_types(columns: Sequence[tuple[str, str]], name: str) -> None:
    """Raises InvalidInputError with every column whose type has no spelling."""
    hint = "leave it out, or make text of it where the rows are made"
    wrong = [(column, kind) for column, kind in columns if _cast_of(kind) is None]
    found = [
        Diagnostic(
            "LP0373", f"column `{column}` has the type {_short(kind)}, which cannot be sent", Place(name), hint=hint
        )
        for column, kind in wrong
    ]
    if found:
        refuse(*found)


def _short(kind: str) -> str:
    return kind if len(kind) <= 60 else kind[:59] + "…"


def duck_rows(
    connection: duckdb.DuckDBPyConnection, origin: str, columns: Sequence[tuple[str, str]]
) -> Iterator[Batch]:
    """The rows of `origin`, what may stand after FROM, in batches. `columns` are its names and types in order, which
    `require_types` has passed. Raises duckdb.Error."""
    casts = [cast for _, kind in columns if (cast := _cast_of(kind)) is not None]
    names = [name for name, _ in columns]
    cursor = connection.execute(_select(origin, casts))
    done = 0
    while batch := cursor.fetchmany(BATCH):
        joined = [text for text, _ in batch if text is not None]
        doubtful = "\0" in "".join(joined) or max(map(len, joined), default=0) > FIELD
        if len(joined) == len(batch) and not doubtful:
            yield Batch([text.split(SEPARATOR) for text in joined], clean=True)
        else:
            yield Batch(
                [
                    _careful(odd, record, names, casts)
                    if text is None
                    else judged(text.split(SEPARATOR), record, names)
                    for record, (text, odd) in enumerate(batch, done + 1)
                ],
                clean=False,
            )
        done += len(batch)


def _select(origin: str, casts: Sequence[_Cast]) -> str:
    # Columns are called by number: names may differ in case only, which DuckDB takes for one.
    refs = [f"c{number}" for number in range(len(casts))]
    pairs = list(zip(refs, casts, strict=True))
    texts = ", ".join(f"coalesce({cast.text.format(c=c)}, '')" for c, cast in pairs)
    joined = f"concat_ws(chr({ord(SEPARATOR)}), {texts})"
    odd = " OR ".join(
        dict.fromkeys(f"coalesce({cast.odd.format(c=c)}, false)" for c, cast in pairs if cast.odd != "false")
    )
    raw = ", ".join(f"left({cast.raw.format(c=c)}, {FIELD + 1})" for c, cast in pairs)
    return (
        "SELECT CASE WHEN odd THEN NULL ELSE joined END, CASE WHEN odd THEN raw END FROM ("  # noqa: S608 - ours
        f"SELECT joined, strlen(joined) > {LONGEST} OR {odd or 'false'} AS odd, [{raw}] AS raw FROM ("
        f"SELECT {joined} AS joined, * FROM {origin} AS source({', '.join(refs)})))"
    )


def _careful(texts: Sequence[str | None], record: int, names: Sequence[str], casts: Sequence[_Cast]) -> Row:
    cells = []
    for text, name, cast in zip(texts, names, casts, strict=True):
        try:
            cells.append("" if text is None else cast.careful(text))
        except values.SpellingError as error:
            return fault("LP0375", record, f"has a value in `{name}` that {error}")
    return judged(cells, record, names)
