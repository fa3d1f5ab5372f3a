"""Data Loader's .sdl mapping, and its process-conf.xml -> a plan.

A mapping alone says neither object nor operation: those come from the command line. A process file says both, names the mapping and
the data, and may hold several. The shapes: Data Loader Guide, "Batch Mode" and "Data Types and Mapping".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from loadplan.errors import InvalidInputError, UsageError
from loadplan.imports.draft import Draft, is_api_name, nothing_made, slug, template_free
from loadplan.lean import dataclass

OPERATIONS = {
    "insert": "insert", "update": "update", "upsert": "upsert", "delete": "delete", "hard_delete": "hardDelete", "extract": "query",
    "extract_all": "queryAll",
}  # fmt: skip
SETTLED = ("sfdc.endpoint", "sfdc.username", "sfdc.password", "process.encryptionKeyFile", "sfdc.proxy")
"""Where the org is and who logs in stands in orgs.yaml."""
SILENT = (
    "sfdc.debugMessages", "sfdc.timeoutSecs", "sfdc.loadBatchSize", "sfdc.useBulkApi", "sfdc.bulkApi", "sfdc.maxRetries",
    "sfdc.minRetrySleepSecs", "sfdc.enableRetries", "sfdc.extractionRequestSize", "sfdc.connectionTimeoutSecs", "sfdc.noCompression",
    "sfdc.useSerialBulkApi", "process.outputSuccess", "process.outputError", "process.statusOutputDirectory", "process.name",
    "process.enableExtractStatusOutput", "process.initialLastRunDate", "process.lastRunOutputDirectory", "dataAccess.readBatchSize",
    "dataAccess.writeBatchSize",
)  # fmt: skip
"""How Data Loader itself runs."""
USED = {
    "sfdc.entity", "process.operation", "sfdc.externalIdField", "process.mappingFile", "dataAccess.name", "dataAccess.type",
    "sfdc.extractionSOQL", "sfdc.insertNulls", "dataAccess.readUTF8", "dataAccess.writeUTF8", "loader.csvComma", "loader.csvTab",
}  # fmt: skip


POLYMORPHIC = {"Who", "What", "Owner"}
"""Relationships that lead to several objects: a lookup over them names which."""


@dataclass(frozen=True)
class Given:
    """What the command line says of a mapping alone."""

    object: str | None = None
    operation: str | None = None
    external_id: str | None = None
    source: Path | None = None


def from_sdl(file: Path, given: Given) -> Draft:
    """The plan of a .sdl, or of every process of a process-conf.xml. Raises `InvalidInputError` or `UsageError`."""
    draft = Draft(slug(file.stem if file.suffix == ".sdl" else file.resolve().parent.name), file.name)
    if file.suffix != ".sdl":
        for name, entries in _processes(file).items():
            _process(draft, name, entries, file.parent)
        if not draft.steps:
            raise nothing_made(draft, file, "a process needs sfdc.entity and process.operation")
        return draft
    if not given.object or not given.operation or not given.source:
        raise UsageError(
            "a .sdl says neither object nor operation", hint="give --object, --operation and --source, and --external-id for an upsert",
            next_commands=[f"loadplan import sdl {file} --object Account --operation insert --source accounts.csv"],
        )  # fmt: skip
    if not is_api_name(given.object):
        raise UsageError(
            f"--object: {given.object!r} is no API name of an object", next_commands=["loadplan import sdl --help"]
        )
    if (given.operation == "upsert") != bool(given.external_id):
        raise UsageError(
            "an upsert needs --external-id, and nothing else takes it", next_commands=["loadplan import sdl --help"]
        )
    source = given.source.as_posix()
    _step(draft, given.object, given.object, given.operation, given.external_id, source, file, "", nulls=False)
    return draft


def _processes(file: Path) -> dict[str, dict[str, str]]:
    """The entries of each process bean by its name."""
    from xml.etree import ElementTree

    try:
        text = file.read_text(encoding="utf-8-sig")
        if "<!ENTITY" in text:
            raise ValueError("it declares entities")
        root = ElementTree.fromstring(text)  # noqa: S314 - entities are refused above
    except (OSError, ValueError, ElementTree.ParseError) as error:
        raise InvalidInputError(
            f"{file} cannot be read as XML: {error}", hint="name a .sdl or a process-conf.xml"
        ) from error
    found: dict[str, dict[str, str]] = {}
    for bean in root.iter():
        if not bean.tag.endswith("bean"):
            continue
        entries = {
            str(e.get("key")): str(e.get("value") or (e.text or "")).strip()
            for e in bean.iter()
            if e.tag.endswith("entry")
        }
        if "process.operation" in entries:
            found[bean.get("id") or bean.get("name") or f"process {len(found) + 1}"] = entries
    return found


def _process(draft: Draft, name: str, entries: Mapping[str, str], folder: Path) -> None:
    operation = OPERATIONS.get(entries["process.operation"].lower())
    step = draft.new_id(name)
    if operation is None:
        draft.note("", f"{name}: the operation `{entries['process.operation']}` was left out")
        return
    if operation not in {"query", "queryAll"} and not is_api_name(entries.get("sfdc.entity")):
        draft.note("", f"{name}: its sfdc.entity is no name of an object; it was left out")
        return
    for key in entries:
        if key not in USED and not key.startswith((*SETTLED, *SILENT)):
            draft.note(step, f"`{key}` has no counterpart and was not carried over")
    if any(key.startswith(SETTLED) for key in entries):
        draft.note(step, "the login of the process belongs into orgs.yaml, without its password")
    if operation in {"query", "queryAll"}:
        soql = entries.get("sfdc.extractionSOQL", "")
        if not soql or not template_free(soql):
            draft.note("", f"{name}: its query was left out")
            return
        output = f"out/{PureWindowsPath(entries.get('dataAccess.name', step)).stem}.csv"
        draft.steps[step] = {"operation": operation, "soql": " ".join(soql.split()), "output": output}
        return
    if entries.get("dataAccess.type", "csvRead") != "csvRead":
        draft.note(
            "",
            f"{name}: its rows come from {entries['dataAccess.type']}; give the step a source of its own; it was left out",
        )
        return
    mapping = _near(folder, entries.get("process.mappingFile", ""))
    if mapping is not None and not mapping.is_file():
        draft.note("", f"{name}: its mapping {mapping.name} is not beside {draft.origin}; it was left out")
        return
    source = _near(folder, entries.get("dataAccess.name", ""))
    path = source.relative_to(folder).as_posix() if source else f"{step}.csv"
    nulls = entries.get("sfdc.insertNulls", "").lower() == "true"
    external_id = entries.get("sfdc.externalIdField") or None
    _step(draft, step, entries["sfdc.entity"], operation, external_id, path, mapping, name, nulls=nulls)
    if entries.get("dataAccess.readUTF8", "true").lower() == "false" and step in draft.steps:
        draft.steps[step]["source"] = {"path": path, "encoding": "cp1252"}
        draft.note(
            step, "the process reads the file in the machine's own encoding; cp1252 is that of a Windows in the west"
        )


def _near(folder: Path, name: str) -> Path | None:
    """A file that a process names by its path on another machine: the same name beside the process file, or in a folder below."""
    if not name:
        return None
    base = PureWindowsPath(name).name if "\\" in name or ":" in name else PurePosixPath(name).name
    return next(iter(sorted(folder.rglob(base))), folder / base)


def _step(
    draft: Draft, words: str, object_: str, operation: str, external_id: str | None, source: str, mapping: Path | None, name: str,
    *, nulls: bool,
) -> None:  # fmt: skip
    step = words if name else draft.new_id(words)
    made: dict[str, Any] = {"object": object_, "operation": operation}
    if operation == "upsert":
        if not external_id or external_id == "Id":
            draft.note("", f"{name or step}: an upsert by Id has no counterpart; it was left out")
            return
        made["external_id"] = external_id
    made["source"] = source
    if mapping is not None:
        columns, lookups = read_mapping(draft, step, mapping)
        if operation in {"delete", "hardDelete"}:
            columns = {k: v for k, v in columns.items() if k == "Id"}
            lookups = {}
        if nulls:
            columns = {
                k: {"column": v, "empty": "#N/A"} if isinstance(v, str) and k not in {"Id", external_id} else v
                for k, v in columns.items()
            }
        made["columns"] = columns
        if lookups:
            made["lookups"] = lookups
    draft.steps[step] = made


def read_mapping(draft: Draft, step: str, file: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """(columns, lookups) of a .sdl: a Java properties file of source column and target field."""
    columns: dict[str, Any] = {}
    lookups: dict[str, str] = {}
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        text = file.read_text(encoding="latin-1")
    except OSError as error:
        raise InvalidInputError(
            f"{file} cannot be read: {error.strerror}", hint="name the mapping of Data Loader"
        ) from error
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith(("#", "!")):
            continue
        pair = re.match(r"\s*((?:\\.|[^=:\\])*?)\s*[=:]\s*(.*)\Z", line)
        if pair is None:
            continue
        column, targets = _unescaped(pair[1]), _unescaped(pair[2]).strip()
        if not targets:
            draft.note(step, f"the column `{column}` is mapped to nothing and is not sent")
        for target in filter(None, (t.strip() for t in targets.split(","))):
            _map(draft, step, column, target, columns, lookups)
    return columns, lookups


def _map(draft: Draft, step: str, column: str, target: str, columns: dict[str, Any], lookups: dict[str, str]) -> None:
    if ":" in target:
        relation, _, field = target.partition(":")
        if "-" in field:  # relationship:Parent-field, as newer releases write it
            parent, _, field = field.partition("-")
            relation = f"{parent}:{relation}" if relation in POLYMORPHIC else relation
        lookups[f"{relation}.{field}"] = column
    elif len(column) > 1 and column[0] == column[-1] == '"':
        if template_free(column):
            columns[target] = {"value": column[1:-1]}
        else:
            draft.note(step, f"the constant of `{target}` holds braces and was left out")
    else:
        columns[target] = column


def _unescaped(text: str) -> str:
    return re.sub(r"\\u([0-9a-fA-F]{4})|\\(.)", lambda m: chr(int(m[1], 16)) if m[1] else m[2], text)
