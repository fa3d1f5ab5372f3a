"""orgs.yaml: every problem in one pass, each with its place and a way out, and never a secret in what is shown."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from loadplan.codes import CODES
from loadplan.diagnostic_formats import as_concise, as_json, render_full
from loadplan.errors import InvalidInputError
from loadplan.github import as_github
from loadplan.salesforce.auth.base import FLOW_KEYS
from loadplan.salesforce.entries import read_entries

URL = "instance_url: https://acme.my.salesforce.com"
CANARY = "canaryS3CRETcanary"


def problems(folder: Path, text: str) -> InvalidInputError:
    """What is wrong with these entries."""
    file = folder / "orgs.yaml"
    file.write_text(f"version: 1\norgs:\n{text}", encoding="utf-8")
    with pytest.raises(InvalidInputError) as caught:
        read_entries(file)
    return caught.value


CONTRACT = f"""\
version: 1
orgs:
  prod:
    {URL}
    organization_id: 00D5g000004XyZ
    production: true
    auth: {{flow: jwt, client_id: {{env: SF_CLIENT_ID}}, username: {{env: SF_USERNAME}}, private_key: {{file_env: SF_JWT_KEY_FILE}}}}
    allow: [insert, update, upsert, query]
    limits: {{max_delete_rows: 5000}}
  uat:  {{auth: {{flow: sf-cli, alias: uat}}}}
  ci:
    instance_url: https://acme--ci.sandbox.my.salesforce.com
    auth: {{flow: client_credentials, client_id: {{env: SF_CLIENT_ID}}, client_secret: {{env: SF_CLIENT_SECRET}}}}
  twin: {{embedded: {{describe: describe/}}}}
  old:  {{{URL}, auth: {{flow: access_token, token: {{env: SF_ACCESS_TOKEN}}}}}}
  app:  {{{URL}, auth: {{flow: refresh_token, client_id: 3MVG9, client_secret: {{file: s}}, refresh_token: {{env: R}}}}}}
"""


def test_every_flow_and_every_key_is_read(tmp_path: Path) -> None:
    """The example of the contract, with the two flows that it only names."""
    (tmp_path / "orgs.yaml").write_text(CONTRACT, encoding="utf-8")
    assert set(read_entries(tmp_path / "orgs.yaml")) == {"prod", "uat", "ci", "twin", "old", "app"}
    assert read_entries(tmp_path / "none.yaml") == {}


RULES: dict[str, tuple[str, str, int, str]] = {
    "a reserved name": ("  env: {embedded: {}}\n", "LP0206", 3, "reserved"),
    "embedded and auth": ("  x: {embedded: {}, auth: {flow: sf-cli, alias: x}}\n", "LP0205", 3, "`auth`"),
    "embedded and production": ("  x:\n    embedded: {}\n    production: true\n", "LP0205", 5, "`production`"),
    "no address": ("  x: {auth: {flow: access_token, token: {env: T}}}\n", "LP0202", 3, "instance_url"),
    "an address that is none": (
        "  x:\n    instance_url: https://acme.lightning.force.com\n    auth: {flow: sf-cli, alias: x}\n", "LP0404", 4,
        "https://acme.my.salesforce.com",
    ),
    "a login address that is none": (
        f"  x:\n    {URL}\n    auth: {{flow: jwt, client_id: a, username: b, private_key: {{env: K}}, login_url: 'https://[x'}}\n",
        "LP0404", 5, "login_url",
    ),
    "a key of another flow": (f"  x: {{{URL}, auth: {{flow: sf-cli, alias: x, client_id: y}}}}\n", "LP0205", 3, "sf-cli"),
    "neither auth nor embedded": (f"  x: {{{URL}}}\n", "LP0202", 3, "`auth` (or `embedded`)"),
    "a flow in another spelling": ("  x: {auth: {flow: sfcli, alias: x}}\n", "LP0204", 3, "did you mean `sf-cli`?"),
    "an operation in another spelling": (
        f"  x: {{{URL}, auth: {{flow: sf-cli, alias: x}}, allow: [harddelete]}}\n", "LP0204", 3, "hardDelete",
    ),
    "an empty secret": (f"  x: {{{URL}, auth: {{flow: access_token, token: {{}}}}}}\n", "LP0206", 3, "`token` is empty"),
    "an empty value": (
        f"  x: {{{URL}, auth: {{flow: client_credentials, client_id: {{}}, client_secret: {{env: S}}}}}}\n", "LP0206", 3,
        "`client_id` is empty",
    ),
    "two places of one secret": (
        f"  x: {{{URL}, auth: {{flow: access_token, token: {{env: A, file: b}}}}}}\n", "LP0206", 3, "only one of its keys",
    ),
    "a cap below nothing": (
        f"  x: {{{URL}, auth: {{flow: sf-cli, alias: x}}, limits: {{max_delete_rows: -1}}}}\n", "LP0206", 3, "below 0",
    ),
    "an id that is none": (
        f"  x: {{{URL}, organization_id: 001000000000001, auth: {{flow: sf-cli, alias: x}}}}\n", "LP0206", 3, "00D5g",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "code", "line", "words"), RULES.values(), ids=RULES.keys())
def test_a_rule_is_broken(text: str, code: str, line: int, words: str, tmp_path: Path) -> None:
    """A stable code, the line, and what to do about it."""
    error = problems(tmp_path, text)
    [found] = [d for d in error.diagnostics if d.code == code]
    assert found.place.line == line
    assert words in f"{found.summary} {found.hint}"
    assert code in CODES
    assert error.next_commands


def test_every_problem_comes_in_one_pass(tmp_path: Path) -> None:
    """Entries that are not used now are judged too."""
    error = problems(tmp_path, RULES["no address"][0] + RULES["a reserved name"][0])
    assert [d.code for d in error.diagnostics] == ["LP0202", "LP0206"]


LEAKS = {
    "a token as text": f"token: {CANARY}",
    "a token in quotes": f'token: "{CANARY}"',
    "a token under a key of its own": f"token: {{value: {CANARY}}}",
    "a token in a list": f"token: [{CANARY}]",
    "a token as the name of a variable": f"token: {{env: 00D!{CANARY}}}",
    "a key over lines": f"private_key: |\n        -----BEGIN\n        {CANARY}\n",
    "a secret with an odd name": f"client_secrt: {CANARY}",
    "a secret as the client id": f"client_id: {{secret: {CANARY}}}",
}


@pytest.mark.parametrize("leak", LEAKS.values(), ids=LEAKS.keys())
@pytest.mark.parametrize("flow_style", [True, False], ids=["one line", "lines"])
def test_a_secret_in_the_file_is_an_error_that_does_not_show_it(leak: str, flow_style: bool, tmp_path: Path) -> None:
    """Nor does any other problem on its line, in any format; the error would be in a CI log that others read."""
    if flow_style and "\n" in leak:
        leak = leak.replace("|\n", '"').replace("\n        ", " ").replace("\n", '"')
    text = (
        f"  x: {{{URL}, organization_id: bad, auth: {{flow: access_token, {leak}, colour: red}}, extra: 1}}\n"
        if flow_style
        else f"  x:\n    {URL}\n    auth:\n      flow: access_token\n      {leak}\n    extra: 1\n"
    )
    error = problems(tmp_path, text)
    assert "LP0413" in {d.code for d in error.diagnostics}
    for render in (render_full, as_concise, as_json, as_github):
        assert CANARY not in render(error.diagnostics)
    assert CANARY not in repr(error)


@pytest.mark.parametrize("key", [CANARY, f"{{env: 1{CANARY}}}", f"[{CANARY}]"])
def test_the_key_of_the_masks_is_a_secret_too(key: str, tmp_path: Path) -> None:
    """Who has it can undo the masks of short values by trying."""
    error = problems(tmp_path, f"  x: {{embedded: {{}}}}\nmask_key: {key}\n")
    assert "LP0413" in {d.code for d in error.diagnostics}
    assert CANARY not in render_full(error.diagnostics)


def test_a_line_that_is_not_yaml_is_not_shown(tmp_path: Path) -> None:
    """It may hold a secret: a colon in an unquoted token is the usual cause."""
    error = problems(tmp_path, f"  x:\n    auth: {{flow: access_token, token: {CANARY}: oh}}}}\n")
    assert error.diagnostics[0].place.line
    assert CANARY not in render_full(error.diagnostics)


def test_a_password_in_an_address_is_not_shown(tmp_path: Path) -> None:
    """The frame would quote it."""
    error = problems(
        tmp_path,
        f"  x: {{instance_url: 'https://me:{CANARY}@a.my.salesforce.com', auth: {{flow: sf-cli, alias: x}}}}\n",
    )
    assert [d.code for d in error.diagnostics] == ["LP0404"]
    assert CANARY not in render_full(error.diagnostics)


# -- the schema ----------------------------------------------------------------------------------------------------


def schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(
        files("loadplan.schemas").joinpath("orgs.schema.json").read_text(encoding="utf-8")
    )
    return loaded


def properties(node: Any, path: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Every property of the schema with its path."""
    found = []
    if isinstance(node, dict):
        for name, inner in node.get("properties", {}).items() if isinstance(node.get("properties"), dict) else ():
            found.append((f"{path}.{name}", inner))
        for name, inner in node.items():
            if name not in {"if", "then", "examples"}:
                found += properties(inner, f"{path}/{name}")
    elif isinstance(node, list):
        for inner in node:
            found += properties(inner, path)
    return found


def test_every_key_has_a_title_a_description_and_an_example() -> None:
    """What an editor shows while somebody writes the file."""
    every = properties(schema())
    assert len(every) > 20
    for path, key in every:
        assert {"title", "description", "examples"} <= set(key), path


def test_each_flow_requires_and_reads_what_its_module_reads() -> None:
    """The schema, the table of keys and the flows name the same keys."""
    auth = schema()["$defs"]["auth"]
    required = {rule["if"]["properties"]["flow"]["const"]: set(rule["then"]["required"]) for rule in auth["allOf"]}
    assert set(required) == set(FLOW_KEYS) == set(auth["properties"]["flow"]["enum"])
    for flow, keys in FLOW_KEYS.items():
        assert required[flow] <= set(keys)
    assert {key for keys in FLOW_KEYS.values() for key in keys} | {"flow"} == set(auth["properties"])
