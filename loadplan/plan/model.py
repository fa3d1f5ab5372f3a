"""Plan and its parts: what the author asked for, after defaults and variables. Frozen values.

Units: durations are seconds (float), sizes are bytes (int), percentages are 0 to 100.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

from loadplan.diagnostics import Place
from loadplan.lean import dataclass
from loadplan.plan.operations import OPERATIONS, Kind, OperationFacts

Delimiter = Literal["BACKQUOTE", "CARET", "COMMA", "PIPE", "SEMICOLON", "TAB"]
LineEnding = Literal["LF", "CRLF"]
MaskKind = Literal["hash", "fake", "blank"]
Upload = Literal["staged", "multipart", "auto"]

DELIMITERS: dict[str, str] = {
    "BACKQUOTE": "`",
    "CARET": "^",
    "COMMA": ",",
    "PIPE": "|",
    "SEMICOLON": ";",
    "TAB": "\t",
}
LINE_ENDINGS: dict[str, str] = {"LF": "\n", "CRLF": "\r\n"}


# -- sources -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FileSource:
    """A file of rows. `path` is as written (after variables), relative to the plan's folder; `file` is where that is.
    `format` is a key of the source registry (`csv`, `tsv`, `jsonl`, `parquet`); `compression` is None, `gzip` or `zstd`.
    `delimiter` is one character; it, `quote` and `encoding` mean nothing for parquet. `null` lists cell texts that mean
    "no value"."""

    path: str
    file: Path
    format: str
    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    null: tuple[str, ...] = ()
    compression: str | None = None


@dataclass(frozen=True)
class SqliteSource:
    """A table of a SQLite file, or the rows of one SELECT over it: exactly one of `table` and `query`."""

    path: str
    file: Path
    table: str | None = None
    query: str | None = None
    null: tuple[str, ...] = ()


@dataclass(frozen=True)
class PostgresSource:
    """A table or the rows of one SELECT: exactly one of `table` and `query`. `env` names the environment variable that
    holds the connection string; the string itself is never kept."""

    env: str
    table: str | None = None
    query: str | None = None

    @property
    def path(self) -> str:
        """How messages name it."""
        return f"postgres {self.env}"


@dataclass(frozen=True)
class SqlSource:
    """The rows of one SELECT over files of the project. `files` are those it names after FROM and JOIN."""

    sql: str
    files: tuple[FileSource, ...] = ()

    @property
    def path(self) -> str:
        """How messages name it."""
        return "sql"


@dataclass(frozen=True)
class StdinSource:
    """Standard input. The other fields are those of a file."""

    format: str = "csv"
    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    null: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """How messages name it."""
        return "standard input"


@dataclass(frozen=True)
class StepSource:
    """Rows that another step makes, known only when it has ended: here those of a query step."""

    step: str


@dataclass(frozen=True)
class ResultsSource(StepSource):
    """The rows of an ingest step with this fate, as Salesforce returned them."""

    kind: Literal["successful", "failed", "unprocessed"] = "failed"

    @property
    def path(self) -> str:
        """How messages name it."""
        return f"{self.kind} results of {self.step}"


Source = FileSource | SqliteSource | PostgresSource | SqlSource | StdinSource | StepSource


def source_files(source: Source | None) -> tuple[FileSource | SqliteSource, ...]:
    """The files of the project that a source reads."""
    if isinstance(source, FileSource | SqliteSource):
        return (source,)
    return source.files if isinstance(source, SqlSource) else ()


# -- columns -------------------------------------------------------------------------------------------------------


class InputFile(NamedTuple):
    """A file that a step reads beside its source. `path` is as written in the plan, `file` is where that is."""

    path: str
    file: Path


@dataclass(frozen=True)
class MapFile:
    """A value table in a CSV or TSV file. `from_column` and `to_column` name its columns; None: its first, its second."""

    path: str
    file: Path
    from_column: str | None = None
    to_column: str | None = None


@dataclass(frozen=True)
class FromColumn:
    """A target field filled from a source column. `empty` is what an empty cell becomes; `values` maps cell texts and
    `default` is what a text outside `values` becomes (None: it is an error). `map_file` holds the table when it is not
    in the plan: then `values` is None."""

    field: str
    column: str
    empty: str | None = None
    values: Mapping[str, str] | None = None
    default: str | None = None
    map_file: MapFile | None = None

    @property
    def is_plain(self) -> bool:
        """Cells are sent as they are."""
        return self.empty is None and self.values is None and self.map_file is None


@dataclass(frozen=True)
class Constant:
    """A target field that is the same in every row."""

    field: str
    value: str


@dataclass(frozen=True)
class Composed:
    """A target field made of several columns: literal texts and cells in turn."""

    field: str
    pieces: tuple[Text | Cell, ...]


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class Cell:
    column: str


@dataclass(frozen=True)
class Hashed:
    """A target field made of the row's key: the same key of the same step and plan (`salt`) is always the same value, another is
    another. It is what makes an insert safe to repeat."""

    field: str
    column: str
    salt: str


Column = FromColumn | Constant | Composed | Hashed


@dataclass(frozen=True)
class Masks:
    """Which sent fields (or lookups) of a step are made anonymous, and how. `orgs_file` is where the key of the masks is
    named; the key itself is never part of a plan."""

    how: Mapping[str, MaskKind]
    orgs_file: Path

    def of(self, field: str) -> MaskKind | None:
        """How this field is masked, None when it is sent as it is."""
        return self.how.get(field)


@dataclass(frozen=True)
class Lookup:
    """A parent named by external id. `header` is the column as Salesforce wants it (`Account.Legacy_Id__c`,
    `Contact:Who.Legacy_Id__c`); `column` is the source column. `object_type` is the polymorphic prefix, if any;
    `relationship` and `field` are the two halves of the path."""

    header: str
    column: str
    relationship: str
    field: str
    object_type: str | None = None


@dataclass(frozen=True)
class IdOf:
    """A parent named by its row in another step: the field `header` (`WhatId`) is given the Salesforce id that the results
    of `step` gave the row whose key stands in `column`."""

    header: str
    column: str
    step: str


@dataclass(frozen=True)
class Hierarchy:
    """A reference from rows to rows of the same step, which is sent level by level. `header` is as Salesforce wants it and
    `column` the source column with the parent's key. `lookup` is how a parent is found by a field of its own
    (`Parent.Legacy_Id__c`); None when it is found by the rows' key and sent as the id its level gave it (`ParentId`).
    `max_depth` counts levels."""

    header: str
    column: str
    lookup: Lookup | None = None
    max_depth: int = 50


@dataclass(frozen=True)
class Where:
    """A row filter: one test on a column, or a combination. `test` is one of present, absent, equals, not_equals, in,
    not_in, all, any, not; `parts` serves the combinations."""

    test: str
    column: str | None = None
    values: tuple[str, ...] = ()
    parts: tuple[Where, ...] = ()


# -- policies ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CsvDialect:
    """The CSV that is sent to Salesforce (not the one that is read)."""

    delimiter: Delimiter = "COMMA"
    line_ending: LineEnding = "LF"


@dataclass(frozen=True)
class PartCaps:
    max_rows: int = 500_000
    max_bytes: int = 90_000_000


@dataclass(frozen=True)
class Poll:
    """Seconds: the first wait, its growth and its cap, and how long to watch one job before detaching."""

    first: float = 2.0
    factor: float = 1.5
    max: float = 30.0
    deadline: float = 86_400.0


@dataclass(frozen=True)
class Backoff:
    first: float = 30.0
    factor: float = 2.0
    max: float = 600.0


@dataclass(frozen=True)
class Retry:
    """Which rows are sent again by themselves. `max_attempts` counts the first one."""

    max_attempts: int = 3
    codes: tuple[str, ...] = ("UNABLE_TO_LOCK_ROW",)
    unprocessed: bool = True
    backoff: Backoff = Backoff()


@dataclass(frozen=True)
class Gate:
    """What must hold before the steps that depend on this one may start. Thresholds are inclusive; None is "not asked".
    `max_failed_*` count rows that did not land (failed and unprocessed), the percentage of rows sent; `min_rows` and
    `max_rows` are for query steps."""

    max_failed_rows: int | None = 0
    max_failed_percent: float | None = None
    min_rows: int | None = None
    max_rows: int | None = None
    on_fail: Literal["stop", "continue"] = "stop"


# -- steps and plan ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One operation on one object. `columns` None means the source's header passes through. `key` is the source column
    that tells rows apart (for upsert: the one that feeds the external id), None when rows carry no key. `output_format` is what
    `plan.outputs` reads off the ending of `output`. `place` is where the step's id stands in the plan file."""

    id: str
    operation: str
    object: str | None = None
    external_id: str | None = None
    key: str | None = None
    source: Source | None = None
    columns: tuple[Column, ...] | None = None
    lookups: tuple[Lookup, ...] = ()
    ids: tuple[IdOf, ...] = ()
    hierarchy: Hierarchy | None = None
    on_parent_failure: Literal["hold", "send"] = "hold"
    masks: Masks | None = None
    idempotency: Hashed | None = None
    where: Where | None = None
    limit: int | None = None
    dedupe: Literal["error", "first", "last"] = "error"
    depends_on: tuple[str, ...] = ()
    gate: Gate = Gate()
    upload: Upload = "staged"
    csv: CsvDialect = CsvDialect()
    parts: PartCaps = PartCaps()
    poll: Poll = Poll()
    retry: Retry = Retry()
    assignment_rule_id: str | None = None
    soql: str | None = None
    max_records: int | None = None
    parallel_pages: int = 1
    output: str | None = None
    output_file: Path | None = None
    output_format: str | None = None
    description: str = ""
    place: Place | None = None

    @property
    def facts(self) -> OperationFacts:
        return OPERATIONS[self.operation]

    @property
    def references(self) -> tuple[Lookup | IdOf | Hierarchy, ...]:
        """Everything that names a parent, in the order in which it is sent. Each has a `header` and a `column`."""
        return (*self.lookups, *self.ids, *([self.hierarchy] if self.hierarchy else []))

    @property
    def is_query(self) -> bool:
        return self.facts.kind is Kind.QUERY

    @property
    def input_files(self) -> tuple[InputFile, ...]:
        """Every file that the rows of this step depend on beside its source, each once. A run that goes on must find
        them as they were."""
        files = [c.map_file for c in self.columns or () if isinstance(c, FromColumn)]
        return tuple(dict.fromkeys(InputFile(f.path, f.file) for f in files if f is not None))

    def mask_of(self, field: str) -> MaskKind | None:
        """How this sent field (or lookup) is masked, None when it is sent as it is."""
        return self.masks.of(field) if self.masks is not None else None


@dataclass(frozen=True)
class Plan:
    """A whole plan. `file` is the path as given; `folder` the plan's folder; `root` the project folder that paths may
    not leave. `text` is the bytes given, `digest` their sha256 in hex. `variables` are the values used. `left_out` are the
    steps of the file that `--step` did not choose."""

    name: str
    file: Path
    folder: Path
    root: Path
    text: bytes
    digest: str
    api_version: str
    steps: Mapping[str, Step] = field(default_factory=dict)
    variables: Mapping[str, object] = field(default_factory=dict)
    description: str = ""
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", MappingProxyType(dict(self.steps)))
        object.__setattr__(self, "variables", MappingProxyType(dict(self.variables)))
