"""Numbers with their nouns, as every message writes them."""

from __future__ import annotations


def count(number: int, noun: str) -> str:
    """`1 row`, `2 rows`, `1,200 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def size(bytes_: float) -> str:
    """`512 B`, `1.2 KB`, `48 MB`, `3.4 GB`: powers of ten, two digits."""
    units = ["B", "KB", "MB", "GB", "TB"]
    while bytes_ >= 999.5 and len(units) > 1:
        bytes_ /= 1000
        del units[0]
    return f"{bytes_:.1f} {units[0]}" if bytes_ < 9.95 and units[0] != "B" else f"{bytes_:.0f} {units[0]}"
