"""Clients that others wrote: where they are installed, how their programs are run against an org, how tests name them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests
from loadplan.emulator.server import EmbeddedOrg
from requests.adapters import HTTPAdapter

FOLDER = Path(__file__).parent.parent / "clients"
PYTHON = FOLDER / "python" / ".venv" / "bin" / "python"
INSTALLED: dict[str, Path | None] = {
    "simple-salesforce": None,  # comes with the test extra
    "aiosalesforce": FOLDER / "python" / ".venv" / "aiosalesforce.installed",
    "jsforce": FOLDER / "jsforce" / "node_modules" / "jsforce",
    "tap-salesforce": FOLDER / "python" / ".venv" / "tap-salesforce.installed",
    "sf": FOLDER / "sf" / "node_modules" / ".bin" / "sf",
}
"""Client -> what is there when it is installed."""
PINNED = ("aiosalesforce", "jsforce", "sf", "tap-salesforce")
"""Clients in the version that a file of `tests/clients` names."""


def client(name: str, operation: str, *, limit: bool = False) -> pytest.MarkDecorator:
    """The test is a case of an operation of a client; `limit`: its sentence is a limit of the client, with Salesforce too."""
    assert name in INSTALLED, name
    return pytest.mark.clients(name, operation, limit)


def why_not(name: str) -> str | None:
    """Why a client cannot be run here, or None."""
    sign = INSTALLED[name]
    if sign is None or sign.exists():
        return None
    return f"{name} is not installed; tests/clients/install.sh {name} does it"


def node_command() -> str:
    """Node: the machine's, or the one that install.sh brought because that is too old."""
    brought = FOLDER / "node" / "node_modules" / "node" / "bin" / "node"
    return str(brought) if brought.exists() else shutil.which("node") or "node"


def run(path: str, arguments: Any, org: EmbeddedOrg) -> subprocess.CompletedProcess[str]:
    """Run a program of `tests/clients`. It reads JSON from its input, and learns of the org from its environment."""
    command = [node_command() if path.endswith("mjs") else str(PYTHON), str(FOLDER / path)]
    env = {**os.environ, "SF_INSTANCE_URL": org.instance_url, "SF_ACCESS_TOKEN": org.access_token()}
    return subprocess.run(
        command, input=json.dumps(arguments), capture_output=True, text=True, timeout=120, env=env, check=False
    )


def told(path: str, arguments: Any, org: EmbeddedOrg) -> Any:
    """Run a program that prints JSON, and read it."""
    done = run(path, arguments, org)
    assert done.returncode == 0, f"{path}: {done.stderr}\n{done.stdout}"
    return json.loads(done.stdout)


class Offline(HTTPAdapter):
    """Sends what a program means for Salesforce, whatever the host, to the embedded org."""

    def __init__(self, org_url: Callable[[], str]) -> None:
        super().__init__()
        self._org_url = org_url

    def send(self, request: requests.PreparedRequest, *args: Any, **more: Any) -> requests.Response:
        there, here = urlsplit(str(request.url)), urlsplit(self._org_url())
        request.url = urlunsplit((here.scheme, here.netloc, there.path, there.query, ""))
        return super().send(request, *args, **more)


def offline_session(org: EmbeddedOrg) -> requests.Session:
    """A session that knows one host."""
    session = requests.Session()
    session.mount("https://", Offline(lambda: org.instance_url))
    return session
