"""loadplan as real processes: started, read line by line, killed, and never left behind when a test fails."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

APPLY = ("apply", "plan.yaml", "-o", "env", "--auto-approve")


@contextmanager
def started(project: Path, environ: Mapping[str, str], *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A loadplan process in the project's folder; both of its streams are pipes."""
    process = subprocess.Popen(
        [sys.executable, "-m", "loadplan", *arguments],
        cwd=project, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        # A test that failed must not wait for a process that nobody talks to any more.
        if process.poll() is None:
            process.kill()
        process.communicate()


def ran(project: Path, environ: Mapping[str, str], *arguments: str, within: float = 60) -> tuple[int, str, str]:
    """Run to the end: (exit code, stdout, stderr)."""
    with started(project, environ, *arguments) as process:
        out, said = process.communicate(timeout=within)
    return process.returncode, out, said


def typed(project: Path, environ: Mapping[str, str], *arguments: str) -> tuple[int, str, str]:
    """The same command line without a process of its own, which costs a tenth: (exit code, stdout, stderr).

    For what a command says and leaves. What a process is needed for (signals, locks, being killed, its streams) takes `ran`."""
    from loadplan.cli.main import run

    # As a process has them: text over bytes.
    out, said = (io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace", newline="") for _ in range(2))
    with (
        contextlib.chdir(project), contextlib.redirect_stdout(out), contextlib.redirect_stderr(said),
        mock.patch.dict(os.environ, environ),
    ):  # fmt: skip
        try:
            code = run(arguments)
        except SystemExit as ended:  # click's own way out after a completion
            code = int(ended.code or 0)
    return code, _written(out), _written(said)


def _written(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


def read_until(process: subprocess.Popen[str], text: str, times: int = 1) -> None:
    """Read what the process says until `text` was said."""
    assert process.stderr is not None
    for line in process.stderr:
        times -= text in line
        if not times:
            return
    raise AssertionError(f"the process ended before it said `{text}`")


def resumed(project: Path, environ: Mapping[str, str]) -> dict[str, int]:
    """Resume the newest run, which must end well; the rows of its summary."""
    code, _, said = typed(project, environ, "resume")
    assert code == 0, said
    run = max((project / ".loadplan" / "runs").iterdir())
    rows: dict[str, int] = json.loads((run / "summary.json").read_text(encoding="utf-8"))["rows"]
    return rows


def count(environ: Mapping[str, str], name: str) -> int:
    """Ask the org itself, with a client that shares nothing with the run."""
    import requests

    answer = requests.get(
        f"{environ['SF_ORG_INSTANCE_URL']}/services/data/v66.0/query",
        params={"q": f"SELECT Id FROM {name}"},
        headers={"Authorization": f"Bearer {environ['SF_ACCESS_TOKEN']}"},
        timeout=10,
    )
    return int(answer.json()["totalSize"])


def completed(
    folder: Path, *words: str, shell: str = "bash", by: Callable[..., tuple[int, str, str]] = typed
) -> list[str]:
    """What is offered for the last of the words, which may be empty; `by` a process of its own (`ran`) or without one."""
    asked = {"_LOADPLAN_COMPLETE": f"{shell}_complete", "COMP_WORDS": " ".join(("loadplan", *words)),
             "COMP_CWORD": words[-1] if shell == "fish" else str(len(words))}  # fmt: skip
    code, out, said = by(folder, {**os.environ, **asked})
    assert (code, said) == (0, "")
    lines = [line for line in out.splitlines() if line]
    if shell == "zsh":
        return lines[1::3]
    return [line.partition(",")[2].partition("\t")[0] for line in lines]
