"""What sources leave open or disagree about is a setting: what each changes. The defaults are shown by the other tests."""

from __future__ import annotations

import pytest

from support.wire import Answer, Org


def created(org: Org, **body: str) -> Answer:
    """The answer to a create."""
    return org.call("POST", "/jobs/ingest", body)


@pytest.mark.parametrize("status", [400, 404])
def test_statuses_that_nobody_has_seen(status: int) -> None:
    """The texts and codes stay; a PUT too late, a close without content, an odd state, a bad multipart, a wrong locator."""
    names = (
        "closed_upload_status", "close_without_content_status", "odd_state_status", "multipart_refused_status",
        "bad_locator_status",
    )  # fmt: skip
    with Org(**dict.fromkeys(names, status)) as org:
        job = org.create()["id"]
        closed = org.close(job)
        assert closed.error[:2] == (status, "INVALIDJOB")
        assert closed.error[2].startswith("Could not find content for job")
        assert org.call("PATCH", f"/jobs/ingest/{job}", {"state": "JobComplete"}).error[:2] == (
            status,
            "INVALIDJOBSTATE",
        )
        org.put(job, "Name\n")
        org.close(job)
        assert org.put(job, "Name\n").error[:2] == (status, "INVALIDJOBSTATE")
        form = {"Content-Type": "multipart/form-data; boundary=x"}
        assert org.call("POST", "/jobs/ingest", "--y--", form).error[:2] == (status, "API_ERROR")
        query = org.query("SELECT Id FROM Account")
        assert org.page(query, locator="nonsense").error == (status, "API_ERROR", "Invalid locator")


def test_values_of_enums_in_any_case() -> None:
    """Refused by default; with the setting they come back in their own spelling."""
    wanted = {"object": "Account", "operation": "INSERT", "lineEnding": "lf", "columnDelimiter": "Pipe"}
    with Org() as org:
        assert created(org, **wanted).error[1] == "API_ERROR"
    with Org(enums_any_case=True) as org:
        made = created(org, **wanted).json
        assert (made["operation"], made["lineEnding"], made["columnDelimiter"]) == ("insert", "LF", "PIPE")
        assert created(org, object="Account", operation="insart").error[1] == "API_ERROR"
        query = org.call("POST", "/jobs/query", {"operation": "QUERYALL", "query": "SELECT Id FROM Account"}).json
        assert query["operation"] == "queryAll"


@pytest.mark.parametrize(
    ("short", "text"),
    [
        (False, "Field name provided, Site does not match an External ID, Salesforce Id, or indexed field for Account"),
        (True, "Field name provided, Site does not match an External ID for Account"),
    ],
)
def test_the_text_of_a_bad_key(short: bool, text: str) -> None:
    """Of 2019 and of v47."""
    with Org(short_key_error=short) as org:
        answer = created(org, object="Account", operation="upsert", externalIdFieldName="Site")
        assert answer.error == (400, "INVALIDJOB", f"InvalidJob : {text}")


@pytest.mark.parametrize("version", ["66.0", "49.0"])
def test_results_in_the_form_of_the_job_or_in_one_form(version: str) -> None:
    """Delimiter and line ending, of all three files; a comma in the data is quoted."""
    for follows, between, ending in ((True, "|", "\r\n"), (False, ",", "\n")):
        with Org(results_follow_job=follows, shuffle_results=False) as org:
            org.version = version
            org.server.faults.fail_job_midway("Account", 200)
            lines = ["Name|Site", "A,1|x", "|y", *(f"B{n}|z" for n in range(199))]
            job = org.load("\r\n".join(lines) + "\r\n", columnDelimiter="PIPE", lineEnding="CRLF")
            good = org.results(job).text.split(ending)
            assert good[0] == between.join(['"sf__Id"', '"sf__Created"', "Name", "Site"])
            assert f'"true"{between}"A,1"{between}"x"' in good[1]
            bad = org.results(job, "failedResults").text.split(ending)
            assert bad[0] == between.join(['"sf__Id"', '"sf__Error"', "Name", "Site"])
            assert bad[1].endswith(f'""{between}"y"')
            assert org.results(job, "unprocessedrecords").text == (
                f'Name{between}Site{ending}"B198"{between}"z"{ending}'
            )  # fmt: skip


def test_the_error_of_a_foreign_key_may_name_the_object() -> None:
    """As some mocks have it."""
    text = "INVALID_FIELD:Foreign key external ID: x not found for field Legacy_Id__c in entity Account:"
    for named, tail in ((False, "--"), (True, "Account --")):
        with Org(key_error_with_object=named) as org:
            assert org.failures("LastName,Account.Legacy_Id__c\nA,x\n", "Contact") == [text + tail]


def test_locked_records_may_be_listed_with_a_blank() -> None:
    """Two parents that another batch holds."""
    for separator in (",", ", "):
        with Org(lock_rows="lookups", lock_chance=1.0, lock_id_separator=separator) as org:
            account, boss = org.add(Name="A"), org.add("Contact", LastName="Boss")
            text = "LastName,AccountId,ReportsToId\n" + "".join(f"C{n},{account},{boss}\n" for n in range(10_001))
            [told] = org.failures(text, "Contact")
            listed = separator.join((account, boss))
            assert (
                told == f"UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or 2 records: {listed}:--"
            )
