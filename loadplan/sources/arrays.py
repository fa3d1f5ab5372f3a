"""Arrays: what numpy does for others. The one door to it; whoever imports this module must be ready for its absence."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np

__all__ = ["distinct", "has_repeats", "np", "repeated"]


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
