"""Document -> Plan: defaults merged, variables filled in, paths resolved. Pure but for resolving symbolic links.

Only called on a document that has the schema's shape; one that was repaired gives a plan that is only looked at. What the
contract promises for later versions is refused here, never ignored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from loadplan.diagnostics import Diagnostic, did_you_mean
from loadplan.plan import model as m
from loadplan.plan import policies
from loadplan.plan.build_columns import build_columns, build_masks, build_where
from loadplan.plan.build_parents import build_hierarchy, build_lookups
from loadplan.plan.build_sources import SourceBuilder
from loadplan.plan.document import Document, KeyPath
from loadplan.plan.files import RealPaths
from loadplan.plan.outputs import output_format
from loadplan.plan.soql import folded
from loadplan.plan.templates import TemplateError, faults, is_template, names_in, render

DEFAULT_API_VERSION = "66.0"
# What these say about a part is not certain when something was left out of it.
_OF_A_WHOLE = frozenset({"LP0202", "LP0227", "LP0228", "LP0230", "LP0250", "LP0270"})


class Builder:
    """Builds one plan and collects what is wrong with it. `doubtful` are variables without a value because of a problem that
    is told elsewhere."""

    def __init__(
        self,
        document: Document,
        file: Path,
        root: Path,
        variables: Mapping[str, object],
        doubtful: Collection[str] = (),
    ) -> None:
        self.document, self.file, self.root, self.variables = document, file, root, variables
        self.doubtful = doubtful
        self.folder = file.resolve().parent
        self.real_paths = RealPaths(self.folder, root)
        self.problems: list[Diagnostic] = []

    def problem(self, code: str, summary: str, path: KeyPath, *, key: bool = False, hint: str = "") -> None:
        """Report a problem at the value of `path`, or at its key."""
        if code in _OF_A_WHOLE and not self.document.is_whole(*path[: 4 if path[2:3] == ("columns",) else 3]):
            return
        place = self.document.key_place(path) if key else self.document.place(path)
        self.problems.append(Diagnostic(code, summary, place, hint=hint))

    def build(self, text: bytes) -> m.Plan:
        data = self.document.data
        steps = {name: self._step(name, spec) for name, spec in data["steps"].items()}
        return m.Plan(
            name=data["name"], file=self.file, folder=self.folder, root=self.root, text=text,
            digest=hashlib.sha256(text).hexdigest(), api_version=data.get("api_version", DEFAULT_API_VERSION), steps=steps,
            variables=self.variables, description=self._render(data.get("description", ""), ("description",)),
        )  # fmt: skip

    # -- leaf values -----------------------------------------------------------------------------------------------

    def _render(self, text: str, path: KeyPath, *, soql: bool = False) -> str:
        return self._rendered(text, path, soql=soql) or ""

    def _rendered(self, text: str, path: KeyPath, *, soql: bool = False, sql: bool = False) -> str | None:
        """The rendered text; None when the template was refused, which is then reported, or has no value yet."""
        if not is_template(text):
            return text
        wrong = faults(text, soql=soql, sql=sql)
        try:
            unknown = [n for n in sorted(names_in(text)) if n not in self.variables]
            for name in unknown:
                self._unknown_variable(name, path)
            if not unknown and not wrong:
                return render(text, self.variables, soql=soql, sql=sql)
        except TemplateError as error:
            wrong = wrong or [error]
        for fault in wrong:
            place = self.document.place_of(path, fault.near, nth=fault.nth, in_template=True)
            self.problems.append(Diagnostic("LP0225", str(fault), place, hint=fault.hint))
        return None

    def _unknown_variable(self, name: str, path: KeyPath) -> None:
        if not {name, ""}.isdisjoint(self.doubtful) or ("vars",) in self.document.broken:
            return  # told where it is declared
        known = {**self.variables, **(self.document.data.get("vars") or {})}
        hint = did_you_mean(name, known) or f"declare it: `vars: {{{name}: {{type: string}}}}`"
        if name == "row":
            hint = "`{{ row.column }}` belongs into `columns: {Field: {template: …}}`"
        place = self.document.place_of(path, name, in_template=True)
        self.problems.append(Diagnostic("LP0221", f"the plan has no variable `{name}`", place, hint=hint))

    def _text(self, path: KeyPath, value: object) -> str:
        """A scalar as it was written: `01234` and `1.10` keep their digits."""
        raw = self.document.raw(path)
        return raw if raw is not None else str(value)

    def _path(self, text: str, at: KeyPath) -> Path:
        """Where the path leads, symbolic links followed. One that leaves the project is reported."""
        full, inside = self.real_paths.find(text)
        if not inside:
            summary = f"path `{text}` leaves the project" if text.strip() else "the path is empty"
            self.problem("LP0226", summary, at, hint=f"keep it under {self.root.name}/, relative to the plan")
        return full or self.folder

    # -- steps -----------------------------------------------------------------------------------------------------

    def _step(self, name: str, spec: dict[str, Any]) -> m.Step:
        at: KeyPath = ("steps", name)
        defaults = self.document.data.get("defaults") or {}
        columns = build_columns(self, spec, at)
        lookups, ids = build_lookups(spec, at, self.problem)
        hierarchy = build_hierarchy(spec, at, self.problem)
        output = self._rendered(spec["output"], (*at, "output")) if "output" in spec else None
        again = self._idempotency(name, spec, at)
        if again is not None and columns is not None:
            columns = (*columns, again)
        return m.Step(
            id=name, operation="upsert" if again else spec["operation"], object=spec.get("object"),
            external_id=again.field if again else spec.get("external_id"), idempotency=again,
            key=self._key(spec, columns, (*lookups, *ids, *([hierarchy] if hierarchy else []))),
            source=self._source(spec["source"], (*at, "source")) if "source" in spec else None,
            columns=columns, lookups=lookups, ids=ids, hierarchy=hierarchy,
            on_parent_failure=spec.get("on_parent_failure", "hold"), masks=build_masks(self, spec),
            where=build_where(self, spec["where"], (*at, "where")) if "where" in spec else None,
            limit=policies.whole(spec.get("limit")), dedupe=spec.get("dedupe", "error"), depends_on=tuple(spec.get("depends_on", ())),
            gate=policies.gate(defaults, spec),
            upload=spec.get("upload", defaults.get("upload", "staged")),
            csv=m.CsvDialect(**{**defaults.get("csv", {}), **spec.get("csv", {})}),
            parts=self._parts(defaults, spec, at), poll=policies.poll(defaults, spec), retry=policies.retry(defaults, spec),
            assignment_rule_id=spec.get("assignment_rule_id"),
            soql=folded(self._render(spec["soql"], (*at, "soql"), soql=True)) if "soql" in spec else None,
            max_records=policies.whole(spec.get("max_records")),
            parallel_pages=policies.whole(spec.get("parallel_pages")) or 1, output=output,
            output_file=self._path(output, (*at, "output")) if output is not None else None,
            output_format=output_format(output) if output else None,
            description=self._render(spec.get("description", ""), (*at, "description")), place=self.document.key_place(at),
        )  # fmt: skip

    def _idempotency(self, name: str, spec: dict[str, Any], at: KeyPath) -> m.Hashed | None:
        """What turns an insert into an upsert on a field made of the row's key; None when the step does not ask for it."""
        if "idempotency" not in spec:
            return None
        if "key" not in spec:
            hint = "name the source column that tells rows apart: `key: <column>`"
            self.problem(
                "LP0202",
                "`idempotency` needs a `key`: the field is made of it",
                (*at, "idempotency"),
                key=True,
                hint=hint,
            )
        salt = f"{self.document.data.get('name', '')}\0{name}"
        return m.Hashed(str(spec["idempotency"]["field"]), str(spec.get("key", "")), salt)

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
        return SourceBuilder(self.document, self._rendered, self.problem, self._path).build(spec, at)

    def _parts(self, defaults: dict[str, Any], spec: dict[str, Any], at: KeyPath) -> m.PartCaps:
        caps = policies.parts(defaults, spec)
        if not 100 <= caps.max_bytes <= 100_000_000:
            own = "max_bytes" in spec.get("parts", {})
            here: KeyPath = (*at, "parts", "max_bytes") if own else ("defaults", "parts", "max_bytes")
            hint = "Bulk API 2.0 takes at most 100MB of raw CSV in a job"
            self.problem("LP0231", f"a part of {caps.max_bytes:,} bytes is not possible", here, hint=hint)
        return caps


def stray_templates(document: Document) -> list[Diagnostic]:
    """Templates that stand where none is rendered: their braces would reach Salesforce as they are."""
    found: list[Diagnostic] = []
    queue: list[tuple[Any, KeyPath]] = [(document.data, ())]
    for value, path in queue:
        if isinstance(value, dict):
            queue.extend((inner, (*path, key)) for key, inner in value.items())
        elif isinstance(value, list):
            queue.extend((inner, (*path, i)) for i, inner in enumerate(value))
        elif isinstance(value, str) and is_template(value) and not _may_hold_template(path):
            hint = "templates are rendered in source paths, soql, output, columns.*.value and description"
            found.append(Diagnostic("LP0224", "a template is not rendered here", document.place(path), hint=hint))
    return found


def _may_hold_template(path: KeyPath) -> bool:
    if path == ("description",) or (len(path) == 3 and path[0] == "steps" and path[2] == "description"):
        return True
    if len(path) < 3 or path[0] != "steps":
        return False
    inner = path[2:]
    rendered = {*(("source", key) for key in ("path", "query", "sql")), ("source",), ("soql",), ("output",)}
    return inner in rendered or (inner[0] == "columns" and len(inner) == 3 and inner[2] in {"value", "template"})
