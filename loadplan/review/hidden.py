"""Hidden: files that changed and that a plan reads only with other values of its variables than those of this comparison. A template
of a path is looked at as a pattern; what stands in the files is not. Pure.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from loadplan.plan.document import parse_document
from loadplan.plan.model import Plan
from loadplan.plan.templates import is_template, words_in
from loadplan.review.feeding import Feeding
from loadplan.review.meaning import Change

_HOLE = "\ue000"
_PRINT = re.compile(r"{{-?\s*(.*?)\s*-?}}", re.DOTALL)
_BLOCK = re.compile(r"{%.*%}", re.DOTALL)
_DATA = (
    "csv", "tsv", "txt", "dat", "psv", "json", "jsonl", "ndjson", "parquet", "db", "sqlite", "sqlite3", "xlsx", "gz", "zst",
)  # fmt: skip
"""Endings that data have. A template that is nothing but a variable may name any file: only these are told."""


def hidden_files(plan: Plan, file: str, changed: Collection[str], read: Collection[str]) -> dict[tuple[str, str], str]:
    """(step, path) -> the variables, for each `changed` path that a template of a source or value table may name, and that is not
    among those `read` here. `file` is the plan's path in the repository; all paths are from its top."""
    open_ = [path for path in changed if path not in read and path != file]
    document, _ = parse_document(plan.text, str(plan.file))
    if not open_ or document is None or not isinstance(document.data, dict):
        return {}
    found = {}
    for step, template in _paths(document.data.get("steps")):
        names = sorted(words_in(template) & plan.variables.keys())
        pattern, bare = _pattern(posixpath.dirname(file), template, document.data.get("vars"))
        for path in open_:
            if names and pattern.fullmatch(path) and (not bare or path.rsplit(".", 1)[-1].lower() in _DATA):
                found[step, path] = ", ".join(names)
    return found


def _paths(steps: Any) -> Iterator[tuple[str, str]]:
    """(step, template) of everything that names a file to read."""
    for step, spec in steps.items() if isinstance(steps, dict) else ():
        if not isinstance(spec, dict):
            continue
        source = spec.get("source")
        named = [source]
        if isinstance(source, dict):
            files = source.get("files")
            named = [v for k, v in source.items() if k in {"path", "sqlite", "file"}]
            named += list(files.values()) if isinstance(files, dict) else files if isinstance(files, list) else [files]
        for columns in (spec.get("columns"), spec.get("lookups")):
            for column in columns.values() if isinstance(columns, dict) else ():
                table = column.get("map") if isinstance(column, dict) else None
                named.append(table.get("file") if isinstance(table, dict) else table)
        for one in named:
            text = one.get("path") if isinstance(one, dict) else one
            if isinstance(text, str) and is_template(text):
                yield str(step), text


def _pattern(folder: str, template: str, declared: Any) -> tuple[re.Pattern[str], bool]:
    """(what paths the template may name, whether it has no text of its own). A variable with a list of values stands for those."""
    holes: list[str] = []

    def hole(match: re.Match[str]) -> str:
        about = declared.get(match[1]) if isinstance(declared, dict) and match.lastindex else None
        values = about.get("values") if isinstance(about, dict) else None
        holes.append("|".join(re.escape(str(v)) for v in values) if isinstance(values, list) and values else ".*")
        return f"{_HOLE}{len(holes) - 1}{_HOLE}"

    text = _PRINT.sub(hole, _BLOCK.sub(hole, template))
    bare = not re.sub(rf"{_HOLE}\d+{_HOLE}", "", text).strip("./ ") and ".*" in holes
    path = posixpath.normpath(posixpath.join(folder, text))
    parts = path.split(_HOLE)
    whole = "".join(f"(?:{holes[int(part)]})" if at % 2 else re.escape(part) for at, part in enumerate(parts))
    return re.compile(whole, re.DOTALL), bare


def hidden_changes(
    plan: Plan, hidden: Mapping[tuple[str, str], str], feeds: tuple[Feeding, Feeding]
) -> Iterator[Change]:
    """Each of those files. Of a step that is new all is told already."""
    for (name, path), variables in sorted(hidden.items()):
        step = plan.steps.get(name)
        if step is None:
            continue
        deletes = step.facts.destructive or any(name in f.deletes for f in feeds)
        why = f"not compared: read with other values of `{variables}`; --var gives them"
        yield Change(f"{name}.file {path}", name, "changed", "", "", "R3" if deletes else "R2", why)
