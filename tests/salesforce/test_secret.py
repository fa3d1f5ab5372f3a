"""A secret never shows itself, and a missing one is named by its variable."""

from __future__ import annotations

from pathlib import Path

import pytest
from loadplan.errors import OrgError
from loadplan.salesforce.orgs import OrgProfile, check_identity, resolve_profile
from loadplan.salesforce.port import Identity
from loadplan.salesforce.secret import Secret

WHO = Identity("ada@example.org", "", "00D000000000001EAA", "Acme", True, "https://acme.my.salesforce.com")


@pytest.mark.parametrize("spec", ["canary", {"env": "CANARY"}])
def test_a_secret_never_shows(spec: str | dict[str, str]) -> None:
    """repr, str and format are stars; only reveal reads."""
    secret = Secret(spec, {"CANARY": "canary"}, Path())
    assert {repr(secret), str(secret), f"{secret}"} == {"***"}
    assert secret.reveal() == "canary"


@pytest.mark.parametrize("environ", [{}, {"ACME_TOKEN": ""}])
def test_a_missing_or_empty_variable_is_named(environ: dict[str, str]) -> None:
    """The message says which variable to set."""
    with pytest.raises(OrgError, match="ACME_TOKEN is not set") as caught:
        Secret({"env": "ACME_TOKEN"}, environ, Path()).reveal()
    assert caught.value.code == "LP0406"


def test_env_names_every_variable_it_lacks(tmp_path: Path) -> None:
    """Both at once."""
    with pytest.raises(OrgError, match="SF_ACCESS_TOKEN and SF_ORG_INSTANCE_URL"):
        resolve_profile("env", tmp_path, {})


@pytest.mark.parametrize("pinned", ["", "00D000000000001", "00D000000000001EAA"])
def test_an_org_id_of_15_or_18_characters_matches(pinned: str) -> None:
    """Both forms are the same id; without one nothing is compared."""
    check_identity(OrgProfile("prod", organization_id=pinned), WHO)
