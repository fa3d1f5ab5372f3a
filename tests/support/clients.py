"""Clients that others wrote: where they are installed, how their programs are run against an org, how tests name them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
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
    "sf": FOLDER / "sf" / "node_modules" / ".bin" / "sf",
}
"""Client -> what is there when it is installed."""


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


def program(
    command: list[str], arguments: Any, org: EmbeddedOrg, *, env: Mapping[str, str] | None = None, token: str = ""
) -> Any:
    """Run a program that reads JSON and prints JSON; it learns of the org from its environment."""
    given = {"SF_INSTANCE_URL": org.instance_url, "SF_ACCESS_TOKEN": token or org.access_token(), **(env or {})}
    done = subprocess.run(
        command, input=json.dumps(arguments), capture_output=True, text=True, timeout=120,
        env={**os.environ, **given}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}: {done.stderr}\n{done.stdout}"
    return json.loads(done.stdout)


def node(path: str, arguments: Any, org: EmbeddedOrg, **more: Any) -> Any:
    """Run a program of `tests/clients` with Node."""
    return program([shutil.which("node") or "node", str(FOLDER / path)], arguments, org, **more)


def python(path: str, arguments: Any, org: EmbeddedOrg, **more: Any) -> Any:
    """Run a program of `tests/clients` with the Python that has other people's clients."""
    return program([str(PYTHON), str(FOLDER / path)], arguments, org, **more)


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
