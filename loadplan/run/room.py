"""Room on the disk: what a run will need, stated before it begins, and compared with what is free before anything is sent.

It estimates and compares; it writes nothing. Each figure is an estimate by one rule, which its `how` says:

- rows as sent: the bytes of the ranges of the source where they go out as they stand (exact), else the mean of the first
  `SAMPLE` rows, shaped as they will be, times the rows;
- parts: nothing for ranges of the source, else the rows as sent and 8 bytes a row that say where it comes from;
- results: the rows as sent, every cell in quotes, and an id and a flag a row: the org echoes what it took;
- levels of a hierarchy: its rows once more, put aside by level;
- order of parents: the rows of the largest such step once more, while they are sorted;
- ids: a key, an id and its place in the map for each row whose id another row needs, twice while a map is made anew;
- the embedded org, where it is meant: its own copy of rows, records and results.

Not counted, because nobody can know: rows that fail (put aside once more), rows that wait for a failed parent, and the pages of a
query. Pages are compared with what is free as soon as the first one shows how large they are (`require_room_for_pages`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path

from loadplan.errors import InvalidInputError, LocalError
from loadplan.lean import dataclass
from loadplan.plan.model import DELIMITERS, LINE_ENDINGS, Plan, Step
from loadplan.run.folder import RunFolder
from loadplan.run.rows import Rows
from loadplan.run.state import Attempt
from loadplan.sources.base import InputDigest
from loadplan.sources.encode import row_encoder
from loadplan.sources.selection import deaf, shape_row
from loadplan.words import count, size

SAMPLE = 1_000
RESERVE = 16_000_000
"""Bytes for the journal and the reports of any run."""
INDEX = 8
RESULT_ROW = 28
"""Bytes of `"<18>","true",` and the end of its line."""
ID = 18
"""Characters of an id, which is sent in place of a parent's key."""
ID_ROW = 48
"""Bytes of an entry of an id map beside its key."""
EMBEDDED = 10
"""How many times the rows the embedded org keeps them: as uploaded, as a record with its indexes, as a result."""
SORTED_ABOVE = 10_000
PACKED = 0.4
"""Of the pages' size: an output that is compressed. CSV packs to a quarter or less; rows of random text to more."""

Free = Callable[[Path], int]


@dataclass(frozen=True)
class Need:
    """So many bytes under the state folder, for `what` of `step` ("" for the run); `how` is the rule."""

    step: str
    what: str
    bytes: int
    how: str


@dataclass(frozen=True)
class RoomNeeded:
    """What can be told before a run begins. `unknown` are query steps: the org alone knows how many rows they have."""

    needs: tuple[Need, ...]
    unknown: tuple[str, ...]

    @property
    def total(self) -> int:
        return sum(need.bytes for need in self.needs)

    def by_kind(self) -> dict[str, int]:
        """Bytes by what they are for, the largest first."""
        found: dict[str, int] = {}
        for need in self.needs:
            found[need.what] = found.get(need.what, 0) + need.bytes
        return dict(sorted(found.items(), key=lambda item: -item[1]))


def statvfs_free(path: Path) -> int:
    """Bytes that may still be written where `path` is. It must exist."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def free_space(path: Path) -> int:
    """The same for a `path` that need not exist yet."""
    return statvfs_free(_existing(path))


def _existing(path: Path) -> Path:
    return next(p for p in (path, *path.absolute().parents) if p.exists())


# -- before the run ------------------------------------------------------------------------------------------------


def room_needed(rows: Rows, digests: Mapping[str, InputDigest], *, embedded: bool = False) -> RoomNeeded:
    """What the run of a plan whose sources were checked will write. `embedded`: the org is the embedded one, whose data lie under
    the state folder too."""
    plan = rows.plan
    needs: list[Need] = []
    sorting = sent_in_all = 0
    wanted = {reference.step for step in plan.steps.values() for reference in step.ids}
    for step in plan.steps.values():
        if (digest := digests.get(step.id)) is None:
            continue
        seen = _sample(rows, step, digest)
        sent_in_all += seen.sent
        needs += _of_step(step, digest, seen, len(rows.shape(step).header))
        if step.references and seen.rows > SORTED_ABOVE:
            sorting = max(sorting, seen.sent + seen.rows * INDEX)
        if step.id in wanted or (step.hierarchy is not None and step.hierarchy.lookup is None):
            needs.append(Need(step.id, "ids", 2 * (seen.keys + seen.rows * ID_ROW), "a key and an id a row, twice"))
    if sorting:
        needs.append(Need("", "order of parents", sorting, "the rows of one step, while they are sorted"))
    if embedded:
        needs.append(Need("", "the embedded org", EMBEDDED * sent_in_all, f"{EMBEDDED} times the rows as sent"))
    needs.append(Need("", "journal and reports", RESERVE, "of any run"))
    return RoomNeeded(
        tuple(need for need in needs if need.bytes), tuple(s.id for s in plan.steps.values() if s.is_query)
    )


@dataclass(frozen=True)
class _Seen:
    """Of all rows of a step, by what its first ones are: how many are sent, their bytes as sent, in the source, and of keys."""

    rows: int
    sent: int
    source: int
    keys: int


def _of_step(step: Step, digest: InputDigest, seen: _Seen, columns: int) -> list[Need]:
    echoed = seen.sent + seen.rows * (RESULT_ROW + 2 * columns)
    needs = [Need(step.id, "results", echoed, "the rows as sent, quoted, with an id a row")]
    if not digest.ranges or step.ids:
        needs.append(Need(step.id, "parts", seen.sent + seen.rows * INDEX, "the rows as sent"))
    if step.hierarchy is not None:
        needs.append(Need(step.id, "levels", seen.source + digest.rows * INDEX, "the rows of the source, by level"))
    return needs


def _sample(rows: Rows, step: Step, digest: InputDigest) -> _Seen:
    """The first rows, shaped as they will be sent."""
    reader = rows.reader(step)
    shape = rows.shape(step)
    encode = row_encoder(DELIMITERS[step.csv.delimiter], LINE_ENDINGS[step.csv.line_ending])
    read = taken = sent = source = keys = 0
    reader.on_problem = deaf
    try:
        for row in islice(reader, SAMPLE):
            read += 1
            source += sum(map(len, map(str.encode, row.cells))) + len(row.cells)
            if (selected := shape_row(shape, row, reader)) is not None:
                taken += 1
                sent += len(encode(selected.cells)) + ID * len(step.ids)
                keys += len(selected.key.encode())
    except InvalidInputError:
        pass  # the check has judged the rows; what was seen so far is sample enough
    finally:
        reader.close()
    if not read:
        return _Seen(0, 0, 0, 0)
    selected_rows = digest.rows * taken // read
    if step.limit is not None:
        selected_rows = min(selected_rows, step.limit)
    if digest.ranges:
        selected_rows, exact = digest.rows, sum(r.bytes for r in digest.ranges)
    else:
        exact = 0
    each = taken or 1
    return _Seen(
        selected_rows, exact or sent * selected_rows // each, source * digest.rows // read, keys * selected_rows // each
    )


def describe_room(needed: RoomNeeded, state: Path, free: Free = free_space) -> list[str]:
    """Lines for the preview: what is needed under the state folder, what takes a megabyte of it, and what is free there."""
    large = {kind: n for kind, n in needed.by_kind().items() if n >= RESERVE // 16 and n != RESERVE}
    what = ", ".join(f"{kind} {size(n)}" for kind, n in large.items())
    lines = [f"disk: about {size(needed.total)} of {size(free(state))} free" + (f" ({what})" if what else "")]
    if needed.unknown:
        steps = ", ".join(needed.unknown)
        lines.append(f"      and the pages of {steps}: how many there are is known when the org has answered")
    return lines


def require_room(
    needed: RoomNeeded, state: Path, outputs: Iterable[Path], next_command: str, free: Free = free_space
) -> None:
    """Raises `LocalError` (exit 9) when the state folder's disk has less room than the run will need, or the disk of an output has
    none at all."""
    left = free(state)
    if needed.total > left:
        what = ", ".join(f"{kind} {size(n)}" for kind, n in needed.by_kind().items())
        raise LocalError(
            f"the run needs about {size(needed.total)} on this disk, and {size(left)} are free; nothing was sent", code="LP0605",
            where=str(state), details=[what],
            hint=f"free {size(needed.total - left)}, or keep the state on another disk: --state-dir DIR",
            next_commands=[next_command],
        )  # fmt: skip
    for output in outputs:
        if (left := free(output.parent)) < RESERVE // 16:
            raise LocalError(
                f"there is no room for an output: {size(left)} are free; nothing was sent", code="LP0605",
                where=str(output), hint="free space there, or name another place", next_commands=[next_command],
            )  # fmt: skip


def output_files(plan: Plan) -> list[Path]:
    """Where the plan's extracts go."""
    return [step.output_file for step in plan.steps.values() if step.output_file is not None]


# -- pages ---------------------------------------------------------------------------------------------------------


def require_room_for_pages(step: Step, attempt: Attempt, folder: RunFolder, free: Free = free_space) -> None:
    """Compare the pages that are still to come, and the output they will be written to, with what is free. Raises `LocalError`
    (exit 9): what is on disk stays, and the walk goes on at the next page when there is room."""
    have = attempt.pages.rows
    if not have or not attempt.processed:
        return
    fetched = attempt.pages.bytes
    whole = fetched * attempt.processed // have
    pages = max(0, whole - fetched)
    out = 0
    if step.output_file is not None:
        out = whole if step.output_format in {"csv", "folder"} else int(whole * PACKED)
    places = [(folder.root, pages)]
    if step.output_file is not None:
        if _device(step.output_file.parent) == _device(folder.root):
            places = [(folder.root, pages + out)]
        else:
            places.append((step.output_file.parent, out))
    for place, need in places:
        if need > (left := free(place)):
            raise LocalError(
                f"`{step.id}` needs about {size(need)} more for {count(attempt.processed, 'row')}, and {size(left)} are free",
                code="LP0605", where=str(place),
                details=[f"{count(len(attempt.pages), 'page')} of {size(fetched)} with {count(have, 'row')} are on disk and stay"],
                hint=f"free {size(need - left)}, then go on with the next page",
            )  # fmt: skip


def _device(path: Path) -> int:
    return _existing(path).stat().st_dev
