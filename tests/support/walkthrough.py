"""Runs the commands of a page of the documentation, in order, in a folder of their own, and compares what they print.

A ```sh block is run as it stands. In a ```console block each line that begins with `$ ` is run, and what follows is its output. What
differs from run to run (digests, commits, run ids, times) is compared as a mask. `python tests/support/walkthrough.py PAGE [MODULES]`
writes the real output into the page.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

BLOCK = re.compile(r"^```(sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
MASKS = (
    (re.compile(r"sha256:[0-9a-f]{64}"), "sha256:5b1e…"),
    (re.compile(r"\b\d{8}T\d{6}Z-([a-z-]+)-[0-9a-f]{4}\b"), r"20261124T101500Z-\1-7f3a"),
    (re.compile(r"\b(base|head) [0-9a-f]{12}\b"), r"\1 9f2c1e0a4b7d"),
    (re.compile(r"^\d\d:\d\d:\d\dZ", re.MULTILINE), "10:15:00Z"),
    (re.compile(r"\b750[A-Za-z0-9]{15}\b"), "750Em0000000001IAA"),
    (re.compile(r"(\d[\d,]*) of [\d,]+ left \([\d.]+%"), r"\1 of … left (…%"),
)


def masked(text: str) -> str:
    for pattern, shown in MASKS:
        text = pattern.sub(shown, text)
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def environment(folder: Path) -> dict[str, str]:
    """A user's shell: `loadplan` on the path, an identity for git, no colours."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    who = {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Ana"), ("EMAIL", "a@b.c"))
    }
    kept = {
        k: v
        for k, v in os.environ.items()
        if k not in {"GITHUB_ACTIONS", "SF_TARGET_ORG", "GIT_DIR", "LOADPLAN_STATE_DIR", "PYTHONUNBUFFERED"}
    }
    return {**kept, **who, "PATH": path, "HOME": str(folder), "NO_COLOR": "1", "GIT_CONFIG_GLOBAL": os.devnull}


def shell(command: str, folder: Path) -> str:
    """What a command prints, both streams as a terminal shows them."""
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.stdout


def steps(kind: str, body: str) -> Iterator[tuple[str, str]]:
    """(command, output that stands in the page) of a block."""
    if kind == "sh":
        yield body, ""
        return
    for piece in re.split(r"^(?=\$ )", body, flags=re.MULTILINE):
        command, _, output = piece.partition("\n")
        if command:
            yield command.removeprefix("$ "), output


def run(page: Path, folder: Path) -> Iterator[tuple[str, str, str]]:
    """(command, output in the page, real output) of every command of a console block; blocks of sh are only run."""
    for kind, body in BLOCK.findall(page.read_text(encoding="utf-8")):
        for command, written in steps(kind, body):
            if kind == "sh":
                done = subprocess.run(
                    ["bash", "-e", "-c", command], cwd=folder, env=environment(folder), stdin=subprocess.DEVNULL,
                    capture_output=True, text=True, timeout=120, check=False,
                )  # fmt: skip
                assert done.returncode == 0, f"{command}\n{done.stderr}"
            else:
                yield command, masked(written), masked(shell(command, folder))


def rewrite(page: Path, modules: Path | None = None) -> None:
    """Put the real output into the page. `modules` are the Node modules of its programs."""
    with tempfile.TemporaryDirectory() as name:
        if modules is not None:
            (Path(name) / "node_modules").symlink_to(modules.absolute())
        found = iter(list(run(page, Path(name))))

    def block(match: re.Match[str]) -> str:
        if match[1] == "sh":
            return match[0]
        shown = []
        for command, _ in steps(match[1], match[2]):
            shown.append(f"$ {command}")
            shown += [real] if (real := next(found)[2]) else []
        return "```console\n" + "\n".join(shown) + "\n```"

    page.write_text(BLOCK.sub(block, page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    rewrite(*map(Path, sys.argv[1:]))
