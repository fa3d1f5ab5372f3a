"""Sent arrays: what `sentrows` does, with numpy: of a row it is known where its pieces stand in a block of the source, and no object is
made for it before it is written.

Rows that need a closer look go through the step's shape one by one, and take their place among the others. Both ways make the same
parts, which a property test shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from loadplan.plan.model import LINE_ENDINGS
from loadplan.sources.arrays import np
from loadplan.sources.base import InputDigest
from loadplan.sources.chosen import Chooser
from loadplan.sources.copyarrays import Piece
from loadplan.sources.evenarrays import Kind, PlacedBatch, begins_with, cut
from loadplan.sources.evenlines import Lines
from loadplan.sources.hasharrays import hash_all
from loadplan.sources.hashing import hash64
from loadplan.sources.names import content
from loadplan.sources.placedrows import LONGEST_KEY, PlacedRows
from loadplan.sources.rawrecords import unquoted
from loadplan.sources.sentrows import Id, Laid, Reading, Sender, names_of

BLOCK = 1 << 20
"""Bytes of the source that are looked at together: some thousand rows, so that those of one range of parents are many, and still fit
into a processor's cache."""
Places = Any  # an array of offsets
Numbers = Any  # an array of unsigned 64-bit numbers
Texts = Any  # an array of texts of one width, filled up with zeros


PlacedFinder = Callable[[bytes, Places, Places], tuple[Texts, Places]]
"""From where keys of parents stand in a text to their ids, and for which of them there is one. A `Finder` may have it as `placed`."""


def placed_batches(
    sender: Sender, chooser: Chooser, path: Path, laid: Sequence[Laid], lines: Lines
) -> Iterator[PlacedRows]:
    """As `Sender.batches` says."""
    work = _Work(sender, chooser, laid, lines)
    reading, first = Reading(path, lines, BLOCK), 1
    for batch in reading:
        if batch.count:
            assert isinstance(batch, PlacedBatch)
            yield work.sent(batch, first)
            first += batch.count
    chooser.rows.note(InputDigest(reading.hasher.hexdigest(), reading.size, first - 1, plain=True))


class _Work:
    def __init__(self, sender: Sender, chooser: Chooser, laid: Sequence[Laid], lines: Lines) -> None:
        self._sender, self._chooser, self._laid, self._lines = sender, chooser, laid, lines
        assert chooser.raw.picks is not None
        self._picks = chooser.raw.picks
        self._ids = [span for span in laid if isinstance(span, Id)]
        self._ending = LINE_ENDINGS[sender.step.csv.line_ending].encode()
        self._key, self._parent = sender.key, sender.parent

    def sent(self, batch: PlacedBatch, first: int) -> PlacedRows:
        """The rows of a batch. `first` is the number of its first record."""
        kind = batch.main()
        even, others = batch.split(kind)
        found: list[Texts] = []
        if kind is not None and self._ids:
            each = [self._found(span, batch.text, *kind.edges(span.cell)) for span in self._ids]
            good = np.logical_and.reduce([there for _, there in each])
            if not good.all():
                missing = even[~good].tolist()
                others = sorted([*others, *((at, batch.record(at)) for at in missing)])
                even, kind = even[good], kind.some(good)
            found = [ids[good] for ids, _ in each]
        records = np.arange(first, first + batch.count, dtype=np.uint64)
        if self._sender.records is not None:
            records = np.array(self._sender.records[first - 1 : first - 1 + batch.count], np.uint64)
        text, pieces = self._pieces(batch.text, kind, found)
        names = None
        if kind is not None and self._key is None:
            text, pieces, names = self._named(batch, kind, text, pieces, found)
        rows = self._spread(batch, even, records, text, pieces, kind, found, names)
        return self._with_others(rows, others, first)

    def _found(self, span: Id, text: bytes, left: Places, right: Places) -> tuple[Texts, Places]:
        quick: PlacedFinder | None = getattr(span.find, "placed", None)
        if quick is not None:
            return quick(text, left, right)
        return as_texts(span.find(cut(text, left, right)))

    def _pieces(self, text: bytes, kind: Kind | None, found: Sequence[Texts]) -> tuple[bytes, list[Piece]]:
        """Of each row that the kind knows; with the text that they are pieces of, which ids are added to. What stands behind a column
        in the source goes along with it where it is what is sent there."""
        if kind is None:
            return text, []
        own, last = self._lines.delimiter, self._lines.width - 1
        as_it_ends = self._ending == (b"\r\n" if self._lines.crlf else b"\n")
        pieces: list[Piece] = []
        literal, ids = b"", iter(found)
        for number, span in enumerate(self._laid):
            is_last = number == len(self._laid) - 1
            behind = self._ending if is_last else own
            if isinstance(span, bytes):
                literal += span + behind
                continue
            if literal:
                pieces.append(literal)
            literal = behind
            if isinstance(span, Id):
                added = next(ids)
                begin = len(text) + added.dtype.itemsize * np.arange(len(added))
                text += added.tobytes()
                pieces.append((begin, begin + added.dtype.itemsize))
                continue
            # A column of a table of places would keep all of it alive.
            left, right = np.ascontiguousarray(kind.outer(span[0])[0]), kind.outer(span[1])[1]
            if (as_it_ends if is_last else True) and (span[1] == last) is is_last:
                right, literal = right + len(behind), b""
            pieces.append((left, right))
        if literal:
            pieces.append(literal)
        return text, pieces

    def _spread(
        self, batch: PlacedBatch, even: Places, records: Numbers, text: bytes, pieces: list[Piece], kind: Kind | None,
        found: Sequence[Texts], own: Numbers | None,
    ) -> PlacedRows:  # fmt: skip
        """The even rows at their places, with room for the others. `own` are the names of rows that have no key."""
        count = batch.count
        sizes, names = np.zeros(count, np.int64), np.zeros(count, np.uint64)
        parents = np.zeros(count, "S1") if self._parent is not None else None
        all_even = len(even) == count
        if kind is not None:
            names[even] = self._keys(batch, kind) if own is None else own
            sizes[even] = _sizes_of(pieces)
            if self._parent is not None:
                parents = _at(count, even, self._parents(batch.text, kind, found))
            if not all_even:
                pieces = [
                    p if isinstance(p, bytes) else (_at(count, even, p[0]), _at(count, even, p[1])) for p in pieces
                ]
        return PlacedRows(records, names, parents, sizes, text, tuple(pieces) or (b"",))

    def _keys(self, batch: PlacedBatch, kind: Kind) -> Numbers:
        assert self._key is not None
        at = self._picks[self._key]
        assert isinstance(at, int)  # a key is carried unchanged, so it is no constant
        return hash_all(batch.text, *kind.edges(at))

    def _named(
        self, batch: PlacedBatch, kind: Kind, text: bytes, pieces: list[Piece], found: Sequence[Texts]
    ) -> tuple[bytes, list[Piece], Numbers]:
        """Rows that have no key, written one after the other, and the hashes of their names: all their values."""
        sizes = _sizes_of(pieces)
        count = int(kind.mask.sum()) if not found else len(found[0])
        sizes = np.broadcast_to(sizes, count)
        none = np.zeros(count, np.uint64)
        flat = PlacedRows(none, none, None, sizes, text, tuple(pieces)).joined(np.arange(count))
        ends = np.cumsum(sizes)
        left, right, numbers = ends - sizes, ends - len(self._ending), np.arange(count)
        whole: list[Piece] = [(ends - sizes, ends)]
        lines = self._lines
        if not kind.quoted and not any(
            isinstance(s, bytes) and (b'"' in s or lines.delimiter in s) for s in self._laid
        ):
            return flat, whole, hash_all(flat.replace(lines.delimiter, b"\0"), left, right)
        in_quotes = kind.quoted and all(isinstance(span, tuple) for span in self._laid)
        if in_quotes and not begins_with(flat, left, lines.between):
            gone = 2 * (len(self._picks) - 1)
            inner = flat.replace(lines.between, b"\0")
            return flat, whole, hash_all(inner, left + 1 - gone * numbers, right - 1 - gone * (numbers + 1))
        ids = iter(found)
        columns: list[Any] = [
            span if isinstance(span, bytes) else next(ids).tolist() if isinstance(span, Id)
            else cut(batch.text, kind.outer(span[0])[0], kind.outer(span[1])[1])
            for span in self._laid
        ]  # fmt: skip
        names = names_of(self._laid, columns, lines, quoted=kind.quoted)
        return flat, whole, np.fromiter(map(hash64, names), np.uint64, len(names))

    def _parents(self, text: bytes, kind: Kind, found: Sequence[Texts]) -> Texts:
        for span, ids in zip(self._ids, found, strict=True):
            if span.field == self._parent:
                return ids
        assert self._parent is not None
        at = self._picks[self._parent]
        return texts_at(text, *kind.edges(at)) if isinstance(at, int) else np.array(unquoted(at), "S")

    def _with_others(self, rows: PlacedRows, others: Sequence[tuple[int, bytes]], first: int) -> PlacedRows:
        if not others:
            return rows
        chooser, join = self._chooser, self._lines.delimiter.join
        held: list[int] = []
        parents: list[bytes] = []
        for at, record in others:
            row = chooser.raw.apply(chooser.rows.split(record))
            assert row is not None
            if self._ids and not self._sender.stays(rows.record(at), (first + at, record, row)):
                held.append(at)
                row = []
            rows.odd[at] = join(row) + self._ending
            rows.sizes[at] = len(rows.odd[at])
            if row:
                name = unquoted(row[self._key]) if self._key is not None else content([unquoted(f) for f in row])
                rows.names[at] = hash64(name)
            parents.append(unquoted(row[self._parent]) if row and self._parent is not None else b"")
        if rows.parents is not None:
            mine = np.array([parent[:LONGEST_KEY] for parent in parents], "S")
            wide = rows.parents.astype(f"S{max(rows.parents.dtype.itemsize, mine.dtype.itemsize)}")
            wide[[at for at, _ in others]] = mine
            rows = PlacedRows(rows.records, rows.names, wide, rows.sizes, rows.text, rows.pieces, rows.odd)
        return rows.without(held) if held else rows


def _sizes_of(pieces: Sequence[Piece]) -> Places:
    """The bytes of each row made of these."""
    return sum(len(p) if isinstance(p, bytes) else p[1] - p[0] for p in pieces)


def _at(count: int, places: Places, values: Any) -> Any:
    """`count` values, of which these stand at these places."""
    out = np.zeros(count, values.dtype)
    out[places] = values
    return out


def as_texts(ids: Sequence[bytes | None]) -> tuple[Texts, Places]:
    """Ids as an array, and for which of them there is one."""
    there = np.fromiter((one is not None for one in ids), bool, len(ids))
    return np.array([one or b"" for one in ids], "S18"), there


_MASKS = np.array([(1 << (8 * size)) - 1 for size in range(9)], np.uint64)


def texts_at(text: bytes, left: Places, right: Places) -> Texts:
    """The pieces of a text as texts of one width: up to `LONGEST_KEY` bytes of each."""
    sizes = np.minimum(right - left, LONGEST_KEY)
    if len(text) < 8:
        return np.array(cut(text, left, right), "S")
    count = max(1, -(-int(sizes.max(initial=0)) // 8))
    out = np.zeros((len(left), count), "<u8")
    view: Any = np.ndarray((len(text) - 7,), "<u8", text, 0, (1,))
    for word in range(count):
        at = left + 8 * word
        # Beyond the last place where eight bytes are: those before it, shifted out again.
        safe = np.minimum(at, len(text) - 8)
        shift = np.minimum(at - safe, 7).astype(np.uint64) * np.uint64(8)
        out[:, word] = (view[safe] >> shift) & _MASKS[np.clip(sizes - 8 * word, 0, 8)]
    return out.view(f"S{8 * count}").ravel()
