"""Hash arrays: `hashing.hash64` of many pieces of a text at once, with numpy.

The same numbers as one by one, bit for bit, for pieces of up to 128 bytes; longer ones are hashed one by one. A piece costs 0.05 µs
instead of 0.2, no object is made for it, and most of the work is done without the interpreter's lock.

XXH3 (64 bits, no seed) as its specification has it: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
"""

from __future__ import annotations

from typing import Any

from loadplan.sources.arrays import np
from loadplan.sources.hashing import folded, hash64

Places = Any  # an array of offsets
Numbers = Any  # an array of unsigned 64-bit numbers

LONGEST = 128
_SECRET = np.array(
    [
        0xBE4BA423396CFEB8, 0x1CAD21F72C81017C, 0xDB979083E96DD4DE, 0x1F67B3B7A4A44072, 0x78E5C0CC4EE679CB,
        0x2172FFCC7DD05A82, 0x8E2443F7744608B8, 0x4C263A81E69035E0, 0xCB00C391BB52283C, 0xA32E531B8B65D088,
        0x4EF90DA297486471, 0xD8ACDEA946EF1938, 0x3F349CE33F76FAA8, 0x1D4F0BC7C7BBDCF9, 0x3159B4CD4BE0518A,
        0x647378D9C97E9FC8,
    ],
    np.uint64,
)  # fmt: skip
"""The first 128 bytes of the secret, as little-endian words."""
_P64_1, _P64_2, _P64_3 = map(np.uint64, (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9))
_MIX_1, _MIX_2 = np.uint64(0x165667919E3779F9), np.uint64(0x9FB21C651E98DF25)
_HALF, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
_SEVEN = np.uint64(0x7F7F7F7F7F7F7F7F)
_HIGH = np.uint64(0x8080808080808080)
_FROM_A, _BEYOND_Z = np.uint64(0x3F3F3F3F3F3F3F3F), np.uint64(0x2525252525252525)


def hash_all(text: bytes, left: Places, right: Places, *, fold: bool = False) -> Numbers:
    """The hashes of `text[left[i]:right[i]]`, in their order; with `fold` of what is compared without case."""
    size = right - left
    out = np.empty(len(left), np.uint64)
    if not len(left):
        return out
    words = _Words(text, fold=fold)
    least, most = int(size.min()), int(size.max())
    for first, last, hashes in _KINDS:
        if first <= least and most <= last:
            out = hashes(words, left, right)
            break
        if first <= most and least <= last:
            mine = (size >= first) & (size <= last)
            out[mine] = hashes(words, left[mine], right[mine])
    if most > LONGEST:
        _one_by_one(text, left, right, np.flatnonzero(size > LONGEST), out, fold=fold)
    if words.has_others:
        others = np.flatnonzero(np.frombuffer(text, np.uint8) >= 128)
        some = np.searchsorted(others, left) != np.searchsorted(others, right)
        _one_by_one(text, left, right, np.flatnonzero(some), out, fold=True)
    return out


def _one_by_one(text: bytes, left: Places, right: Places, which: Places, out: Numbers, *, fold: bool) -> None:
    pieces = [text[i:j] for i, j in zip(left[which].tolist(), right[which].tolist(), strict=True)]
    out[which] = np.fromiter(map(hash64, folded(pieces) if fold else pieces), np.uint64, len(pieces))


class _Words:
    """The numbers that begin at offsets of the text, little-endian. With `fold` letters are small; what is no ASCII is wrong
    then, and `has_others` says that there was some."""

    def __init__(self, text: bytes, *, fold: bool) -> None:
        self._text = text
        self._fold = fold
        self._ascii = text.isascii()
        self.has_others = False

    def of(self, kind: str, size: int, at: Places) -> Numbers:
        view: Any = np.ndarray((len(self._text) - size + 1,), kind, self._text, 0, (1,))
        found = view[at].astype(np.uint64)
        if not self._fold:
            return found
        if not self._ascii and not self.has_others:
            self.has_others = bool((found & _HIGH).any())
        return _small(found)

    def eight(self, at: Places) -> Numbers:
        return self.of("<u8", 8, at)

    def four(self, at: Places) -> Numbers:
        return self.of("<u4", 4, at)

    def one(self, at: Places) -> Numbers:
        return self.of("u1", 1, at)


def _small(words: Numbers) -> Numbers:
    """The letters from A to Z among the bytes made small."""
    seven = words & _SEVEN
    capital = ((seven + _FROM_A) ^ (seven + _BEYOND_Z)) & ~words & _HIGH
    return words | (capital >> np.uint64(2))


def _none(_: _Words, left: Places, __: Places) -> Numbers:
    return _avalanche_64(np.full(len(left), _SECRET[7] ^ _SECRET[8], np.uint64))


def _to_3(words: _Words, left: Places, right: Places) -> Numbers:
    size = (right - left).astype(np.uint64)
    middle = left + ((right - left) >> 1)
    mixed = (words.one(left) << np.uint64(16)) | (words.one(middle) << np.uint64(24))
    mixed |= words.one(right - 1) | (size << np.uint64(8))
    return _avalanche_64(mixed ^ np.uint64((int(_SECRET[0]) & 0xFFFFFFFF) ^ (int(_SECRET[0]) >> 32)))


def _to_8(words: _Words, left: Places, right: Places) -> Numbers:
    mixed = (words.four(right - 4) + (words.four(left) << _HALF)) ^ (_SECRET[1] ^ _SECRET[2])
    mixed ^= _turned(mixed, 49) ^ _turned(mixed, 24)
    mixed *= _MIX_2
    mixed ^= (mixed >> np.uint64(35)) + (right - left).astype(np.uint64)
    mixed *= _MIX_2
    return mixed ^ (mixed >> np.uint64(28))


def _to_16(words: _Words, left: Places, right: Places) -> Numbers:
    low = words.eight(left) ^ (_SECRET[3] ^ _SECRET[4])
    high = words.eight(right - 8) ^ (_SECRET[5] ^ _SECRET[6])
    return _avalanche((right - left).astype(np.uint64) + low.byteswap() + high + _multiplied(low, high))


def _to_128(pairs: int, words: _Words, left: Places, right: Places) -> Numbers:
    """Of so many pairs of 16 bytes, from both ends."""
    mixed = (right - left).astype(np.uint64) * _P64_1
    for i in range(pairs):
        for at, secret in ((left + 16 * i, 4 * i), (right - 16 * (i + 1), 4 * i + 2)):
            low, high = words.eight(at), words.eight(at + 8)
            mixed += _multiplied(low ^ _SECRET[secret], high ^ _SECRET[secret + 1])
    return _avalanche(mixed)


_KINDS = (
    (0, 0, _none),
    (1, 3, _to_3),
    (4, 8, _to_8),
    (9, 16, _to_16),
    (17, 32, lambda words, left, right: _to_128(1, words, left, right)),
    (33, 64, lambda words, left, right: _to_128(2, words, left, right)),
    (65, 96, lambda words, left, right: _to_128(3, words, left, right)),
    (97, LONGEST, lambda words, left, right: _to_128(4, words, left, right)),
)
"""Shortest and longest piece, in bytes, and how its kind is hashed."""


def _multiplied(a: Numbers, b: Numbers) -> Numbers:
    """Both halves of the product of 128 bits, folded into one."""
    a_low, a_high, b_low, b_high = a & _LOW, a >> _HALF, b & _LOW, b >> _HALF
    middle = a_high * b_low
    cross = ((a_low * b_low) >> _HALF) + (middle & _LOW) + a_low * b_high
    return ((middle >> _HALF) + (cross >> _HALF) + a_high * b_high) ^ (a * b)


def _turned(words: Numbers, bits: int) -> Numbers:
    return (words << np.uint64(bits)) | (words >> np.uint64(64 - bits))


def _avalanche(words: Numbers) -> Numbers:
    words = (words ^ (words >> np.uint64(37))) * _MIX_1
    return words ^ (words >> _HALF)


def _avalanche_64(words: Numbers) -> Numbers:
    words = (words ^ (words >> np.uint64(33))) * _P64_2
    words = (words ^ (words >> np.uint64(29))) * _P64_3
    return words ^ (words >> _HALF)
