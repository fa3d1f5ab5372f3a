"""The plans on the how-to pages are plans: each is validated with the files it names in place. A walk-through is walked."""

from __future__ import annotations

import os
import re
import signal
import socket
from contextlib import suppress
from pathlib import Path

import pytest
from loadplan.plan.load import check_plan
from loadplan.plan.schema import load_schema

from support.clients import node_command, why_not
from support.walkthrough import run

JSFORCE = Path(__file__).parent / "clients" / "jsforce" / "node_modules"
HOWTOS = Path(__file__).parent.parent / "docs" / "howto"
BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
PLANS = [
    pytest.param(text, id=f"{page.stem}-{number}")
    for page in sorted(HOWTOS.glob("*.md"))
    for number, text in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")), 1)
    if text.startswith("version:") and re.search(r"^steps:", text, re.MULTILINE)
]


@pytest.mark.parametrize("text", PLANS)
def test_a_plan_on_a_page_is_valid(text: str, tmp_path: Path) -> None:
    """Not even a warning."""
    (tmp_path / "orgs.yaml").write_text("version: 1\norgs: {}\n", encoding="utf-8")
    for name in re.findall(r"data/[\w.-]+", text):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.touch()
    (tmp_path / "plan.yaml").write_text(text, encoding="utf-8")
    assert check_plan(tmp_path / "plan.yaml")[2] == []


def test_each_kind_of_source_has_a_page() -> None:
    """Every key of a source, and every format, stands in a plan of some page."""
    written = "\n".join(parameter.values[0] for parameter in PLANS)  # type: ignore[misc]
    source = load_schema("plan")["$defs"]["source"]["properties"]
    lacking = [key for key in source if f"{key}:" not in written and key != "quote"]
    assert lacking == []
    endings = [".csv", "jsonl", ".parquet", ".sqlite"]
    assert [ending for ending in endings if ending not in written] == []


def test_the_way_from_a_pull_request_to_an_approved_apply_is_walked(tmp_path: Path) -> None:
    """Every command of the page, in a git repository of its own and against the embedded org, prints what stands there."""
    walked = list(run(HOWTOS / "review.md", tmp_path))
    assert len(walked) > 10
    for command, written, real in walked:
        assert real == written, command


def test_a_load_is_rehearsed_from_the_snapshot_to_the_drift(tmp_path: Path) -> None:
    """Every command of the page, with an embedded org for the real one, prints what stands there."""
    walked = list(run(HOWTOS / "rehearse.md", tmp_path))
    assert len(walked) > 6
    for command, written, real in walked:
        assert real == written, command


def test_a_program_is_tested_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command and program of the page, on a free port, prints what stands there; the one with jsforce where it is installed."""
    text = (HOWTOS / "offline.md").read_text(encoding="utf-8")
    with socket.socket() as one, socket.socket() as other:
        for free, written in ((one, "8099"), (other, "8443")):
            free.bind(("127.0.0.1", 0))
            text = text.replace(written, str(free.getsockname()[1]))
    if why_not("jsforce"):
        text = re.sub(r"^## A program with jsforce\n.*?(?=^## )", "", text, flags=re.MULTILINE | re.DOTALL)
    else:
        (tmp_path / "node_modules").symlink_to(JSFORCE)
        monkeypatch.setenv("PATH", f"{Path(node_command()).parent}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "page.md").write_text(text, encoding="utf-8")
    try:
        walked = list(run(tmp_path / "page.md", tmp_path))
    except BaseException:
        for served in tmp_path.glob("*.pid"):
            with suppress(ProcessLookupError):
                os.kill(int(served.read_text("utf-8")), signal.SIGTERM)
        raise
    assert len(walked) >= 5
    for command, written, real in walked:
        assert real == written, command
