"""The page of clients has what the tests show; `python tests/support/generate_clients.py` writes it from a run."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

from support.clients import PINNED
from support.generate_clients import PAGE, version_of

FOLDER = Path(__file__).parent


def test_the_page_has_every_client_every_operation_and_every_limit() -> None:
    """A new test of a client without a new run fails here, and so does another version of one that is pinned."""
    found = re.findall(r"^## (\S+) ([\d.]+)\n(.*?)(?=^## )", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    sections = {name: text for name, _, text in found}
    assert {name: version for name, version, _ in found if name in PINNED} == {
        name: version_of(name) for name in PINNED
    }
    marked = set()
    for path in sorted(FOLDER.glob("test_*.py")):
        for name, test in vars(importlib.import_module(f"clients.{path.stem}")).items():
            for mark in getattr(test, "pytestmark", []) if name.startswith("test_") else []:
                if mark.name == "clients":
                    client, operation, limit = mark.args
                    section = sections[client]
                    marked.add((client, operation))
                    assert f"| {operation} |" in section, (client, operation)
                    assert not limit or f"- {test.__doc__.strip()}\n" in section, name
    assert len(marked) == sum(section.count("\n| ") - 1 for section in sections.values() if "| operation |" in section)
