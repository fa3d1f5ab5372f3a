"""Arrays: what numpy does for others. The one door to it; whoever imports this module must be ready for its absence."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from loadplan.memory import keep_blocks

keep_blocks()  # every operation on a block makes arrays of some hundred kilobytes

__all__ = ["by_highest_bits", "distinct", "has_repeats", "np", "repeated"]


def _repeats(values: array[int]) -> tuple[Any, Any]:
    """The numbers, put in order where they are, and which of them follow one that is the same."""
    numbers = np.frombuffer(values, np.uint64)
    numbers.sort()
    return numbers, numbers[1:] == numbers[:-1]


def has_repeats(values: array[int]) -> bool:
    """Whether one of the unsigned 64-bit numbers is there twice. Changes their order."""
    return len(values) > 1 and bool(_repeats(values)[1].any())


def repeated(values: array[int]) -> set[int]:
    """The numbers that are there more than once. Changes the order of `values`."""
    if not values:
        return set()
    numbers, same = _repeats(values)
    return set(numbers[1:][same].tolist())


def distinct(values: array[int]) -> int:
    """How many different numbers there are. Changes their order."""
    return len(values) - int(_repeats(values)[1].sum()) if values else 0


def by_highest_bits(values: array[int], shift: int) -> Iterator[tuple[int, bytes]]:
    """(number, bytes of the numbers in order) for each number that a value shifted to the right by `shift` bits has. Changes the order
    of `values`."""
    numbers = np.frombuffer(values, np.uint64)
    numbers.sort()
    count = 1 << (64 - shift)
    ends = np.searchsorted(numbers, np.arange(1, count, dtype=np.uint64) << np.uint64(shift)).tolist()
    for number, (first, end) in enumerate(pairwise([0, *ends, len(numbers)])):
        if first < end:
            yield number, numbers[first:end].tobytes()
