"""A run speaks one API version, and the org must have it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from loadplan.emulator.server import EmbeddedOrg
from loadplan.emulator.settings import Settings

from support.processes import APPLY, typed


@pytest.fixture
def old(tmp_path: Path) -> Iterator[EmbeddedOrg]:
    """An org that was not upgraded yet."""
    with EmbeddedOrg(tmp_path / "org", settings=Settings(versions=(31, 60), latency=0.0)) as org:
        yield org


def test_a_plan_in_a_version_that_the_org_lacks_is_refused_before_anything_is_sent(
    project: Path, old: EmbeddedOrg
) -> None:
    """Exit 3, the line to write, no run folder; with that line it runs, every request in that version."""
    environ = {**os.environ, "SF_ACCESS_TOKEN": old.access_token(), "SF_ORG_INSTANCE_URL": old.instance_url}
    code, _, said = typed(project, environ, *APPLY)
    assert code == 3
    assert "error[LP0412]: the plan asks for API 66.0, which `env` does not have" in said
    assert 'write `api_version: "60.0"`' in said
    assert not (project / ".loadplan" / "runs").exists()
    assert not [r for r in old.org.requests if r.method == "POST"]
    plan = (project / "plan.yaml").read_text(encoding="utf-8")
    (project / "plan.yaml").write_text(
        plan.replace("version: 1\n", 'version: 1\napi_version: "60.0"\n'), encoding="utf-8"
    )
    code, _, said = typed(project, environ, *APPLY)
    assert code == 0, said
    asked = {r.path.split("/")[3] for r in old.org.requests if r.path.startswith("/services/data/")}
    assert asked == {"v60.0"}


def test_objects_of_a_plan_are_described_in_its_version(project: Path, old: EmbeddedOrg) -> None:
    """The files are those of the API that will be spoken; they come as one document for programs."""
    environ = {**os.environ, "SF_ACCESS_TOKEN": old.access_token(), "SF_ORG_INSTANCE_URL": old.instance_url}
    describe = ("org", "describe", "-o", "env", "--out", "describe", "--all-needed-by", "plan.yaml")
    code, _, said = typed(project, environ, *describe)
    assert (code, "LP0412" in said) == (3, True)
    plan = (project / "plan.yaml").read_text(encoding="utf-8")
    (project / "plan.yaml").write_text(
        plan.replace("version: 1\n", 'version: 1\napi_version: "59.0"\n'), encoding="utf-8"
    )
    code, out, said = typed(project, environ, *describe)
    assert code == 0, said
    assert out.splitlines() == ["describe/Account.json", "describe/Contact.json"]
    assert {r.path.split("/")[3] for r in old.org.requests if "describe" in r.path} == {"v59.0"}
