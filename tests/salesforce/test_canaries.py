"""Secrets are nowhere: not in a file, not in what is said at -vv, not in the argument of a process, for every flow and for
its failures."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from loadplan.emulator.server import EmbeddedOrg
from loadplan.emulator.settings import Settings
from loadplan.errors import OrgError
from loadplan.salesforce.auth.base import AuthConfig
from loadplan.salesforce.orgs import OrgProfile, connect
from loadplan.salesforce.port import OrgFault
from loadplan.salesforce.secret import Secret

from support.client import JOB, JSON, V, Waits, org_at
from support.processes import ran
from support.raw_server import RawServer, http

PLAN = """\
version: 1
name: secretive
defaults: {poll: {first: 100ms, factor: 1, max: 100ms}}
steps:
  accounts: {object: Account, operation: insert, source: accounts.csv}
  all: {operation: query, soql: SELECT Id FROM Account, output: all.csv, depends_on: [accounts]}
"""
CANARY = "cAnArYs3cr3t"
SECRET = f"{CANARY}ClientSecret"
REFRESH = f"5Aep{CANARY}RefreshToken"
TOKEN = f"00D000000000009!{CANARY}Token"
FLOWS = {
    "access_token": "{flow: access_token, token: {env: TOKEN}}",
    "client_credentials": "{flow: client_credentials, client_id: id, client_secret: {env: SECRET}}",
    "jwt": "{flow: jwt, client_id: id, username: ada@acme.example, private_key: {file_env: KEY}}",
    "refresh_token": "{flow: refresh_token, client_id: id, client_secret: {file: secret.txt}, refresh_token: {env: REFRESH}}",
    "sf-cli": "{flow: sf-cli, alias: dev}",
}


@pytest.fixture(scope="module")
def key() -> str:
    """An RSA key in PEM form."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedOrg]:
    """An org that knows one client and one refresh token, outside the project."""
    settings = Settings(clients=(("id", SECRET),), latency=0.0)
    with EmbeddedOrg(tmp_path / "org", settings=settings) as org:
        with org.org.lock:
            org.org.store.add_token(REFRESH, 4e9, "refresh")
            org.org.store.commit()
        yield org


class Project:
    """A project with one org, its secrets outside, and what a run of it left behind."""

    def __init__(self, folder: Path, flow: str, url: str, key: str, token: str) -> None:
        self.folder, self.hidden = folder / "project", folder / "hidden"
        self.folder.mkdir()
        self.hidden.mkdir()
        (self.folder / ".git").mkdir()
        (self.folder / "plan.yaml").write_text(PLAN, encoding="utf-8")
        (self.folder / "accounts.csv").write_text("Name\nAcme\nGlobex\n", encoding="utf-8")
        auth = FLOWS[flow].replace("secret.txt", str(self.hidden / "secret.txt"))
        entry = f"version: 1\norgs:\n  dev: {{instance_url: '{url}', auth: {auth}}}\n"
        (self.folder / "orgs.yaml").write_text(entry, encoding="utf-8")
        (self.hidden / "key.pem").write_text(key, encoding="utf-8")
        (self.hidden / "secret.txt").write_text(SECRET + "\n", encoding="utf-8")
        shown = {"status": 0, "result": {"accessToken": token, "instanceUrl": url}}
        (self.hidden / "answer.json").write_text(json.dumps(shown), encoding="utf-8")
        sf = self.hidden / "sf"
        sf.write_text(
            f'#!/bin/sh\necho "$@" >> "{self.hidden}/argv"\ncat "{self.hidden}/answer.json"\n', encoding="utf-8"
        )
        sf.chmod(0o755)
        self.secrets = [CANARY, "!AQ", *key.splitlines()[1:-1]]
        self.environ = {
            **os.environ, "TOKEN": token, "SECRET": SECRET, "REFRESH": REFRESH, "KEY": str(self.hidden / "key.pem"),
            "PATH": f"{self.hidden}:{os.environ['PATH']}",
        }  # fmt: skip

    def run(self) -> tuple[int, str]:
        """`apply -vv`; (exit code, everything it said)."""
        arguments = ("apply", "plan.yaml", "-o", "dev", "--auto-approve", "-vv", "--json")
        code, out, said = ran(self.folder, self.environ, *arguments)
        return code, out + said

    def leaks(self, said: str) -> list[str]:
        """Where a secret is to be found."""
        texts = {"what was said": said}
        for path in self.folder.rglob("*"):
            if path.is_file():
                texts[str(path)] = path.read_bytes().decode("utf-8", "replace")
        if (self.hidden / "argv").exists():
            texts["arguments of sf"] = (self.hidden / "argv").read_text(encoding="utf-8")
        return [where for where, text in texts.items() if any(secret in text for secret in self.secrets)]


@pytest.mark.parametrize("flow", FLOWS)
def test_a_run_leaves_no_secret_anywhere(flow: str, tmp_path: Path, server: EmbeddedOrg, key: str) -> None:
    """A whole load and extract, each request told; where the flow can, the token is renewed in the middle."""
    token = server.access_token()
    if flow in {"client_credentials", "jwt", "refresh_token"}:
        server.faults.add("job info", "expire", 1)
    project = Project(tmp_path, flow, server.instance_url, key, token)
    code, said = project.run()
    assert code == 0, said
    assert "PUT /services/data" in said
    assert project.leaks(said) == []


@pytest.mark.parametrize("flow", FLOWS)
def test_a_login_that_fails_shows_no_secret(flow: str, tmp_path: Path, server: EmbeddedOrg, key: str) -> None:
    """A token that ended, a secret that is wrong, a key that cannot sign, a refresh token that was revoked, an alias whose
    token is refused: exit 3 with what to check."""
    with server.org.lock:
        server.org.store.drop_tokens()
        server.org.settings = Settings(clients=(("id", "another"),))
        server.org.store.commit()
    broken = f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----\n"
    project = Project(tmp_path, flow, server.instance_url, broken if flow == "jwt" else key, TOKEN)
    code, said = project.run()
    assert code == 3, said
    assert "error[LP0" in said
    assert project.leaks(said) == []


@pytest.mark.parametrize("flow", ["client_credentials", "refresh_token"])
def test_a_login_host_that_repeats_what_it_was_sent_is_not_quoted(flow: str) -> None:
    """An answer may hold the secret; the message does not."""
    secrets = {"client_id": "id", "client_secret": SECRET, "refresh_token": REFRESH}
    held = {name: Secret(value, {}, Path()) for name, value in secrets.items()}
    body = {"error": f"bad {SECRET}", "error_description": f"neither {SECRET} nor {REFRESH}"}
    with RawServer(http("400 Bad Request", json.dumps(body).encode(), JSON)) as raw, pytest.raises(OrgError) as caught:
        connect(OrgProfile("dev", raw.url, auth=AuthConfig(flow, raw.url, held, {})), clock=Waits())
    shown = f"{caught.value!r} {caught.value.summary} {caught.value.details} {caught.value.hint}"
    assert "***" in shown
    assert SECRET not in shown
    assert flow != "refresh_token" or REFRESH not in shown


ECHOES = {
    "in an error": http("400 Bad Request", json.dumps([{"errorCode": "X", "message": f"no {CANARY}"}]).encode(), JSON),
    "in a page": http("403 Forbidden", f"<title>{CANARY}</title>".encode(), "Content-Type: text/html"),
    "in the status line": http(f"415 {CANARY}"),
}


@pytest.mark.parametrize("answer", ECHOES.values(), ids=ECHOES.keys())
def test_an_org_that_repeats_the_token_is_not_quoted(answer: bytes) -> None:
    """Whatever a token looks like: this one has no form that a filter would know."""
    with RawServer(answer) as raw, pytest.raises(OrgFault) as caught:
        org_at(raw.url, CANARY).job("ingest", JOB, api_version=V)
    assert CANARY not in f"{caught.value!r} {caught.value.detail} {vars(caught.value)}"
