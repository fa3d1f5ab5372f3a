"""Trouble from a file: what it may say, and where it is wrong."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from loadplan.emulator.faultfile import load_faults, read_faults
from loadplan.emulator.faults import EFFECTS, KINDS
from loadplan.emulator.server import EmbeddedOrg

from support.facts import fact
from support.wire import Org

EVERYTHING = {
    "$schema": "faults.schema.json",
    "seed": 7,
    "rules": [
        {"kind": "upload", "effect": "reset", "object": "Account"},
        {"kind": "any", "effect": "status", "nth": None, "probability": 0.1, "status": 429, "body": "x", "headers": {"A": "b"}},
        {"kind": "page", "effect": "stall", "nth": 3, "seconds": 0.5, "share": 0.9, "times": 4},
    ],
    "rows": [
        {"object": "Account"},
        {"object": "Account", "code": "C", "message": "m", "fields": ["Name"], "times": 2, "where": {"Name": "A"}, "share": 0.5},
    ],
    "jobs": [
        {"object": "Account", "after_rows": 3},
        {"object": "Account", "rows_per_second": 9.5, "times": 2},
        {"object": "Lead", "after_rows": 0, "state": "Aborted", "message": "m", "retries": 20},
    ],
    "queries": [{"object": "Account"}, {"object": "Contact", "message": "x"}],
    "aborts": ["750Em0000000001IAA"],
}  # fmt: skip
WRONG: list[tuple[Any, str]] = [
    ([], "must be a JSON object"),
    ({"rule": []}, "unknown key rule"),
    ({"rules": {}}, "rules must be a list"),
    ({"rules": [{"kind": "upload"}]}, "rules 1: effect must be one of"),
    (
        {"rules": [{"kind": "any", "effect": "reset"}, {"kind": "nothing", "effect": "reset"}]},
        "rules 2: kind must be one of",
    ),
    ({"rules": [{"kind": "upload", "effect": "reset", "nth": 0}]}, "nth counts from 1"),
    ({"rules": [{"kind": "upload", "effect": "reset", "nth": True}]}, "nth counts from 1"),
    ({"rules": [{"kind": "upload", "effect": "stall", "seconds": -1}]}, "seconds must be a number, not negative"),
    (
        {"rules": [{"kind": "list", "effect": "status", "status": 99999}]},
        "status is one of HTTP, from 200 to 599, not 99999",
    ),
    ({"rules": [{"kind": "list", "effect": "status", "status": 100}]}, "status is one of HTTP"),
    ({"rules": [{"kind": "list", "effect": "stall", "seconds": 1e12}]}, "seconds must be at most 1,000,000,000"),
    ({"rows": [{"object": "Account", "times": 10**400}]}, "times must be at most"),
    ({"rules": [{"kind": "list", "effect": "status", "headers": {"A": "x\r\nB: y"}}]}, "cannot stand in a header"),
    ({"rules": [{"kind": "upload", "effect": "short", "share": 2}]}, "lie between 0 and 1"),
    ({"rules": [{"kind": "upload", "effect": "status", "headers": {"a": 1}}]}, "headers must map names to texts"),
    ({"rules": [{"kind": "upload", "effect": "status", "when": 1}]}, "unknown key when"),
    ({"rows": [{"code": "X"}]}, "rows 1: object must be a text"),
    ({"rows": [{"object": "Account", "fields": "Name"}]}, "fields is a list"),
    ({"jobs": [{"object": "Account", "after_rows": "x"}]}, "after_rows must be a whole number"),
    ({"jobs": [{"object": "Account"}]}, "a job has after_rows, rows_per_second or both"),
    ({"jobs": [{"object": "Account", "rows_per_second": 0}]}, "must be more than 0"),
    ({"jobs": [{"object": "Account", "after_rows": 1, "state": "Open"}]}, "state must be one of Aborted, Failed"),
    ({"rows": [{"object": "Account", "share": 1.5}]}, "share and probability lie between 0 and 1"),
    ({"rules": [{"kind": "any", "effect": "reset", "times": 0}]}, "times counts from 1"),
    ({"aborts": [1]}, "aborts 1 must be a job id"),
    ({"seed": 1.5}, "seed must be a whole number"),
]


def schema() -> Any:
    """The shipped schema."""
    return json.loads(files("loadplan.schemas").joinpath("faults.schema.json").read_text(encoding="utf-8"))


def test_the_schema_knows_the_kinds_and_effects_of_the_code() -> None:
    """And every key has a title, a description and an example."""
    rule = schema()["$defs"]["rule"]["properties"]
    assert sorted(rule["kind"]["enum"]) == sorted(KINDS)
    assert sorted(rule["effect"]["enum"]) == sorted(EFFECTS)
    for part in (schema(), *schema()["$defs"].values()):
        for key, value in part.get("properties", {}).items():
            assert "$ref" in value or {"title", "description", "examples"} <= set(value), key


def test_a_file_with_everything_is_taken_by_the_schema_and_by_the_org(tmp_path: Path) -> None:
    """Each part arrives."""
    jsonschema.validate(EVERYTHING, schema())
    path = tmp_path / "faults.json"
    path.write_text(json.dumps(EVERYTHING), encoding="utf-8")
    faults = load_faults(path)
    assert [(rule.kind, rule.effect, rule.nth) for rule in faults.rules] == [
        ("upload", "reset", 1), ("any", "status", None), ("page", "stall", 3),
    ]  # fmt: skip
    assert (faults.rules[1].status, faults.rules[1].body, faults.rules[1].headers) == (429, b"x", {"A": "b"})
    assert (faults.rules[2].seconds, faults.rules[2].share) == (0.5, 0.9)
    assert [fault.problem for fault in faults.row_faults][1] == ("C", "m", "Name")
    assert (faults.row_faults[1].share, faults.rules[2].times, faults.rules[1].seed) == (0.5, 4, 7)
    found = [faults.job_fault(name) for name in ("Account", "Account", "Account", "Account", "Lead")]
    assert [fault and (fault.after_rows, fault.rows_per_second) for fault in found] == [
        (3, 0.0), (None, 9.5), (None, 9.5), None, (0, 0.0),
    ]  # fmt: skip
    assert found[4] is not None
    assert (found[4].state, found[4].message, found[4].retries) == ("Aborted", "m", 20)
    assert (faults.query_failure("Account"), faults.query_failure("Contact")) == (
        "InternalServerError : Internal Error", "x",
    )  # fmt: skip
    assert faults.aborts == {"750Em0000000001IAA"}


@pytest.mark.parametrize(("data", "message"), WRONG, ids=[message for _, message in WRONG])
def test_what_is_wrong_is_told_with_its_place(data: Any, message: str) -> None:
    """The schema refuses it too."""
    with pytest.raises(ValueError, match=message):
        read_faults(data, "faults.json")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, schema())


def test_a_file_that_is_no_json(tmp_path: Path) -> None:
    """Or is not there."""
    path = tmp_path / "faults.json"
    with pytest.raises(ValueError, match="is not a JSON file"):
        load_faults(path)
    path.write_text("{rules}", encoding="utf-8")
    with pytest.raises(ValueError, match="is not a JSON file"):
        load_faults(path)


@pytest.mark.parametrize(("kind", "more"), [
    ("rules", {"kind": "upload", "effect": "reset"}), ("rows", {}), ("jobs", {"after_rows": 1}), ("queries", {}),
])  # fmt: skip
def test_a_fault_of_an_object_that_there_is_not_is_refused(kind: str, more: dict[str, Any], tmp_path: Path) -> None:
    """It would trouble nobody, in silence; from a file before the org starts, from the control endpoint with a 400."""
    text = json.dumps({kind: [{"object": "account", **more}, {"object": "Acount", **more}]})
    (tmp_path / "f.json").write_text(text, encoding="utf-8")
    told = f"{kind} 2: there is no object 'Acount'; did you mean Account?"
    with pytest.raises(ValueError, match=re.escape(told)), EmbeddedOrg(faults=load_faults(tmp_path / "f.json")):
        pass
    with Org() as org:
        answer = org.raw("POST", "/__control__/faults", text.encode())
        assert (answer.status, told in answer.json["error"]) == (400, True)
        assert org.raw("GET", "/__control__/faults").json[kind] == []


def test_an_object_in_another_case_is_the_same_object() -> None:
    """As everywhere in Salesforce."""
    with Org() as org:
        body = b'{"rows": [{"object": "ACCOUNT", "where": {"Name": "A"}}]}'
        assert org.raw("POST", "/__control__/faults", body).status == 204
        assert len(org.failures("Name\nA\nB\n")) == 1


def test_a_key_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    """One of the two would be lost."""
    (tmp_path / "f.json").write_text('{"rows": [{"object": "Account"}], "rows": []}', encoding="utf-8")
    with pytest.raises(ValueError, match="the key 'rows' is there twice"):
        load_faults(tmp_path / "f.json")


def test_rows_of_a_file_are_refused_for_a_while() -> None:
    """Each row twice, by default behind a lock."""
    faults = read_faults({"rows": [{"object": "Account", "times": 2, "where": {"Name": "B"}}]}, "x")
    with Org(faults=faults) as org:
        text = "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record:--"
        assert [org.failures("Name\nA\nB\n") for _ in range(3)] == [[text], [text], []]


def test_a_storm_refuses_the_same_rows_however_they_are_cut_into_jobs() -> None:
    """A share of the rows, by the seed and what is in them; then they go through."""

    def refused(seed: int, *files: str) -> set[str]:
        faults = read_faults({"seed": seed, "rows": [{"object": "Account", "share": 0.3}]}, "x")
        with Org(faults=faults) as org:
            jobs = [org.load(text) for text in files]
            rows = {row[2] for job in jobs for row in org.results(job, "failedResults").rows[1:]}
            assert all(org.load(text)["numberRecordsFailed"] == 0 for text in files)
            return rows

    names = [f"A{number}\n" for number in range(300)]
    whole = refused(1, "Name\n" + "".join(names))
    assert 60 < len(whole) < 120
    assert refused(1, "Name\n" + "".join(names[200:]), "Name\n" + "".join(names[:200])) == whole
    assert refused(2, "Name\n" + "".join(names)) != whole


def test_a_rule_of_chance_meets_the_same_requests_again() -> None:
    """By its seed and the number of the request, whatever other rules there are; and not more often than it says."""

    def met(seed: int, *others: dict[str, Any], times: int | None = None) -> list[int]:
        rule = {"kind": "list", "effect": "status", "nth": None, "probability": 0.4, "status": 503, "times": times}
        with Org(faults=read_faults({"seed": seed, "rules": [*others, rule]}, "x")) as org:
            return [n for n in range(40) if org.call("GET", "/jobs/ingest").status == 503]

    found = met(3)
    assert 5 < len(found) < 30
    assert met(3, {"kind": "upload", "effect": "reset", "nth": None, "probability": 0.5}) == found
    assert met(3, times=2) == found[:2]
    assert met(4) != found


@fact("batch-retries", "too-many-locks")
def test_a_job_that_was_tried_again_too_often_fails_with_its_rest_unprocessed() -> None:
    """The count of retries says so; what was saved stays saved."""
    text = "TooManyLockFailure : Too many lock failure 200 Trying again later."
    fault = {"object": "Account", "after_rows": 200, "message": text, "retries": 20}
    with Org(faults=read_faults({"jobs": [fault]}, "x")) as org:
        job = org.load("Name\n" + "".join(f"A{n}\n" for n in range(500)))
        assert (job["state"], job["errorMessage"], job["retries"]) == ("Failed", text, 20)
        assert job["numberRecordsProcessed"] == org.server.org.count("Account") == 200
        assert len(org.results(job, "unprocessedrecords").rows) == 301


def test_an_administrator_aborts_a_job_in_its_middle() -> None:
    """After so many rows, without an errorMessage."""
    with Org(faults=read_faults({"jobs": [{"object": "Account", "after_rows": 200, "state": "Aborted"}]}, "x")) as org:
        job = org.load("Name\n" + "".join(f"A{n}\n" for n in range(500)))
        assert (job["state"], job["numberRecordsProcessed"], "errorMessage" in job) == ("Aborted", 200, False)


def test_a_slow_job_shows_its_rows_while_it_is_in_progress() -> None:
    """It goes at a rate of its own; the next one does not."""
    with Org(faults=read_faults({"jobs": [{"object": "Account", "rows_per_second": 100}]}, "x")) as org:
        job = org.load("Name\n" + "".join(f"A{n}\n" for n in range(600)))
        org.clock.now += 4.0
        shown = org.info(job["id"])
        assert (shown["state"], shown["numberRecordsProcessed"], shown["totalProcessingTime"]) == ("InProgress", 400, 0)
        org.clock.now += 2.0
        assert org.info(job["id"])["state"] == "JobComplete"
        assert org.load("Name\nB\n")["state"] == "JobComplete"


def test_a_rule_for_the_jobs_of_one_object() -> None:
    """Create, upload and polls of its jobs are counted by themselves; others pass."""
    rules = [
        {"kind": "create ingest", "object": "Contact", "effect": "status", "nth": 2},
        {"kind": "job info", "object": "Contact", "effect": "status", "status": 500},
    ]
    with Org(faults=read_faults({"rules": rules}, "x")) as org:
        account = org.create()["id"]
        contact = org.create("contact")["id"]
        assert [org.call("GET", f"/jobs/ingest/{job}").status for job in (account, account, contact, contact)] == [
            200, 200, 500, 200,
        ]  # fmt: skip
        body = {"object": "Contact", "operation": "insert"}
        assert org.create()["id"]
        assert [org.call("POST", "/jobs/ingest", body).status for _ in range(2)] == [503, 200]


BEYOND_A_SCHEMA: list[tuple[Any, str]] = [
    ({"rules": [{"kind": "upload", "effect": "stall", "seconds": float("nan")}]}, "seconds must be a number"),
    ({"rules": [{"kind": "upload", "effect": "late", "seconds": float("inf")}]}, "seconds must be at most"),
    ({"rules": [{"kind": "upload", "effect": "short", "share": float("nan")}]}, "share must be a number"),
    ({"rules": [{"kind": "upload", "effect": "status", "status": 99999}]}, "status is one of HTTP"),
    ({"rules": [{"kind": "upload", "effect": "status", "headers": {"A": "b\r\nX: y"}}]}, "cannot stand in a header"),
    ({"rules": [{"kind": "upload", "effect": "status", "headers": {"A": "\u20ac"}}]}, "cannot stand in a header"),
]


@pytest.mark.parametrize(("data", "message"), BEYOND_A_SCHEMA, ids=[repr(data)[60:] for data, _ in BEYOND_A_SCHEMA])
def test_what_cannot_be_sent_or_waited_for_is_refused_when_it_is_read(data: Any, message: str) -> None:
    """Not when a request meets it: no number, a status or a header that no HTTP has."""
    with pytest.raises(ValueError, match=message):
        read_faults(data, "faults.json")
