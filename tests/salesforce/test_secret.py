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


def test_a_secret_is_read_from_a_file_or_a_file_named_by_a_variable(tmp_path: Path) -> None:
    """Relative to orgs.yaml, or from the home folder; a line break at the end does not belong to it."""
    (tmp_path / "key").write_text("hidden\n")
    assert Secret({"file": "key"}, {}, tmp_path).reveal() == "hidden"
    assert Secret({"file_env": "KEY"}, {"KEY": str(tmp_path / "key")}, Path("/")).reveal() == "hidden"


def test_a_file_in_the_home_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~/keys/app.pem` is how people write it."""
    (tmp_path / "key").write_text("hidden\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Secret({"file": "~/key"}, {}, Path("/nowhere")).reveal() == "hidden"


NO_FILES = {
    "not there": (None, "no such file"), "empty": (b"\n", "it is empty"), "not text": (b"\xff\xfe\x00", "not the path of a text"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "words"), NO_FILES.values(), ids=NO_FILES.keys())
def test_a_file_without_a_secret_is_named(content: bytes | None, words: str, tmp_path: Path) -> None:
    """With the reason, and not as the class of an exception."""
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    with pytest.raises(OrgError, match=f"from key: .*{words}") as caught:
        Secret({"file": "key"}, {}, tmp_path).reveal()
    assert (caught.value.code, bool(caught.value.hint)) == ("LP0406", True)


@pytest.mark.parametrize("held", ["-----BEGIN canary-----\ncanary\n", "canary\0", "canary" * 1000])
def test_a_variable_that_holds_the_secret_itself_does_not_show_it(held: str, tmp_path: Path) -> None:
    """`file_env` wants a path; people put the key there."""
    with pytest.raises(OrgError, match="the file that KEY names") as caught:
        Secret({"file_env": "KEY"}, {"KEY": held}, tmp_path).reveal()
    assert "canary" not in f"{caught.value!r} {caught.value.hint} {caught.value.where} {caught.value.__cause__}"


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
