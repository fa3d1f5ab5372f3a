"""An embedded org as orgs.yaml describes it: rules, settings, trouble and records to begin with, for a rehearsal."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from loadplan.cli.twin import prepared
from loadplan.clock import SystemClock
from loadplan.emulator.server import EmbeddedOrg
from loadplan.errors import InvalidInputError
from loadplan.salesforce.orgs import resolve_profile

TWIN = """\
version: 1
orgs:
  twin:
    embedded:
      describe: describe/
      settings: {lock_rows: masters, rows_per_second: 9, is_sandbox: false, hidden_fields: [Account.Site, Lead.Title]}
      faults: faults.json
      org_size: Account=7
"""
RULE = {"name": "R", "formula": "BEGINS(Name, 'Alder')", "message": "No alders", "field": "Name"}


def described(folder: Path, orgs: str) -> None:
    """A project with a twin, a rule and a file of faults."""
    (folder / "orgs.yaml").write_text(orgs, encoding="utf-8")
    (folder / "describe" / "rules").mkdir(parents=True)
    (folder / "describe" / "rules" / "a.json").write_text(
        json.dumps({"name": "Account", "validationRules": [RULE]}), encoding="utf-8"
    )
    (folder / "faults.json").write_text('{"rules": [{"kind": "list", "effect": "quota"}]}', encoding="utf-8")


def made(folder: Path) -> EmbeddedOrg:
    """The org that a command would start."""
    profile = resolve_profile("twin", folder, {})
    return prepared(profile, folder, folder / "data", SystemClock())()


def test_an_entry_says_settings_faults_and_size(tmp_path: Path) -> None:
    """Each arrives; the records are there once."""
    described(tmp_path, TWIN)
    for _ in range(2):
        server = made(tmp_path)
        settings = server.org.settings
        assert (settings.lock_rows, settings.rows_per_second, settings.is_sandbox) == ("masters", 9.0, False)
        assert settings.hidden_fields == ("Account.Site", "Lead.Title")
        assert [rule.effect for rule in server.faults.rules] == ["quota"]
        assert server.org.count("Account") == 7
        server.stop()


WRONG = [
    ("rows_per_second: 9", "rows_per_sec: 9", "embedded.settings"),
    ("rows_per_second: 9", "rows_per_second: fast", "embedded.settings"),
    ("rows_per_second: 9", "sink: true", "a sink keeps no records"), ("faults.json", "fault.json", "embedded.faults"),
    ("Account=7", "huge", "embedded.org_size"), ("Lead.Title", "Lead.Nothing", "embedded.settings"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "told"), WRONG, ids=[new for _, new, _ in WRONG])
def test_what_is_wrong_with_an_entry_is_told_with_its_key(tmp_path: Path, old: str, new: str, told: str) -> None:
    """A code, the place and the next command; and the folder can be used afterwards."""
    described(tmp_path, TWIN.replace(old, new))
    with pytest.raises(InvalidInputError, match=told) as caught:
        made(tmp_path)
    assert caught.value.code == "LP0606"
    assert caught.value.next_commands
    (tmp_path / "orgs.yaml").write_text(TWIN, encoding="utf-8")
    made(tmp_path).stop()


def test_a_rehearsal_meets_the_rules_of_the_twin(project: Path) -> None:
    """The row that the org would refuse is refused here, in the words of its rule; the others are saved."""
    described(project, TWIN.replace("rows_per_second: 9, ", "latency: 0.0, "))
    command = [sys.executable, "-m", "loadplan", "apply", "plan.yaml", "-o", "twin"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stderr
    assert "FIELD_CUSTOM_VALIDATION_EXCEPTION" in done.stdout + done.stderr
    with EmbeddedOrg(project / ".loadplan" / "embedded" / "twin") as server:
        names = {record["Name"] for record in server.org.records("Account")}
        assert "Brook" in names
        assert "Alder" not in names


def test_a_description_that_is_none_is_told_with_its_file(tmp_path: Path) -> None:
    """Its own code and exit 2; nothing of the org's folder is blamed."""
    described(tmp_path, TWIN)
    rule = {**RULE, "formula": "Name"}
    (tmp_path / "describe" / "rules" / "a.json").write_text(
        json.dumps({"name": "Account", "validationRules": [rule]}), encoding="utf-8"
    )
    with pytest.raises(
        InvalidInputError, match=r"rules/a\.json: validation rule 1 of Account \(R\): .*data type \(Text\)"
    ) as caught:
        made(tmp_path)
    assert (caught.value.code, caught.value.exit_code) == ("LP0607", 2)
