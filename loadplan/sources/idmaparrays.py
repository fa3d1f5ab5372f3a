"""Id map arrays: `IdMap.find_all` with numpy, for keys that stand in a text. The same answers, without an object for a key."""

from __future__ import annotations

from typing import Any

from loadplan.sources.arrays import np
from loadplan.sources.hasharrays import hash_all
from loadplan.sources.idmap import AMBIGUOUS, ID_LENGTH, LONG, NOT_LANDED, IdMap

Places = Any  # an array of offsets
Texts = Any  # an array of texts of one width

_WITHOUT = tuple(np.uint8(value[0]) for value in (NOT_LANDED, AMBIGUOUS))
"""How the values begin that are no ids: with a byte that no id has."""
_MASKS = np.array([(1 << (8 * size)) - 1 for size in range(9)], np.uint64)


def find_placed(known: IdMap, text: bytes, left: Places, right: Places) -> tuple[Texts, Places]:
    """The ids of the keys `text[left[i]:right[i]]`, 18 bytes each, and for which of them there is one."""
    ids, there = np.zeros(len(left), f"S{ID_LENGTH}"), np.zeros(len(left), bool)
    records = np.frombuffer(known.records, np.uint8)
    if not len(records) or not len(left):
        return ids, there
    starts = np.frombuffer(known.starts, np.int64)  # no file is so large that its offsets would need the 64th bit
    slots = (hash_all(text, left, right) >> np.uint64(known.shift)).astype(np.int64)
    at, stop, which = starts[slots], starts[slots + 1], np.arange(len(left))
    stored: Any = np.ndarray((len(records) - ID_LENGTH + 1,), f"S{ID_LENGTH}", known.records, 0, (1,))
    while True:
        open_ones = np.flatnonzero(at < stop)
        if not len(open_ones):
            return ids, there
        at, stop, which = at[open_ones], stop[open_ones], which[open_ones]
        size = records[at].astype(np.int64)
        if (long := size == LONG).any():
            # The record tells the length of its key in another way; such keys are few.
            for one in which[long].tolist():
                found = known.find(text[left[one] : right[one]])
                ids[one], there[one] = found or b"", found is not None
            at, stop, which, size = at[~long], stop[~long], which[~long], size[~long]
        own = left[which]
        same = size == right[which] - own
        same[same] = _equal(text, own[same], records, at[same] + 1, size[same])
        value = at + 1 + size
        hit, row = value[same], which[same]
        landed = ~np.isin(records[hit], _WITHOUT)
        ids[row[landed]], there[row[landed]] = stored[hit[landed]], True
        at, stop, which = value[~same] + ID_LENGTH, stop[~same], which[~same]


def _equal(text: bytes, left: Places, records: Any, at: Places, size: Places) -> Places:
    """Whether `size` bytes are the same in both. An id stands behind each key of the records, so eight bytes can be read anywhere."""
    if len(text) < 8:
        stored = bytes(records)
        return np.array([text[i : i + n] == stored[j : j + n] for i, j, n in zip(left, at, size, strict=True)], bool)
    mine: Any = np.ndarray((len(text) - 7,), "<u8", text, 0, (1,))
    theirs: Any = np.ndarray((len(records) - 7,), "<u8", records, 0, (1,))
    same = np.ones(len(left), bool)
    for word in range(-(-int(size.max(initial=0)) // 8)):
        here, there = left + 8 * word, at + 8 * word
        rest = np.clip(size - 8 * word, 0, 8)
        # Near the end of the text the eight bytes before are read, and shifted out again.
        safe = np.clip(here, 0, len(text) - 8)
        shift = np.minimum(here - safe, 7).astype(np.uint64) * np.uint64(8)
        of_records = theirs[np.minimum(there, len(records) - 8)]
        same &= (((mine[safe] >> shift) ^ of_records) & _MASKS[rest]) == 0
    return same
