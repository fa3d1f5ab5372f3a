"""What a step does with its columns: `columns`, `where` and `mask` of the document as values of the plan. Pure.

It checks what one entry says by itself; whether the names fit the other steps is decided in `column_rules.py`, whether
they fit the source in `sources/shape.py`. Files of value tables are named here and read there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from loadplan.plan import model as m
from loadplan.plan.document import Document, KeyPath
from loadplan.plan.relationships import Misspelt, read_lookup
from loadplan.plan.templates import TemplateError, row_pieces

TABLE_KEYS = frozenset({"file", "from", "to"})
TABLE_ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
BESIDE = {
    "column": frozenset({"empty", "map", "default"}),
    "value": frozenset[str](),
    "template": frozenset[str](),
}
"""Which keys may stand beside the one that says where a value comes from."""


class Leaves(Protocol):
    """What is needed of the builder of the whole plan."""

    document: Document
    root: Path

    def problem(self, code: str, summary: str, path: KeyPath, *, key: bool = False, hint: str = "") -> None: ...
    def _text(self, path: KeyPath, value: object) -> str: ...
    def _render(self, text: str, path: KeyPath, *, soql: bool = False) -> str: ...
    def _path(self, text: str, at: KeyPath) -> Path: ...


def build_columns(plan: Leaves, spec: dict[str, Any], at: KeyPath) -> tuple[m.Column, ...] | None:
    """The columns of a step; None when its source's header passes through."""
    if "columns" not in spec:
        return None
    return tuple(_column(plan, field, s, (*at, "columns", field)) for field, s in spec["columns"].items())


def build_masks(plan: Leaves, spec: dict[str, Any]) -> m.Masks | None:
    """The masks of a step; None when it has none."""
    how = spec.get("mask")
    return m.Masks(dict(how), plan.root / "orgs.yaml") if how else None


def build_where(plan: Leaves, spec: dict[str, Any], at: KeyPath) -> m.Where:
    """A row filter. One that is refused is reported, and lets every row through."""
    tests = [k for k in ("is", "equals", "not_equals", "in", "not_in", "all", "any", "not") if k in spec]
    on_column = bool(tests) and tests[0] in {"is", "equals", "not_equals", "in", "not_in"}
    if len(tests) != 1 or on_column != ("column" in spec):
        hint = "{column: c, is: present}, {column: c, equals: x}, {column: c, in: [x, y]}, {all: [...]}, {any: [...]}, {not: ...}"
        plan.problem("LP0230", "a filter needs a column and one test, or one of all, any, not", at, hint=hint)
        return m.Where("all")
    test = tests[0]
    value = spec[test]
    if test in {"all", "any"}:
        return m.Where(test, parts=tuple(build_where(plan, s, (*at, test, i)) for i, s in enumerate(value)))
    if test == "not":
        return m.Where(test, parts=(build_where(plan, value, (*at, test)),))
    if test == "is":
        return m.Where(value, spec["column"])
    if test in {"in", "not_in"}:
        return m.Where(test, spec["column"], tuple(plan._text((*at, test, i), v) for i, v in enumerate(value)))
    return m.Where(test, spec["column"], (plan._text((*at, test), value),))


def _column(plan: Leaves, field: str, spec: Any, at: KeyPath) -> m.Column:
    """The column; a refused one is reported and stays in its place, so that no rule misses its field as well."""
    if "." in field or ":" in field:  # a lookup whose value is no cell, such as one parent for every row
        lookup = read_lookup(field, "", plan.document.data["steps"][at[1]].get("object", ""))
        if isinstance(lookup, Misspelt):
            plan.problem("LP0229", lookup.summary, at, key=True, hint=lookup.hint)
    if isinstance(spec, str):
        return m.FromColumn(field, spec)
    ways = [k for k in BESIDE if k in spec]
    if len(ways) != 1:
        hint = "keep one of them" if ways else f"for example `{field}: company_name`"
        plan.problem("LP0228", f"`{field}` needs exactly one of column, value, template", at, key=True, hint=hint)
        return m.FromColumn(field, spec.get("column", ""))
    way = ways[0]
    _check_keys(plan, way, spec, at)
    if way == "value":
        return m.Constant(field, plan._render(plan._text((*at, "value"), spec["value"]), (*at, "value")))
    if way == "template":
        try:
            return m.Composed(field, row_pieces(spec["template"]))
        except TemplateError as error:
            plan.problem("LP0225", str(error), (*at, "template"), hint=error.hint)
            return m.Composed(field, ())
    table = spec.get("map")
    map_file = _map_file(plan, table, (*at, "map"))
    values = None
    if table is not None and map_file is None:
        entries = table if isinstance(table, dict) else {}
        values = {k: plan._text((*at, "map", k), v) for k, v in entries.items()}
    default = plan._text((*at, "default"), spec["default"]) if "default" in spec else None
    return m.FromColumn(field, spec["column"], spec.get("empty"), values, default, map_file)


def _check_keys(plan: Leaves, way: str, spec: dict[str, Any], at: KeyPath) -> None:
    """A key that would have no effect is a mistake, never ignored."""
    for key in spec:
        if key != way and key not in BESIDE[way]:
            hint = "it works on one source column: `{column: name, …}`" if key != "column" else "remove one of them"
            plan.problem("LP0250", f"`{key}` has no effect beside `{way}`", (*at, key), key=True, hint=hint)
    if way == "column" and "default" in spec and "map" not in spec:
        hint = "an empty cell is what `empty` is for; `default` is for texts that are not in the `map`"
        plan.problem("LP0250", "`default` has no effect without `map`", (*at, "default"), key=True, hint=hint)


def _map_file(plan: Leaves, table: Any, at: KeyPath) -> m.MapFile | None:
    """`data/status.csv`, or `{file: data/status.csv, from: code, to: label}`; None for a table in the plan itself."""
    if isinstance(table, str):
        table, path_at = {"file": table}, at
    elif isinstance(table, dict) and "file" in table and table.keys() <= TABLE_KEYS:
        path_at = (*at, "file")
    else:
        return None
    path = plan._text(path_at, table["file"])
    if not path.lower().endswith(TABLE_ENDINGS):
        hint = "a path ends with .csv or .tsv; a table in the plan is written `{text: becomes, …}`"
        plan.problem("LP0227", f"`{path}` is not the path of a value table", path_at, hint=hint)
    names = [plan._text((*at, key), table[key]) if key in table else None for key in ("from", "to")]
    return m.MapFile(path, plan._path(path, path_at), names[0], names[1])
