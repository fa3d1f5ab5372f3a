"""Durations (`500ms 2s 5m 24h 7d`) and sizes (`90MB 512KB`, powers of ten) as numbers."""

from __future__ import annotations

import re

_DURATION = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_SIZE = {"B": 1, "KB": 1000, "MB": 1_000_000, "GB": 1_000_000_000}
_TEXT = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)([A-Za-z]+)\Z")


def duration(text: str) -> float:
    """Seconds. Raises ValueError on anything but a number and a unit."""
    return _amount(text, _DURATION)


def size(text: str) -> int:
    """Bytes. Raises ValueError on anything but a number and a unit."""
    return round(_amount(text, _SIZE))


def _amount(text: str, units: dict[str, float] | dict[str, int]) -> float:
    found = _TEXT.match(text.strip())
    if not found or found.group(2) not in units:
        raise ValueError(f"`{text}` is not a number with one of the units {' '.join(units)}")
    return float(found.group(1)) * units[found.group(2)]
