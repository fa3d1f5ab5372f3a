"""The journal: durable, chained, torn only at its end."""

from __future__ import annotations

import dataclasses
import json
from hashlib import sha256
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from loadplan.errors import LocalError
from loadplan.run import events as ev
from loadplan.run.journal import FileJournal, read_journal

from support.story import FakeClock


def written(path: Path, count: int = 4) -> list[ev.Event]:
    journal = FileJournal.create(path, FakeClock())
    said: list[ev.Event] = [ev.StepStarted(f"step-{i}") for i in range(count)]
    for event in said:
        journal.append(event)
    journal.close()
    return said


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    """Events, sequence numbers and times survive."""
    path = tmp_path / "journal.jsonl"
    said = written(path)
    records, _, size = read_journal(path)
    assert [r.event for r in records] == said
    assert [r.seq for r in records] == [1, 2, 3, 4]
    assert size == path.stat().st_size


def test_a_journal_torn_at_any_byte_reads_as_a_prefix(tmp_path: Path) -> None:
    """Whatever the disk kept of the last record, the records before it stand and nothing is invented."""
    path = tmp_path / "journal.jsonl"
    said = written(path)
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        records, _, good = read_journal(path)
        assert [r.event for r in records] == said[: len(records)]
        assert good <= size


def test_a_changed_byte_is_found(tmp_path: Path) -> None:
    """A flipped bit anywhere before the last record breaks the chain, and the journal is refused."""
    path = tmp_path / "journal.jsonl"
    written(path)
    whole = path.read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    for at in range(0, last - 1, 3):
        damaged = bytearray(whole)
        damaged[at] ^= 1
        path.write_bytes(bytes(damaged))
        with pytest.raises(LocalError):
            read_journal(path)


def test_a_changed_bit_of_the_last_record_is_found(tmp_path: Path) -> None:
    """No line follows whose chain would tell: the record's own checksum does. A line that is no JSON any more counts as torn."""
    path = tmp_path / "journal.jsonl"
    said = written(path)
    whole = path.read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    refused = 0
    for bit in range(last * 8, len(whole) * 8):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bytes(damaged))
        try:
            assert [r.event for r in read_journal(path)[0]] == said[:-1]
        except LocalError:
            refused += 1
    assert refused > (len(whole) - last) * 4


def test_a_journal_of_an_earlier_release_is_read_and_gone_on_with(tmp_path: Path) -> None:
    """Its lines have no checksum; those that are added have one, and then none may lack it."""
    path = tmp_path / "journal.jsonl"
    said = written(path)
    prev, old = "0" * 64, []
    for line in path.read_bytes().splitlines():
        data = {k: v for k, v in json.loads(line).items() if k not in {"prev", "crc"}}
        text = json.dumps({**data, "prev": prev}, separators=(",", ":")).encode() + b"\n"
        prev = sha256(text).hexdigest()
        old.append(text)
    path.write_bytes(b"".join(old))
    journal, records = FileJournal.reopen(path, FakeClock())
    assert [r.event for r in records] == said
    journal.append(ev.StepStarted("new"))
    journal.close()
    assert [r.event for r in read_journal(path)[0]] == [*said, ev.StepStarted("new")]
    last = path.read_bytes().splitlines(keepends=True)[-1]
    assert b',"crc":"' in last


def test_a_reopened_journal_goes_on_after_a_torn_line(tmp_path: Path) -> None:
    """The torn line is cut off, the next record takes its number."""
    path = tmp_path / "journal.jsonl"
    written(path)
    path.write_bytes(path.read_bytes()[:-5])
    journal, records = FileJournal.reopen(path, FakeClock())
    assert len(records) == 3
    assert journal.append(ev.StepStarted("again")).seq == 4
    journal.close()
    assert [r.seq for r in read_journal(path)[0]] == [1, 2, 3, 4]


@pytest.mark.parametrize("kind", sorted(ev.EVENT_TYPES))
def test_every_event_has_a_place_in_the_registry(kind: str) -> None:
    """Its name in JSON is its class's name."""
    assert ev.EVENT_TYPES[kind].__name__ == kind


def filled(kind: Any) -> Any:
    """A value of this type with something in every field, down to the last."""
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{f.name: filled(hints[f.name]) for f in dataclasses.fields(kind)})  # type: ignore[operator]
    arguments = get_args(kind)
    if get_origin(kind) in {Union, UnionType}:
        return filled(next(a for a in arguments if a is not NoneType))
    if get_origin(kind) is tuple:
        return (filled(arguments[0]), filled(arguments[0]))
    if get_origin(kind) is dict:
        return {"é 1": filled(arguments[1])}
    return {str: "x", int: 7, float: 0.5, bool: True, Any: None}[kind]


@pytest.mark.parametrize("kind", sorted(ev.EVENT_TYPES))
def test_a_line_of_the_journal_has_the_fields_of_its_event_and_no_others(kind: str) -> None:
    """Every key that is written is in the schema, and all that is written comes back."""
    event = filled(ev.EVENT_TYPES[kind])
    line = json.loads(json.dumps(ev.to_json(event)))
    assert line == json.loads(json.dumps({"type": kind, **dataclasses.asdict(event)}))
    assert list(line) == ["type", *(f.name for f in dataclasses.fields(event))]
    assert json.loads(json.dumps(ev.to_json(ev.from_json(line)))) == line
