"""What is installed and run beside our own code: few packages, each known; actions by their commit; nothing found by chance."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKFLOWS = [
    ROOT / "action.yml", ROOT / "docs" / "howto" / "ci.md", *(ROOT / ".github").rglob("*.yml"),
    *(ROOT / "loadplan" / "cli" / "scaffold").rglob("*.yml"),
]  # fmt: skip
CORE = {"click", "jinja2", "jsonschema", "networkx", "pyyaml", "requests", "rich", "urllib3", "xxhash"}
"""What everybody gets. A package that joins them is one more that everybody trusts: it is added here, too, by somebody who looked."""
LOADERS = {"importlib.metadata.entry_points", "pkgutil.iter_modules", "pip", "ensurepip", "runpy"}

TABLES = ("COMMANDS[", "FLOWS[")
"""Our own modules are imported when they are needed, by a table in the code; others by a name that stands there. The one `eval`, of row
code, is fed with positions and names alone, which it checks itself (`tests/sources`)."""


def _used() -> Iterator[tuple[Path, str]]:
    for file in WORKFLOWS:
        for found in re.finditer(r"^\s*(?:- )?uses: *(\S+)", file.read_text(encoding="utf-8"), re.MULTILINE):
            yield file, found[1]


def test_every_action_is_named_by_its_commit() -> None:
    """A tag can be moved to other code; a commit cannot. In our own workflow and in those that `init` writes."""
    used = list(_used())
    assert len(used) >= 9
    assert [(f.name, a) for f, a in used if not re.fullmatch(r"(\./.*|[\w.-]+/[\w./-]+@[0-9a-f]{40})", a)] == []


def test_everybody_gets_few_packages_and_each_has_a_lowest_version() -> None:
    """The extras are for those who ask for them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[<>=!~\[ ;]", text)[0].lower(): text for text in project["dependencies"]}
    assert set(names) == CORE
    assert all(">=" in text for text in names.values()), names


@pytest.mark.parametrize("file", sorted((ROOT / "loadplan").rglob("*.py")), ids=lambda f: f.stem)
def test_no_code_is_found_by_chance(file: Path) -> None:
    """No plug-ins, no installer, no module whose name comes from a plan or a file."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not {f"{node.module}.{a.name}" for a in node.names} & LOADERS
        elif isinstance(node, ast.Import):
            assert not {a.name for a in node.names} & LOADERS
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            if name in {"import_module", "__import__"}:
                named = isinstance(node.args[0], ast.Constant) or ast.unparse(node.args[0]).startswith(TABLES)
                assert named, f"{file.name}:{node.lineno}"
            if name in {"exec", "eval"} and isinstance(node.func, ast.Name):
                assert file.name == "rowcode.py", f"{file.name}:{node.lineno}"
