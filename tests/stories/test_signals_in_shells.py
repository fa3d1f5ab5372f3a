"""Signals as they arrive in life: through a shell, in a pipeline, in the place of a shell; and a reader of the log that is gone."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.processes import APPLY, count, read_until, resumed
from support.stalling import StallingWire

UPLOAD = rb"^PUT "
LOADPLAN = shlex.join([sys.executable, "-m", "loadplan", *APPLY])


@contextmanager
def shell(project: Path, environ: Mapping[str, str], script: str) -> Iterator[subprocess.Popen[str]]:
    """A bash of its own session, as a terminal or a CI runner begins one; nothing of the session outlives the block."""
    process = subprocess.Popen(
        ["bash", "--noprofile", "--norc", "-o", "pipefail", "-c", script],
        cwd=project, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def over(environ: Mapping[str, str], wire: StallingWire) -> dict[str, str]:
    """The same org, reached over the wire."""
    return {**environ, "SF_ORG_INSTANCE_URL": wire.url}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_in_the_place_of_a_shell(project: Path, served: dict[str, str], number: int, code: int) -> None:
    """`exec loadplan`, as containers and our action begin it: the signal is loadplan's, and so is the exit code."""
    with StallingWire(served["SF_ORG_INSTANCE_URL"], UPLOAD) as wire:
        with shell(project, over(served, wire), f"exec {LOADPLAN}") as process:
            assert wire.silent.wait(30)
            process.send_signal(number)
            _, said = process.communicate(timeout=30)
        assert process.returncode == code, said
        assert "next: loadplan resume" in said
    assert resumed(project, served)["successful"] == 5


def test_ctrl_c_in_a_script(project: Path, served: dict[str, str]) -> None:
    """The terminal sends it to bash and loadplan alike; the script learns the exit code, and can act on it."""
    with StallingWire(served["SF_ORG_INSTANCE_URL"], UPLOAD) as wire:
        with shell(project, over(served, wire), f"{LOADPLAN}; echo ended with $?") as process:
            assert wire.silent.wait(30)
            os.killpg(process.pid, signal.SIGINT)
            out, said = process.communicate(timeout=30)
        assert "ended with 130" in out, said
        assert "next: loadplan resume" in said
    assert resumed(project, served)["successful"] == 5
    assert (count(served, "Account"), count(served, "Contact")) == (2, 3)


@pytest.mark.parametrize("tee", ["tee run.log", "tee -i run.log"])
def test_ctrl_c_in_a_pipeline(project: Path, served: dict[str, str], tee: str) -> None:
    """`loadplan apply 2>&1 | tee`: tee may be gone before loadplan has said its last words; the run is in order all the same."""
    with StallingWire(served["SF_ORG_INSTANCE_URL"], UPLOAD) as wire:
        with shell(project, over(served, wire), f"{{ {LOADPLAN}; echo $? > code; }} 2>&1 | {tee}") as process:
            assert wire.silent.wait(30)
            os.killpg(process.pid, signal.SIGINT)
            process.communicate(timeout=30)
        assert "accounts" in (project / "run.log").read_text(encoding="utf-8")
        if "-i" in tee:
            assert "next: loadplan resume" in (project / "run.log").read_text(encoding="utf-8")
        (run,) = (project / ".loadplan" / "runs").iterdir()
        assert (run / "runbook.md").is_file()
    assert resumed(project, served)["successful"] == 5
    assert (count(served, "Account"), count(served, "Contact")) == (2, 3)


def test_a_log_that_nobody_reads_any_more(project: Path, served: dict[str, str]) -> None:
    """The reader of the pipe is gone in the middle of the run: nothing is lost, and a resume ends it."""
    with shell(project, served, f"exec {LOADPLAN}") as process:
        read_until(process, "created")
        assert process.stderr is not None
        process.stderr.close()
        process.wait(timeout=60)
        process.stderr = None
    assert resumed(project, served)["successful"] == 5
    assert (count(served, "Account"), count(served, "Contact")) == (2, 3)
