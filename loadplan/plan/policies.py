"""How a step is polled, retried, cut into parts and judged: its own settings over the plan's defaults. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadplan.plan import model as m
from loadplan.plan.units import duration, size

Spec = Mapping[str, Any]


def gate(defaults: Spec, spec: Spec) -> m.Gate:
    """A step that names a threshold is judged by its own thresholds only; `on_fail` is inherited by itself."""
    given, own = defaults.get("gate", {}), spec.get("gate", {})
    on_fail = own.get("on_fail", given.get("on_fail", "stop"))
    thresholds = {k: v for k, v in own.items() if k != "on_fail"} or {k: v for k, v in given.items() if k != "on_fail"}
    failed_given = not {"max_failed_rows", "max_failed_percent"}.isdisjoint(thresholds)
    return m.Gate(
        max_failed_rows=whole(thresholds.get("max_failed_rows", None if failed_given else 0)),
        max_failed_percent=thresholds.get("max_failed_percent"), min_rows=whole(thresholds.get("min_rows")),
        max_rows=whole(thresholds.get("max_rows")), on_fail=on_fail,
    )  # fmt: skip


def parts(defaults: Spec, spec: Spec) -> m.PartCaps:
    """Rows and bytes of a part. Whether the bytes are possible is for the caller to say."""
    merged = {**defaults.get("parts", {}), **spec.get("parts", {})}
    caps = m.PartCaps()
    most = size(merged["max_bytes"]) if "max_bytes" in merged else caps.max_bytes
    return m.PartCaps(int(merged.get("max_rows", caps.max_rows)), most)


def poll(defaults: Spec, spec: Spec) -> m.Poll:
    merged = {**defaults.get("poll", {}), **spec.get("poll", {})}
    return m.Poll(**{k: v if k == "factor" else duration(v) for k, v in merged.items()})


def retry(defaults: Spec, spec: Spec) -> m.Retry:
    base, own = defaults.get("retry", {}), spec.get("retry", {})
    merged = {**base, **own}
    backoff = {**base.get("backoff", {}), **own.get("backoff", {})}
    return m.Retry(
        max_attempts=int(merged.get("max_attempts", 3)), codes=tuple(merged.get("codes", m.Retry().codes)),
        unprocessed=merged.get("unprocessed", True),
        backoff=m.Backoff(**{k: v if k == "factor" else duration(v) for k, v in backoff.items()}),
    )  # fmt: skip


def whole(number: float | None) -> int | None:
    """`1e3` is a whole number to the schema and a float to YAML."""
    return None if number is None else int(number)
