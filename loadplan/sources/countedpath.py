"""A path whose files tell how much is read of them, for whoever shows how far a pass over a file has come."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from loadplan.sources.base import Tick


class CountedPath(type(Path())):  # type: ignore[misc]
    """A `Path` like others; only what is opened to be read in bytes is counted."""

    tick: Tick

    @classmethod
    def of(cls, path: Path, tick: Tick) -> Path:
        """The same path, told about."""
        counted = cls(path)
        counted.tick = tick
        return counted

    def open(self, mode: str = "r", *rest: Any, **more: Any) -> Any:
        """As `Path.open`; unbuffered files in mode `rb` tell of every read."""
        return _CountedFile(self, self.tick) if mode == "rb" else super().open(mode, *rest, **more)


class _CountedFile(io.FileIO):
    def __init__(self, path: Path, tick: Tick) -> None:
        super().__init__(path)
        self._tick = tick

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(-1 if size is None else size) or b""
        self._tick(0, len(data))
        return data
