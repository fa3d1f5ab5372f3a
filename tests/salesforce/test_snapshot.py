"""A snapshot: which objects a plan needs, files that git can compare, and about how many records there are."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from loadplan.clock import SystemClock
from loadplan.disk import Disk, using
from loadplan.emulator.server import EmbeddedOrg
from loadplan.errors import InvalidInputError, LocalError, OrgError
from loadplan.plan.load import load_plan
from loadplan.review.described import read_snapshot
from loadplan.salesforce import snapshot
from loadplan.salesforce.bulk2 import Bulk2Org
from loadplan.salesforce.orgs import connect_with_token

from support.client import JSON, org_at
from support.raw_server import RawServer, http


@pytest.fixture
def server() -> Iterator[EmbeddedOrg]:
    with EmbeddedOrg() as server:
        yield server


@pytest.fixture
def org(server: EmbeddedOrg) -> Bulk2Org:
    return connect_with_token(server.instance_url, server.access_token, clock=SystemClock())


def needed(folder: Path, org: Bulk2Org, steps: str) -> list[str]:
    """The objects that a plan of these steps needs."""
    (folder / "plan.yaml").write_text("version: 1\nname: t\nsteps:\n" + steps, encoding="utf-8")
    (folder / "c.csv").write_text("n,a\n1,2\n", encoding="utf-8")
    return snapshot.objects_needed_by(org, load_plan(folder / "plan.yaml", variables={}, var_files=[]))


def test_the_objects_of_a_plan_include_queries_and_the_parents_of_lookups(tmp_path: Path) -> None:
    """A relationship is followed through the description of the step's object; a type that is named is taken as it is."""
    (tmp_path / "plan.yaml").write_text(
        "version: 1\nname: t\nsteps:\n  contacts:\n    object: Contact\n    operation: insert\n    source: c.csv\n"
        "    columns: {LastName: n}\n    lookups: {Account.Legacy_Id__c: a}\n"
        "  tasks:\n    object: Task\n    operation: insert\n    source: t.csv\n    columns: {Subject: s}\n"
        '    lookups: {"Lead:Who.Legacy_Id__c": w}\n'
        "  cases:\n    operation: query\n    soql: SELECT Id from Case WHERE Id != null\n    output: o.csv\n"
    )
    for name in ("c.csv", "t.csv"):
        (tmp_path / name).write_text("x\n1\n")
    plan = load_plan(tmp_path / "plan.yaml", variables={}, var_files=[])
    with EmbeddedOrg() as server:
        org = connect_with_token(server.instance_url, server.access_token, clock=SystemClock())
        assert snapshot.objects_needed_by(org, plan) == ["Account", "Case", "Contact", "Lead", "Task"]


def test_a_misspelt_object_is_told_with_the_one_that_was_meant(tmp_path: Path) -> None:
    """And nothing is written, not even the objects that there are."""
    with EmbeddedOrg() as server:
        org = connect_with_token(server.instance_url, server.access_token, clock=SystemClock())
        with pytest.raises(OrgError) as caught:
            snapshot.write_snapshot(org, ["Account", "Contcat"], tmp_path)
    assert caught.value.hint == "did you mean `Contact`?"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "description",
    [b'{"name":"../../evil","recordTypeInfos":7}', b'{"name":"Account","recordTypeInfos":[7],"label":"\\ud83d"}'],
)
def test_an_odd_description_becomes_a_file_of_the_name_that_was_asked(description: bytes, tmp_path: Path) -> None:
    """No text of the server makes a path, and no half of a character ends the command."""
    with RawServer(http("200 OK", description, JSON)) as server:
        [path] = snapshot.write_snapshot(org_at(server.url), ["Account"], tmp_path)
    assert path == tmp_path / "Account.json"


def test_descriptions_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    """Sorted keys, so that git shows real changes; a name that is no API name makes no path."""
    with EmbeddedOrg() as server:
        org = connect_with_token(server.instance_url, server.access_token, clock=SystemClock())
        [first] = snapshot.write_snapshot(org, ["Account"], tmp_path)
        before = first.read_bytes()
        assert snapshot.write_snapshot(org, ["account"], tmp_path)[0].name.lower() == "account.json"
        assert first.read_bytes() == before
        assert list(json.loads(before)) == sorted(json.loads(before))
        with pytest.raises(OrgError):
            snapshot.write_snapshot(org, ["../../Account"], tmp_path)


def test_a_query_needs_the_parents_whose_fields_it_names(tmp_path: Path, org: Bulk2Org) -> None:
    """Path by path, also in its conditions and their sub-queries; a text in quotes names nothing."""
    steps = (
        "  q:\n    operation: query\n    output: o.csv\n    soql: >-\n      SELECT Id, Account.Owner.Name FROM Contact\n"
        "      WHERE LastName != 'x FROM Lead' AND AccountId IN (SELECT AccountId FROM Opportunity)\n"
    )
    assert needed(tmp_path, org, steps) == ["Account", "Contact", "Opportunity", "User"]


def test_a_column_of_ids_needs_the_object_that_they_are_of(tmp_path: Path, org: Bulk2Org) -> None:
    """A mapped reference, a lookup written as a column, a hierarchy; not the many that a polymorphic one may mean."""
    steps = (
        "  a:\n    object: Opportunity\n    operation: insert\n    source: c.csv\n    columns: {Name: n, AccountId: a}\n"
        "  b:\n    object: Contact\n    operation: insert\n    source: c.csv\n    columns: {LastName: n, Owner.Username: {value: x}}\n"
        "  c:\n    object: Event\n    operation: insert\n    source: c.csv\n    columns: {WhatId: a}\n"
    )
    assert needed(tmp_path, org, steps) == ["Account", "Contact", "Event", "Opportunity", "User"]


def test_counts_are_told_to_two_digits_beside_the_descriptions(
    tmp_path: Path, server: EmbeddedOrg, org: Bulk2Org
) -> None:
    """They are the org's own, and a second snapshot of other objects keeps those of the first."""
    kinds = server.org.schema.objects
    for number in range(104):
        server.org.saver.insert(kinds["account"], {"Name": f"A{number}"}, 0.0)
    server.org.store.commit()
    snapshot.write_snapshot(org, ["Account"], tmp_path, "60.0", name="uat")
    snapshot.write_snapshot(org, ["Lead"], tmp_path, "60.0", name="uat")
    found = snapshot.read_manifest(tmp_path)
    assert (found.org, found.api_version, dict(found.records)) == ("uat", "60.0", {"Account": 100, "Lead": 0})
    snapshot.write_snapshot(org, ["Lead"], tmp_path, "60.0", name="prod")
    assert dict(snapshot.read_manifest(tmp_path).records) == {"Lead": 0}


@pytest.mark.parametrize(("rows", "told"), [(0, 0), (7, 7), (99, 99), (104, 100), (105, 110), (1_249_000, 1_200_000)])
def test_a_count_is_rounded(rows: int, told: int) -> None:
    """A day's growth is no change in git."""
    assert snapshot.about(rows) == told


def test_what_an_org_orders_as_it_likes_is_kept_in_one_order() -> None:
    """Fields, record types and children in another order, links and layouts: the same snapshot. The order of a picklist stays."""
    picklist = {"name": "P__c", "picklistValues": [{"value": "z"}, {"value": "a"}]}
    said = {
        "name": "A", "fields": [{"name": "B__c"}, picklist], "urls": {"x": 1}, "supportedScopes": [1],
        "recordTypeInfos": [
            {"developerName": "Y", "recordTypeId": "2", "urls": {}},
            {"developerName": "X", "recordTypeId": "1", "urls": {}},
        ],
        "childRelationships": [
            {"childSObject": "C", "field": "b"}, {"childSObject": "Other", "field": "a"}, {"childSObject": "C", "field": "a"},
        ],
    }  # fmt: skip
    other = {key: value[::-1] if isinstance(value, list) else value for key, value in said.items()} | {"urls": {"x": 2}}
    kept = snapshot.stable(said, {"A", "C"})
    assert snapshot.stable(other, {"A", "C"}) == kept
    assert kept["childRelationships"] == [{"childSObject": "C", "field": "a"}, {"childSObject": "C", "field": "b"}]
    assert [v["value"] for v in kept["fields"][1]["picklistValues"]] == ["z", "a"]
    assert not {"urls", "supportedScopes"} & set(kept)


class DyingDisk(Disk):
    """A disk that ends the process at the nth rename, or is full from the nth new file on."""

    def __init__(self, rename: int = 0, temporary: int = 0) -> None:
        self.left = {"rename": rename, "temporary": temporary}

    def _due(self, what: str) -> bool:
        self.left[what] -= 1
        return self.left[what] == 0

    def rename(self, old: Path, new: Path) -> None:
        if self._due("rename"):
            raise KeyboardInterrupt
        super().rename(old, new)

    def temporary(self, folder: Path, prefix: str, suffix: str) -> tuple[int, Path]:
        if self._due("temporary"):
            raise OSError(errno.ENOSPC, "No space left on device", str(folder))
        return super().temporary(folder, prefix, suffix)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_a_crash_between_two_files_leaves_no_snapshot_that_passes_as_one(
    tmp_path: Path, org: Bulk2Org, at: int
) -> None:
    """Before the first rename all is as it was; after it the snapshot says that it is half of two, until it is taken again."""
    snapshot.write_snapshot(org, ["Account", "Contact"], tmp_path, "60.0", name="uat")
    for name in ("Account", "Contact"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"name": name, "fields": []}), encoding="utf-8")
    before = contents(tmp_path)
    with pytest.raises(KeyboardInterrupt), using(DyingDisk(rename=at)):
        snapshot.write_snapshot(org, ["Account", "Contact"], tmp_path, "60.0", name="uat")
    assert not list(tmp_path.glob(".*"))
    if at == 1:
        assert contents(tmp_path) == before
        return
    for reading in (read_snapshot, snapshot.read_manifest):
        with pytest.raises(InvalidInputError, match="half of one and half of another") as caught:
            reading(tmp_path)
        assert caught.value.next_commands == (f"loadplan org describe --all-needed-by PLAN -o uat --out {tmp_path}",)
    snapshot.write_snapshot(org, ["Account", "Contact"], tmp_path, "60.0", name="uat")
    assert len(read_snapshot(tmp_path).objects) == 2
    assert dict(snapshot.read_manifest(tmp_path).records) == {"Account": 0, "Contact": 0}


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_full_disk_changes_no_file_of_a_snapshot(tmp_path: Path, org: Bulk2Org, at: int) -> None:
    """Whichever file it is that finds no room."""
    snapshot.write_snapshot(org, ["Account"], tmp_path, "60.0", name="uat")
    before = contents(tmp_path)
    with pytest.raises(LocalError, match="the disk is full"), using(DyingDisk(temporary=at)):
        snapshot.write_snapshot(org, ["Account", "Contact"], tmp_path, "66.0", name="uat")
    assert contents(tmp_path) == before


def test_a_link_out_of_the_folder_is_replaced_and_not_followed(tmp_path: Path, org: Bulk2Org) -> None:
    """What a snapshot writes stays in its folder."""
    outside, folder = tmp_path / "outside.json", tmp_path / "describe"
    outside.write_text("mine", encoding="utf-8")
    folder.mkdir()
    for name in ("Account.json", "snapshot.toml"):
        (folder / name).symlink_to(outside if name == "Account.json" else tmp_path / "nowhere")
    snapshot.write_snapshot(org, ["Account"], folder, "60.0", name="uat")
    assert outside.read_text(encoding="utf-8") == "mine"
    assert sorted(path.name for path in folder.iterdir() if not path.is_symlink()) == ["Account.json", "snapshot.toml"]


@pytest.mark.parametrize("text", ["records = 7", "not toml", "\xff"])
def test_a_manifest_that_cannot_be_read_is_told_with_its_place(text: str, tmp_path: Path) -> None:
    """And what to type; a folder without one is a folder that was written by hand."""
    assert snapshot.read_manifest(tmp_path) == snapshot.Manifest()
    (tmp_path / "snapshot.toml").write_text(text, encoding="latin-1")
    with pytest.raises(InvalidInputError) as caught:
        snapshot.read_manifest(tmp_path)
    assert caught.value.code == "LP0710"
    assert caught.value.next_commands
