"""Document -> Plan: defaults merged, variables filled in, paths resolved. Pure but for resolving symbolic links.

Only called on a document that has the schema's shape. What the contract promises for later versions is refused here, never
ignored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loadplan.diagnostics import Diagnostic
from loadplan.plan import model as m
from loadplan.plan.build_columns import build_columns, build_masks, build_where
from loadplan.plan.build_parents import build_hierarchy, build_lookups
from loadplan.plan.build_sources import SourceBuilder
from loadplan.plan.document import Document, KeyPath
from loadplan.plan.outputs import output_format
from loadplan.plan.templates import TemplateError, is_template, render
from loadplan.plan.units import duration, size

DEFAULT_API_VERSION = "66.0"


class Builder:
    """Builds one plan and collects what is wrong with it."""

    def __init__(self, document: Document, file: Path, root: Path, variables: Mapping[str, object]) -> None:
        self.document, self.file, self.root, self.variables = document, file, root, variables
        self.folder = file.resolve().parent
        self.problems: list[Diagnostic] = []

    def problem(self, code: str, summary: str, path: KeyPath, *, key: bool = False, hint: str = "") -> None:
        place = self.document.key_place(path) if key else self.document.place(path)
        self.problems.append(Diagnostic(code, summary, place, hint=hint))

    def build(self, text: bytes) -> m.Plan:
        data = self.document.data
        self._stray_templates(data, ())
        steps = {name: self._step(name, spec) for name, spec in data["steps"].items()}
        return m.Plan(
            name=data["name"], file=self.file, folder=self.folder, root=self.root, text=text,
            digest=hashlib.sha256(text).hexdigest(), api_version=data.get("api_version", DEFAULT_API_VERSION), steps=steps,
            variables=self.variables, description=self._render(data.get("description", ""), ("description",)),
        )  # fmt: skip

    # -- leaf values -----------------------------------------------------------------------------------------------

    def _render(self, text: str, path: KeyPath, *, soql: bool = False) -> str:
        return self._rendered(text, path, soql=soql) or ""

    def _rendered(self, text: str, path: KeyPath, *, soql: bool = False) -> str | None:
        """The rendered text; None when the template was refused, which is then reported."""
        try:
            return render(text, self.variables, soql=soql)
        except TemplateError as error:
            self.problem("LP0225", str(error), path)
            return None

    def _stray_templates(self, value: Any, path: KeyPath) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                self._stray_templates(inner, (*path, key))
        elif isinstance(value, list):
            for i, inner in enumerate(value):
                self._stray_templates(inner, (*path, i))
        elif isinstance(value, str) and is_template(value) and not _may_hold_template(path):
            hint = "templates are rendered in source paths, soql, output, columns.*.value and description"
            self.problem("LP0224", "a template is not rendered here", path, hint=hint)

    def _text(self, path: KeyPath, value: object) -> str:
        """A scalar as it was written: `01234` and `1.10` keep their digits."""
        raw = self.document.raw(path)
        return raw if raw is not None else str(value)

    def _path(self, text: str, at: KeyPath) -> Path:
        given = Path(text)
        full = (self.folder / given).resolve() if "\0" not in text else self.folder
        if given.is_absolute() or "\0" in text or not full.is_relative_to(self.root.resolve()):
            self.problem(
                "LP0226",
                f"path `{text}` leaves the project",
                at,
                hint=f"keep it under {self.root.name}/, relative to the plan",
            )
        return full

    # -- steps -----------------------------------------------------------------------------------------------------

    def _step(self, name: str, spec: dict[str, Any]) -> m.Step:
        at: KeyPath = ("steps", name)
        defaults = self.document.data.get("defaults") or {}
        columns = build_columns(self, spec, at)
        lookups, ids = build_lookups(spec, at, self.problem)
        hierarchy = build_hierarchy(spec, at, self.problem)
        output = self._render(spec["output"], (*at, "output")) if "output" in spec else None
        return m.Step(
            id=name, operation=spec["operation"], object=spec.get("object"), external_id=spec.get("external_id"),
            key=self._key(spec, columns, (*lookups, *ids, *([hierarchy] if hierarchy else []))),
            source=self._source(spec["source"], (*at, "source")) if "source" in spec else None,
            columns=columns, lookups=lookups, ids=ids, hierarchy=hierarchy,
            on_parent_failure=spec.get("on_parent_failure", "hold"), masks=build_masks(self, spec),
            where=build_where(self, spec["where"], (*at, "where")) if "where" in spec else None,
            limit=spec.get("limit"), dedupe=spec.get("dedupe", "error"), depends_on=tuple(spec.get("depends_on", ())),
            gate=self._gate(defaults.get("gate", {}), spec.get("gate", {})),
            upload=spec.get("upload", defaults.get("upload", "staged")),
            csv=m.CsvDialect(**{**defaults.get("csv", {}), **spec.get("csv", {})}),
            parts=self._parts(defaults, spec, at), poll=_poll(defaults, spec), retry=_retry(defaults, spec),
            assignment_rule_id=spec.get("assignment_rule_id"),
            soql=" ".join(self._render(spec["soql"], (*at, "soql"), soql=True).split()) if "soql" in spec else None,
            max_records=spec.get("max_records"), parallel_pages=spec.get("parallel_pages", 1), output=output,
            output_file=self._path(output, (*at, "output")) if output else None,
            output_format=output_format(output) if output else None,
            description=self._render(spec.get("description", ""), (*at, "description")), place=self.document.key_place(at),
        )  # fmt: skip

    def _key(
        self,
        spec: dict[str, Any],
        columns: tuple[m.Column, ...] | None,
        references: tuple[m.Lookup | m.IdOf | m.Hierarchy, ...],
    ) -> str | None:
        target = spec.get("external_id") or ("Id" if spec["operation"] in {"update", "delete", "hardDelete"} else None)
        if target is None:
            return spec.get("key")
        looked_up = next((x.column for x in references if x.header == target), None)
        if looked_up is not None:
            return looked_up
        if columns is None:
            return target if not any(x.column == target for x in references) else None
        fed = next((c for c in columns if c.field == target), None)
        return fed.column if isinstance(fed, m.FromColumn) else spec.get("key")

    def _source(self, spec: Any, at: KeyPath) -> m.Source | None:
        return SourceBuilder(self.document, self.variables, self.problem, self._path).build(spec, at)

    def _gate(self, defaults: dict[str, Any], own: dict[str, Any]) -> m.Gate:
        on_fail = own.get("on_fail", defaults.get("on_fail", "stop"))
        thresholds = {k: v for k, v in own.items() if k != "on_fail"} or {
            k: v for k, v in defaults.items() if k != "on_fail"
        }
        failed_given = {"max_failed_rows", "max_failed_percent"} & set(thresholds)
        return m.Gate(
            max_failed_rows=thresholds.get("max_failed_rows", None if failed_given else 0),
            max_failed_percent=thresholds.get("max_failed_percent"), min_rows=thresholds.get("min_rows"),
            max_rows=thresholds.get("max_rows"), on_fail=on_fail,
        )  # fmt: skip

    def _parts(self, defaults: dict[str, Any], spec: dict[str, Any], at: KeyPath) -> m.PartCaps:
        merged = {**defaults.get("parts", {}), **spec.get("parts", {})}
        caps = m.PartCaps()
        most = size(merged["max_bytes"]) if "max_bytes" in merged else caps.max_bytes
        if not 100 <= most <= 100_000_000:
            here = (
                (*at, "parts", "max_bytes")
                if "max_bytes" in spec.get("parts", {})
                else ("defaults", "parts", "max_bytes")
            )
            self.problem(
                "LP0231",
                f"a part of {most:,} bytes is not possible",
                here,
                hint="Bulk API 2.0 takes at most 100MB of raw CSV in a job",
            )
        return m.PartCaps(merged.get("max_rows", caps.max_rows), most)


def _may_hold_template(path: KeyPath) -> bool:
    if path[-1] == "description":
        return True
    if len(path) < 3 or path[0] != "steps":
        return False
    inner = path[2:]
    return inner in {
        ("source",),
        ("source", "path"),
        ("source", "query"),
        ("source", "sql"),
        ("soql",),
        ("output",),
    } or (inner[0] == "columns" and len(inner) == 3 and inner[2] in {"value", "template"})


def _poll(defaults: dict[str, Any], spec: dict[str, Any]) -> m.Poll:
    merged = {**defaults.get("poll", {}), **spec.get("poll", {})}
    return m.Poll(**{k: v if k == "factor" else duration(v) for k, v in merged.items()})


def _retry(defaults: dict[str, Any], spec: dict[str, Any]) -> m.Retry:
    base, own = defaults.get("retry", {}), spec.get("retry", {})
    merged = {**base, **own}
    backoff = {**base.get("backoff", {}), **own.get("backoff", {})}
    return m.Retry(
        max_attempts=merged.get("max_attempts", 3), codes=tuple(merged.get("codes", m.Retry().codes)),
        unprocessed=merged.get("unprocessed", True),
        backoff=m.Backoff(**{k: v if k == "factor" else duration(v) for k, v in backoff.items()}),
    )  # fmt: skip
