"""A step's `source` -> one of the frozen sources of the model. Decides the kind, the format and which keys fit it.

Nothing is opened here: that a file exists is checked in `load`, what is in it by the readers. A key without effect is an
error, never ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from loadplan.plan import model as m
from loadplan.plan.document import Document, KeyPath
from loadplan.plan.sql_text import files_named

ENDINGS = {
    ".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet",
    ".sqlite": "sqlite", ".sqlite3": "sqlite", ".db": "sqlite",
}  # fmt: skip
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
KINDS = ("path", "step", "postgres", "sql", "results_of")
_DELIMITED = {"format", "delimiter", "quote", "encoding", "null"}
FITTING = {
    "csv": _DELIMITED, "tsv": _DELIMITED, "jsonl": {"format", "encoding", "null"}, "parquet": {"format", "null"},
    "sqlite": {"format", "table", "query", "null"}, "postgres": {"table", "query"}, "results_of": {"kind"},
    "step": set(), "sql": set(),
}  # fmt: skip
"""The keys that mean something beside the one that names the kind."""
UNPACKED = {"parquet", "sqlite"}


class Problem(Protocol):
    """How a problem is reported: `Builder.problem`."""

    def __call__(self, code: str, summary: str, path: KeyPath, *, key: bool = False, hint: str = "") -> None: ...


class Rendered(Protocol):
    """How a template is filled in: `Builder._rendered`. None when it was refused, which is then reported."""

    def __call__(self, text: str, path: KeyPath, *, soql: bool = False, sql: bool = False) -> str | None: ...


class SourceBuilder:
    """Builds sources of one document. `locate` resolves a path and reports one that leaves the project."""

    def __init__(
        self, document: Document, rendered: Rendered, problem: Problem, locate: Callable[[str, KeyPath], Path]
    ) -> None:
        self._document = document
        self._rendered = rendered
        self._problem = problem
        self._locate = locate

    def build(self, spec: Any, at: KeyPath) -> m.Source | None:
        """The source; None when it was refused, which is then reported."""
        if isinstance(spec, str):
            return self._path({"path": spec}, at, at)
        kinds = [kind for kind in KINDS if kind in spec]
        if not kinds:
            self._problem("LP0202", "`source` lacks `path` (or `step`)", at, hint="add `path:`")
            return None
        if len(kinds) > 1:
            summary = f"a source is one of {', '.join(kinds)}, not several at once"
            self._problem("LP0270", summary, (*at, kinds[1]), key=True, hint=f"keep `{kinds[0]}` or `{kinds[1]}`")
            return None
        match kinds[0]:
            case "path":
                return self._path(spec, at, (*at, "path"))
            case "step":
                return m.StepSource(spec["step"]) if self._fits("step", "step", spec, at) else None
            case "results_of":
                return self._results(spec, at)
            case "postgres":
                return self._postgres(spec, at)
        return self._sql(spec, at)

    # -- files -----------------------------------------------------------------------------------------------------

    def _path(self, spec: Mapping[str, Any], at: KeyPath, path_at: KeyPath) -> m.Source | None:
        text = self._rendered(spec["path"], path_at)
        if text is None:
            return None
        if text == "-":
            return self._stdin(spec, at)
        ending = Path(text).suffix.lower()
        compression = COMPRESSIONS.get(ending)
        bare = text[: -len(ending)] if compression else text
        kind = spec.get("format") or ENDINGS.get(Path(bare).suffix.lower())
        if kind is None:
            self._problem(
                "LP0227", f"the ending of `{text}` does not tell its format", path_at,
                hint="write `{path: …, format: csv}`",
            )  # fmt: skip
            return None
        if compression and kind in UNPACKED:
            summary = f"a {kind} file is not read from inside a {ending} file"
            self._problem("LP0270", summary, path_at, hint="unpack it; its own pages may be compressed")
            return None
        if not self._fits(kind, f"a {kind} source", spec, at):
            return None
        file = self._locate(text, path_at)
        if kind == "sqlite":
            return self._sqlite(spec, at, text, file)
        return m.FileSource(text, file, kind, **self._dialect(spec, kind), compression=compression)

    def _dialect(self, spec: Mapping[str, Any], kind: str) -> dict[str, Any]:
        return {
            "delimiter": spec.get("delimiter") or ("\t" if kind == "tsv" else ","),
            "quote": spec.get("quote", '"'),
            "encoding": spec.get("encoding", "utf-8"),
            "null": tuple(spec.get("null", ())),
        }

    def _stdin(self, spec: Mapping[str, Any], at: KeyPath) -> m.Source | None:
        kind = spec.get("format", "csv")
        if kind == "sqlite":
            hint = "write it to a file: `{path: x.sqlite, table: t}`"
            self._problem("LP0270", "a database cannot be read from standard input", (*at, "format"), hint=hint)
            return None
        if not self._fits(kind, f"{kind} on standard input", spec, at):
            return None
        return m.StdinSource(kind, **self._dialect(spec, kind))

    # -- databases -------------------------------------------------------------------------------------------------

    def _sqlite(self, spec: Mapping[str, Any], at: KeyPath, text: str, file: Path) -> m.Source | None:
        if not self._table_or_query(spec, at, "a SQLite source"):
            return None
        query = self._query(spec, at)
        if query is None and "query" in spec:
            return None
        return m.SqliteSource(text, file, spec.get("table"), query, tuple(spec.get("null", ())))

    def _postgres(self, spec: Mapping[str, Any], at: KeyPath) -> m.Source | None:
        if not self._fits("postgres", "a PostgreSQL source", spec, at):
            return None
        if not self._table_or_query(spec, at, "a PostgreSQL source"):
            return None
        query = self._query(spec, at)
        if query is None and "query" in spec:
            return None
        return m.PostgresSource(spec["postgres"]["env"], spec.get("table"), query)

    def _table_or_query(self, spec: Mapping[str, Any], at: KeyPath, what: str) -> bool:
        given = [key for key in ("table", "query") if key in spec]
        if len(given) == 1:
            return True
        hint = "`table: accounts`, or `query: SELECT …`"
        self._problem("LP0270", f"{what} needs exactly one of `table` and `query`", at, key=True, hint=hint)
        return False

    def _query(self, spec: Mapping[str, Any], at: KeyPath) -> str | None:
        return self._rendered(spec["query"], (*at, "query"), sql=True) if "query" in spec else None

    def _sql(self, spec: Mapping[str, Any], at: KeyPath) -> m.Source | None:
        if not self._fits("sql", "an `sql` source", spec, at):
            return None
        here: KeyPath = (*at, "sql")
        text = self._rendered(spec["sql"], here, sql=True)
        if text is None:
            return None
        files = []
        for name in files_named(text):
            read_as = self._as_read_elsewhere(name)
            if name == "-" or (read_as.get("format") or ENDINGS.get(Path(name).suffix.lower())) == "sqlite":
                hint = "csv, tsv, jsonl and parquet files can be named after FROM"
                self._problem("LP0270", f"`{name}` cannot be read in `sql`", here, hint=hint)
                continue
            found = self._path(read_as, at, here)
            if isinstance(found, m.FileSource):
                files.append(found)
        return m.SqlSource(text, tuple(files))

    def _as_read_elsewhere(self, name: str) -> Mapping[str, Any]:
        """How a file is read: as the step that has it for its source says, else as its ending says."""
        for step in self._document.data["steps"].values():
            source = step.get("source")
            if isinstance(source, dict) and source.get("path") == name:
                return source
        return {"path": name}

    # -- other steps -----------------------------------------------------------------------------------------------

    def _results(self, spec: Mapping[str, Any], at: KeyPath) -> m.Source | None:
        if not self._fits("results_of", "the results of a step", spec, at):
            return None
        if "kind" not in spec:
            hint = "add `kind: failed` (or successful, unprocessed)"
            self._problem("LP0202", "`source` lacks `kind`", (*at, "results_of"), key=True, hint=hint)
            return None
        return m.ResultsSource(spec["results_of"], spec["kind"])

    # -- keys and texts --------------------------------------------------------------------------------------------

    def _fits(self, kind: str, what: str, spec: Mapping[str, Any], at: KeyPath) -> bool:
        strange = [key for key in spec if key not in FITTING[kind] and key not in KINDS]
        for key in strange:
            self._problem("LP0270", f"`{key}` means nothing for {what}", (*at, key), key=True, hint="remove it")
        return not strange
