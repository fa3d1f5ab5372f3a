"""The access log: a line of JSON for each request, without credentials and without row values."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from typing import TextIO

from .faults import Rule
from .wire import Request


class AccessLog:
    """Writes to a stream, or nowhere. `status` 0 means that no answer was sent."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, request: Request, kind: str, status: int, sent: int, seconds: float, rule: Rule | None) -> None:
        """One request: when, what, how it was answered, bytes of the answer's body, milliseconds, and the fault it met."""
        if self._stream is None:
            return
        entry = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"), "method": request.method,
            "path": request.path, "kind": kind, "status": status, "sent": sent, "ms": round(seconds * 1000, 1),
        }  # fmt: skip
        if request.query.get("locator"):
            entry["locator"] = request.query["locator"]
        if rule is not None:
            entry["fault"] = rule.effect
        with self._lock:
            self._stream.write(json.dumps(entry) + "\n")
            self._stream.flush()
