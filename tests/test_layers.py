"""The house: who may import whom, and which module is the one door of each library."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "loadplan"

LAYERS: list[tuple[int, tuple[str, ...]]] = [
    (
        0,
        (
            "version",
            "errors",
            "diagnostics",
            "clock",
            "codes",
            "masking",
            "durable",
            "diagnostic_formats",
            "words",
            "disk",
        ),
    ),
    (1, ("plan",)),
    (
        2,
        (
            "run.events",
            "run.lifecycle",
            "run.state",
            "run.walked",
            "run.gates",
            "run.reconcile",
            "run.retry",
            "run.resolution",
            "run.errorgroups",
            "run.decide",
            "run.polling",
            "run.lookup_errors",
        ),
    ),
    (
        3,
        (
            "sources",
            "salesforce",
            "run.journal",
            "run.folder",
            "run.lock",
            "run.quotas",
            "run.rows",
            "run.family",
            "run.cutting",
            "run.leftovers",
            "run.mended",
            "run.outcomes",
            "run.surroundings",
        ),
    ),
    (4, ("run.engine", "run.perform", "run.adopting")),
    (5, ("reports", "review")),
    (2, ("imports",)),
    (0, ("behind", "gunzip", "github", "memory", "lean")),
    (2, ("run.chain",)),
    (3, ("run.output", "run.joining", "run.parquet", "run.zst", "run.room", "run.activity")),
    (4, ("run.extract", "run.ahead")),
    (6, ("cli", "__main__")),
]
DOORS = {
    "yaml": {"plan.document", "plan.pieces"},
    "jsonschema": {"plan.schema"},
    "jinja2": {"plan.templates", "reports.render", "reports.compiled"},
    "networkx": {"plan.graph"},
    "requests": {"salesforce.http", "salesforce.download"},
    "urllib3": {"salesforce.http", "salesforce.download"},
    "xxhash": {"sources.hashing"},
    "jwt": {"salesforce.auth.jwt_bearer"},
    "click": {"cli"},
    "rich": {"cli.progress"},
    "sqlite3": {"emulator", "sources.sqlite"},
    "isal": {"gunzip"},
    "numpy": {"sources.arrays"},
    "duckdb": {"sources.engine", "run.parquet"},
    "psycopg": {"sources.postgres"},
    "zstandard": {"sources.zstd", "run.zst"},
}


@cache
def modules() -> tuple[tuple[str, ast.Module], ...]:
    """Each module, read once for all tests."""
    return tuple(_modules())


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        yield name, ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports(tree: ast.Module) -> tuple[str, ...]:
    """What a module imports when it runs."""
    return tuple(_imports(tree))


def _imports(tree: ast.Module) -> Iterator[str]:
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            if node.module == "loadplan" or node.module.startswith("loadplan."):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(name: str) -> int | None:
    """The layer of the longest name in the table that `name` is or lies under."""
    found = [(len(m), n) for n, members in LAYERS for m in members if name == m or name.startswith(m + ".")]
    return max(found)[1] if found else None


def test_every_module_has_a_layer() -> None:
    """A module that the table does not know is a module nobody placed."""
    lost = [
        n for n, _ in modules() if layer(n) is None and not n.startswith("emulator") and n not in {"__init__", "run"}
    ]
    assert lost == []


def test_lower_layers_never_import_higher_ones() -> None:
    """The arrows between layers point downwards only."""
    wrong = []
    for name, tree in modules():
        own = layer(name)
        for imported in imports(tree):
            if imported.startswith("loadplan.") and own is not None:
                other = layer(imported.removeprefix("loadplan."))
                if other is not None and other > own:
                    wrong.append(f"{name} (layer {own}) imports {imported} (layer {other})")
    assert wrong == []


def test_the_embedded_org_stands_beside() -> None:
    """The embedded org imports nothing of loadplan, and nothing but the command line imports it."""
    for name, tree in modules():
        for imported in imports(tree):
            if name.startswith("emulator"):
                assert not imported.startswith("loadplan.") or imported.startswith("loadplan.emulator"), (
                    name,
                    imported,
                )
            elif imported.startswith("loadplan.emulator"):
                assert name in {"cli.emulator", "cli.target", "cli.twin"}, (name, imported)


def test_each_library_has_its_door() -> None:
    """A third-party package is imported where the table says, and nowhere else."""
    wrong = []
    for name, tree in modules():
        for imported in imports(tree):
            doors = DOORS.get(imported.partition(".")[0])
            if doors is not None and not any(name == d or name.startswith(d + ".") for d in doors):
                wrong.append(f"{name} imports {imported}")
    assert wrong == []
