"""Jsonl: one JSON object a line, read strictly as RFC 8259 writes it, also from gzip and zstd files.

Decisions
- The columns are all keys of the file, in the order in which they first appear: the first lines are not enough to know
  them, so a pass over the file comes before the rows. What it found is kept for as long as the file stays the same.
- A number is the text that stands in the file: `1.10`, `1e5` and twenty digits pass as they are. `null` and a missing key
  are an empty cell; `true` and `false` are these words.
- A nested value, a key that comes twice in an object, NaN, half of a UTF-16 pair and anything that is not JSON are
  faults of their line, and the next line is read. Blank lines are as in a CSV: nothing at the end, a fault between rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import chain
from typing import Any, NoReturn

from loadplan.plan.model import FileSource
from loadplan.sources.base import InputDigest, ProblemSink, SourceRow
from loadplan.sources.columns import column_problems
from loadplan.sources.problems import RecordFaultError, refuse, refuse_file
from loadplan.sources.records import physical_lines
from loadplan.sources.stream import TextStream
from loadplan.sources.typed import FIELD, RECORD, source_row
from loadplan.sources.unchanged import Signature, signature

LONGEST_LINE = 8_000_000
"""Characters of a line: a record of Salesforce, each character escaped, and its keys."""
MOST_COLUMNS = 10_000
"""Salesforce takes 5,000 fields; more keys than this are values used as keys."""
BLANKS = " \t\r"
WORDS: dict[object, str] = {None: "", True: "true", False: "false"}
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNSOUND = re.compile("[\\0\ud800-\udfff]")


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"`{text}` is not JSON")


def _scanner(**options: Any) -> Callable[[str, int], tuple[Any, int]]:
    """The scanner in C by itself: from a text and a position to a value and where it ends."""
    decoder: Any = json.JSONDecoder(parse_float=str, parse_int=str, **options)
    scan: Callable[[str, int], tuple[Any, int]] = decoder.scan_once
    return scan


# Objects become tuples of (key, value), so that a key that comes twice is seen; lists stay lists; numbers stay texts.
_scan = _scanner(parse_constant=_no_constant, object_pairs_hook=tuple)
_scan_keys = _scanner()


class JsonlReader:
    """A Reader over one JSONL file. Opening finds the columns; raises InvalidInputError when there is none."""

    def __init__(self, source: FileSource) -> None:
        self.on_problem: ProblemSink | None = None
        self._source = source
        self._nulls = frozenset(source.null)
        self._header = _columns(source, signature(source.file, source.path))
        self._stream = _stream(source)
        self._ended = False
        self._rows = 0

    @property
    def name(self) -> str:
        return self._source.path

    @property
    def header(self) -> tuple[str, ...]:
        return self._header

    def __iter__(self) -> Iterator[SourceRow]:
        header, nulls, scan, words = self._header, self._nulls, _scan, WORDS
        record = blank = 0
        cells: list[str] | None
        try:
            for line, text in _lines(self._stream):
                try:
                    pairs, end = scan(text, 0)
                    keys, found = zip(*pairs)  # noqa: B905 - pairs are pairs, and strict takes its time
                    cells = [value if type(value) is str else words[value] for value in found]
                    if end > FIELD or type(pairs) is not tuple or (end != len(text) and text[end:].strip(BLANKS)):
                        raise ValueError
                    if "\\u" in text and _UNSOUND.search("".join(cells)):
                        raise ValueError
                    if keys != header:
                        cells = self._arranged(keys, cells)
                except (ValueError, StopIteration, TypeError, KeyError, RecursionError):
                    text = text.strip(BLANKS)
                    if not text:
                        blank = blank or line
                        continue
                    cells = self._careful(text, line)
                if blank:
                    self._report(
                        RecordFaultError("LP0312", "a blank line stands between rows", blank, hint="remove it")
                    )
                    blank = 0
                record += 1
                if cells is None:
                    continue
                if nulls:
                    cells = ["" if cell in nulls else cell for cell in cells]
                yield source_row((record, line, cells))
        except RecordFaultError as fault:
            refuse(fault.diagnostic(self.name))
        self._rows = record
        self._ended = True

    def digest(self) -> InputDigest:
        if not self._ended:
            raise RuntimeError("the digest is known only after the last row was read")
        return InputDigest(self._stream.sha256(), self._stream.byte_count, self._rows)

    def reopen(self) -> JsonlReader:
        return JsonlReader(self._source)

    def close(self) -> None:
        self._stream.close()

    def _arranged(self, keys: tuple[str, ...], cells: list[str]) -> list[str]:
        """The cells in the order of the header. Raises ValueError for a key that comes twice or was never seen."""
        given = dict(zip(keys, cells, strict=True))
        if len(given) != len(keys):
            raise ValueError
        cells = [given.pop(name, "") for name in self._header]
        if given:
            raise ValueError
        return cells

    def _careful(self, text: str, line: int) -> list[str] | None:
        """The cells of a line that is not beyond doubt; None when it is a fault, which is then reported."""
        try:
            given = _objected(text, line)
        except RecordFaultError as fault:
            self._report(fault)
            return None
        cells = [given.pop(name, "") for name in self._header]
        if given:
            refuse_file("LP0331", "the source changed while it was being read", self.name, line)
        return cells

    def _report(self, fault: RecordFaultError) -> None:
        diagnostic = fault.diagnostic(self.name)
        if self.on_problem is None:
            refuse(diagnostic)
        self.on_problem(diagnostic)


def open_jsonl(source: FileSource) -> JsonlReader:
    """The opener the registry knows."""
    return JsonlReader(source)


def _stream(source: FileSource) -> TextStream:
    return TextStream(source.file, source.path, encoding=source.encoding, compression=source.compression)


def _lines(stream: TextStream) -> Iterator[tuple[int, str]]:
    return enumerate(chain.from_iterable(physical_lines(stream.blocks(), LONGEST_LINE)), 1)


# -- columns -------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _columns(source: FileSource, at: Signature) -> tuple[str, ...]:
    """All keys of the file as it is `at`, in the order they first appear. Lines that are no objects are passed over here:
    the pass over the rows reports them. Raises InvalidInputError."""
    found: dict[str, None] = {}
    shapes: set[tuple[str, ...]] = set()
    stream = _stream(source)
    try:
        for _, text in _lines(stream):
            try:
                row, _ = _scan_keys(text.lstrip(BLANKS), 0)
            except (ValueError, StopIteration, RecursionError):
                continue
            if type(row) is dict and (shape := tuple(row)) not in shapes:
                found.update(dict.fromkeys(shape))
                if len(shapes) < MOST_COLUMNS:
                    shapes.add(shape)
                if len(found) > MOST_COLUMNS:
                    hint = "are values used as keys? a row's columns have the same names in every line"
                    refuse_file(
                        "LP0310", f"the lines have over {MOST_COLUMNS:,} different keys", source.path, hint=hint
                    )
    except RecordFaultError as fault:
        refuse(fault.diagnostic(source.path))
    finally:
        stream.close()
    header = tuple(found)
    if not header:
        hint = 'each line is an object: {"Name": "Acme"}'
        refuse_file(
            "LP0306", "no line of the file holds an object with a key, so there are no columns", source.path, hint=hint
        )
    problems = column_problems(header, source.path, 0)
    if problems:
        refuse(*problems)
    if any(_SURROGATE.search(name) for name in header):
        refuse_file("LP0375", "a key holds half of a UTF-16 pair", source.path)
    return header


# -- the careful way -----------------------------------------------------------------------------------------------


def _objected(text: str, line: int) -> dict[str, str]:
    """The cells of a line by key. Raises RecordFaultError."""
    given: dict[str, str] = {}
    for key, value in _parsed(text, line):
        if key in given:
            raise RecordFaultError("LP0374", f"the key `{key}` comes twice", line, hint="keep one of the two")
        given[key] = _cell(key, value, line)
    if sum(map(len, given.values())) > RECORD:
        what = f"the row is longer than {RECORD:,} characters, the most Salesforce takes"
        raise RecordFaultError("LP0316", what, line, hint="send fewer columns in this step")
    return given


def _parsed(text: str, line: int) -> tuple[tuple[str, object], ...]:
    """The pairs of a line. Raises RecordFaultError."""
    hint = 'each line is one object: {"Name": "Acme", "Code": "007"}'
    try:
        row, end = _scan(text, 0)
    except StopIteration as error:
        what, column = "the line is not JSON", int(error.value) + 1
    except json.JSONDecodeError as error:
        what, column = f"the line is not JSON: {error.msg}", error.pos + 1
    except (ValueError, RecursionError) as error:
        what, column = f"the line is not JSON: {error}" if isinstance(error, ValueError) else "it nests too deeply", 0
    else:
        if end == len(text) and type(row) is tuple:
            return row
        extra = end != len(text)
        what = "more follows the first value of the line" if extra else "the line is JSON, but not an object"
        column = end + 1 if extra else 1
    raise RecordFaultError("LP0371", what, line, column=column, hint=hint)


def _cell(key: str, value: object, line: int) -> str:
    if isinstance(value, tuple | list):
        what = "an object" if isinstance(value, tuple) else "a list"
        hint = "make columns of its parts before, or leave it out"
        raise RecordFaultError("LP0372", f"`{key}` holds {what}, and a cell holds one value", line, hint=hint)
    text = value if isinstance(value, str) else WORDS[value]
    if len(text) > FIELD:
        what = f"`{key}` has {len(text):,} characters; Salesforce takes {FIELD:,}"
        raise RecordFaultError("LP0315", what, line)
    if "\0" in text:
        raise RecordFaultError("LP0370", f"`{key}` holds a NUL character", line, hint="remove it")
    if _SURROGATE.search(text):
        raise RecordFaultError("LP0375", f"`{key}` holds half of a UTF-16 pair", line, hint="write the whole character")
    return text
