"""Rowchanges: the rows and value tables of one step in two versions: compared where both can be read, told where they cannot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from loadplan.errors import InvalidInputError
from loadplan.masking import printable
from loadplan.plan.model import FileSource, FromColumn, SqliteSource, Step, source_files
from loadplan.review.feeding import Feeding, found_by
from loadplan.review.meaning import Change
from loadplan.review.revisions import LFS
from loadplan.review.rowdiff import compare_rows
from loadplan.review.rowrisk import minds_order, rows_risk, uncompared_risk
from loadplan.review.treelinks import Kept
from loadplan.review.versions import Version
from loadplan.sources.registry import open_source

POINTER = "kept in Git LFS: its rows are not in the repository"


def table_changes(
    old: Step, new: Step, before: Version, after: Version, feeds: tuple[Feeding, Feeding]
) -> Iterator[Change]:
    """Value tables whose bytes changed."""
    then = {used.path: before.identity(used.file) for used in old.input_files}
    for used in new.input_files:
        now = after.identity(used.file)
        if used.path not in then or then[used.path] == now:
            continue
        why, finding = "value table", _feeds_key(new, used.path)
        risk = "R3" if finding or new.facts.destructive else "R2"
        if finding:
            why = f"value table of {found_by(new)}: {'a delete of other rows' if new.facts.destructive else 'rows find other records'}"
        if unseen := then[used.path].why or now.why:
            why = f"{why}; cannot be compared: {unseen}"
            risk = max(risk, uncompared_risk(new, _fed(new, feeds)))
        yield Change(f"{new.id}.map {used.path}", new.id, "changed", "", "", risk, why)


def _feeds_key(step: Step, path: str) -> bool:
    field = found_by(step)
    return any(
        isinstance(c, FromColumn) and c.map_file is not None and c.map_file.path == path and c.field == field
        for c in step.columns or ()
    )


def _fed(step: Step, feeds: tuple[Feeding, Feeding]) -> str:
    """The delete that takes its rows from this step."""
    return feeds[1].deletes.get(step.id) or feeds[0].deletes.get(step.id) or ""


def row_changes(
    old: Step,
    new: Step,
    before: Version,
    after: Version,
    feeds: tuple[Feeding, Feeding],
    folder: Path,
    *,
    show_values: bool,
) -> dict[str, Any] | None:
    """The rows of a step's source in both versions; None when there is nothing to compare."""
    one, other = old.source, new.source
    fed = _fed(new, feeds)
    if not isinstance(one, FileSource | SqliteSource) or not isinstance(other, FileSource | SqliteSource):
        return _sql_files(old, new, before, after, fed)
    kept = before.identity(one.file), after.identity(other.file)
    if kept[0] == kept[1] and _read_alike(one, other):
        return None
    found: dict[str, Any] = {"step": new.id, "source": printable(other.path), "key": printable(new.key or "")}
    blind = {**found, "risk": uncompared_risk(new, fed), "compared": False}
    if unseen := _unseen(kept):
        return {**blind, "why": f"cannot be compared: {printable(unseen)}"}
    if None in {k.same for k in kept}:
        gone = "base" if kept[0].same is None else "head"
        return {**blind, "why": f"the file is not in {gone}"}
    if any(map(_is_pointer, (one.file, other.file))):
        return {**blind, "why": f"cannot be compared: {POINTER}"}
    try:
        rows = compare_rows(
            lambda: open_source(one), lambda: open_source(other), new.key, folder, show_values=show_values,
            ordered=minds_order(new),
        ).as_json()  # fmt: skip
    except InvalidInputError as error:
        return {**blind, "why": f"cannot be compared: {printable(error.summary)}"}
    grade, why = rows_risk(new, rows, fed)
    rows = {**rows, **{k: [printable(n) for n in rows[k]] for k in ("columns_added", "columns_removed", "emptied")}}
    rows["columns"] = {printable(name): number for name, number in rows["columns"].items()}
    stays = bool(rows["removed"]) and not new.facts.destructive
    return {**found, "risk": grade, "why": printable(why), "compared": True, **rows, "removed_stay": stays}


def _unseen(kept: tuple[Kept, Kept]) -> str:
    told = [f"in {side}, {k.why}" for side, k in zip(("base", "head"), kept, strict=True) if k.why]
    return "; ".join(told)


def _read_alike(one: FileSource | SqliteSource, other: FileSource | SqliteSource) -> bool:
    """Whether the same bytes are read the same way."""
    here = Path("x")
    return (
        replace(one, file=here, path="x") == replace(other, file=here, path="x") if type(one) is type(other) else False
    )


def _sql_files(old: Step, new: Step, before: Version, after: Version, fed: str) -> dict[str, Any] | None:
    """Files under a SELECT: that they changed is known, which of its rows is not."""
    then = {f.path: before.identity(f.file) for f in source_files(old.source)}
    now = {f.path: after.identity(f.file) for f in source_files(new.source)}
    changed = [path for path, kept in now.items() if path in then and then[path] != kept]
    if not changed:
        return None
    unseen = next((why for path in changed if (why := _unseen((then[path], now[path])))), "")
    source = printable(", ".join(changed))
    why = "a file under the SELECT changed" + (f"; cannot be compared: {printable(unseen)}" if unseen else "")
    return {
        "step": new.id, "source": source, "key": printable(new.key or ""), "risk": uncompared_risk(new, fed), "why": why,
        "compared": False,
    }  # fmt: skip


def _is_pointer(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(LFS)) == LFS
