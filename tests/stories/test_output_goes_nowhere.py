"""What a command prints goes into a pipe or onto a full disk. That a log has the output before what is said of it: `test_howtos`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LOADPLAN = f"'{sys.executable}' -m loadplan"


def shell(command: str) -> subprocess.CompletedProcess[str]:
    """A shell of somebody who has Python print as it does by itself."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False, env=environ)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("command", ["explain LP0725", "explain LP0725 --json", "schema plan"])
def test_a_full_disk_under_the_output_is_no_bug(command: str) -> None:
    """It is said, with what to do, and the exit code is that of this machine's troubles."""
    done = shell(f"{LOADPLAN} {command} > /dev/full")
    assert done.returncode == 9
    assert done.stderr.startswith(
        "error[LP0601]: cannot write the output: no space left on device\n  --> standard output\n"
    )
    assert "help: " in done.stderr
    assert "next: " in done.stderr


def test_a_reader_who_leaves_ends_the_command_without_a_word() -> None:
    """With the code that a shell shows for it."""
    done = shell(f"{LOADPLAN} schema plan | true; echo ${{PIPESTATUS[0]}}")
    assert (done.stdout, done.stderr) == ("141\n", "")
