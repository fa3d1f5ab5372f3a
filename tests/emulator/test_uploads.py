"""Uploads: one PUT, sizes, compression, byte order marks, line endings, and the multipart create (page 2 and 3)."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from support.facts import fact
from support.wire import Org

LINE_ENDING = "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is {}"
QUOTING = "InvalidBatch : Failed to parse CSV. Found unescaped quote. A value with quote should be within a quote"


def twice(org: Org) -> Any:
    """A job with two uploads: the answers to the second PUT and to the close."""
    job = org.create()["id"]
    assert org.put(job, "Name\nAcme\n").status == 201
    return job, org.put(job, "Name\nAcme\n"), org.close(job)


@fact("one-put", "multipe-contents-text", "second-put-disputed")
def test_a_second_put_makes_the_close_fail(org: Org) -> None:
    """Both are answered with 201; the text has Salesforce's own spelling and the id in 15 characters."""
    job, second, closed = twice(org)
    text = f"Found multipe contents for job: <{job[:15]}>, please 'Close' / 'Abort' / 'Delete' the current Job then create a"
    text += " new Job and make sure you only do 'PUT' once on a given Job."
    assert second.status == 201
    assert closed.error == (400, "INVALIDJOB", text)
    assert org.info(job)["state"] == "Open"


@fact("second-put-disputed")
def test_the_second_put_itself_may_be_refused() -> None:
    """The switch for what was seen later, with the other code."""
    with Org(second_put_refused_at_put=True, second_put_code="BULK_API_ERROR") as org:
        _, second, closed = twice(org)
        assert second.error[:2] == (400, "BULK_API_ERROR")
        assert closed.status == 200


@fact("close-without-content")
def test_a_close_without_an_upload_says_what_to_do(org: Org) -> None:
    """The recorded text and code."""
    job = org.create()["id"]
    text = f"Could not find content for job: <{job[:15]}>, try doing 'PUT' on 'contentUrl' corresponding to this job and once"
    text += " upload finished use 'PATCH' to mark Job as 'UploadComplete'"
    assert org.close(job).error == (400, "INVALIDJOB", text)


@fact("empty-upload-completes")
def test_an_empty_upload_completes(org: Org) -> None:
    """No rows, no error, empty results."""
    job = org.load("")
    assert (job["state"], job["numberRecordsProcessed"]) == ("JobComplete", 0)
    assert org.results(job).status == 200


@fact("upload-not-checked")
@pytest.mark.parametrize("text", ["Nonsense__c\n1\n", "Name\r\nAcme\r\n", 'Name\n"Ac"me\n', "Name;Site\na;b\n"])
def test_content_is_judged_after_the_close_only(org: Org, text: str) -> None:
    """The upload is answered with 201, and the job fails."""
    job = org.create()["id"]
    assert org.put(job, text).status == 201
    org.close(job)
    assert org.info(job)["state"] == "Failed"


def test_a_put_to_a_job_that_is_not_open_is_refused(org: Org) -> None:
    """Closed, ended or unknown."""
    job = org.load("Name\nAcme\n")["id"]
    assert org.put(job, "Name\n").error[:2] == (400, "INVALIDJOBSTATE")
    assert org.put("750Em0000000999IAA", "Name\n").status == 404


@fact("upload-content-type-415")
def test_an_upload_must_be_csv(org: Org) -> None:
    """415 for anything else; so for JSON calls that are not JSON."""
    job = org.create()["id"]
    assert org.put(job, "Name\n", **{"Content-Type": "application/json"}).status == 415
    assert org.call("POST", "/jobs/ingest", "object=Account", {"Content-Type": "text/plain"}).status == 415
    assert org.call("PATCH", f"/jobs/ingest/{job}", "{}", {"Content-Type": "text/csv"}).status == 415


@fact("upload-cap")
@pytest.mark.parametrize("status", [400, 413])
def test_a_file_over_the_cap_is_refused(status: int) -> None:
    """The default cap is 150,000,000 bytes; here it is smaller."""
    with Org(max_upload_bytes=100, oversize_upload_status=status) as org:
        job = org.create()["id"]
        assert org.put(job, "Name\n" + "x" * 95 + "\n").status == status
        assert org.put(job, "Name\n" + "x" * 94 + "\n").status == 201


def test_a_gzip_upload_is_refused_unless_switched_on() -> None:
    """Nobody documents it: 415, or the rows in it."""
    data = gzip.compress(b"Name\nAcme\n")
    with Org() as org:
        assert org.put(org.create()["id"], data, **{"Content-Encoding": "gzip"}).status == 415
    with Org(gzip_uploads=True) as org:
        job = org.create()["id"]
        assert org.put(job, data[:-8], **{"Content-Encoding": "gzip"}).error[:2] == (400, "API_ERROR")
        assert org.put(job, data, **{"Content-Encoding": "gzip"}).status == 201
        org.close(job)
        assert org.info(job)["numberRecordsProcessed"] == 1
        assert org.server.org.has("Account", Name="Acme")


def test_a_gzip_upload_cannot_hold_more_than_the_cap() -> None:
    """A bomb is not unpacked to its end."""
    with Org(gzip_uploads=True, max_upload_bytes=1000) as org:
        job = org.create()["id"]
        bomb = gzip.compress(b"Name\n" + b"x" * 5_000_000)
        assert org.put(job, bomb, **{"Content-Encoding": "gzip"}).status == 400


@fact("utf-8")
def test_data_is_utf_8(org: Org) -> None:
    """Every plane comes through; Latin-1 fails the job."""
    org.load("Name\nŽluťoučký kůň €5 日本語 😀\n")
    assert org.server.org.has("Account", Name="Žluťoučký kůň €5 日本語 😀")
    assert org.load("Name\nCaf\xe9\n".encode("latin-1"))["state"] == "Failed"


@fact("bom-quoted", "bom-unquoted", "unescaped-quote-text")
def test_a_byte_order_mark_becomes_part_of_the_header(org: Org) -> None:
    """Before a quote it is a stray character; else a field that nobody can find."""
    assert org.load('\ufeff"Name"\n"Acme"\n')["errorMessage"] == QUOTING
    assert org.load("\ufeffName\nAcme\n")["errorMessage"] == "InvalidBatch : Field name not found : \ufeffName"


@pytest.mark.parametrize("header", ["Name", '"Name"'])
def test_a_byte_order_mark_may_be_taken_for_nothing(header: str) -> None:
    """The switch for the one report that it worked."""
    with Org(bom_ignored=True) as org:
        assert org.load(f"\ufeff{header}\nAcme\n")["numberRecordsProcessed"] == 1
        assert org.load(f"{header}\nBeta\n")["numberRecordsProcessed"] == 1
        assert [record["Name"] for record in org.server.org.records("Account")] == ["Acme", "Beta"]


def test_an_empty_upload_may_fail() -> None:
    """The switch for the text of v1."""
    with Org(empty_upload_fails=True) as org:
        assert org.load("")["errorMessage"] == "InvalidBatch : Records not found"


@fact("line-ending-mismatch", "line-ending-not-detected")
@pytest.mark.parametrize(("setting", "ending"), [("LF", "\r\n"), ("CRLF", "\n")])
def test_a_file_with_the_other_line_ending_fails_and_nothing_is_written(org: Org, setting: str, ending: str) -> None:
    """The error names the setting of the job."""
    job = org.load(f"Name{ending}Acme{ending}", lineEnding=setting)
    assert (job["state"], job["errorMessage"]) == ("Failed", LINE_ENDING.format(setting))
    assert org.server.org.count("Account") == 0


@fact("newline-in-quotes")
@pytest.mark.parametrize(("setting", "ending"), [("LF", "\n"), ("CRLF", "\r\n")])
def test_a_newline_inside_quotes_belongs_to_the_cell(org: Org, setting: str, ending: str) -> None:
    """Of its own kind, and by default of the other kind too."""
    text = f'Name,Description{ending}Acme,"one\n\n""two""\r\nthree"{ending}'
    job = org.load(text, lineEnding=setting)
    assert job["numberRecordsProcessed"] == 1
    assert org.server.org.records("Account")[0]["Description"] == 'one\n\n"two"\r\nthree'


def test_newlines_inside_quotes_can_be_judged_too() -> None:
    """The switch for the reports that they trip the check."""
    with Org(line_endings_in_quotes=True) as org:
        assert org.load('Name,Site\nAcme,"a\r\nb"\n')["errorMessage"] == LINE_ENDING.format("LF")
        assert org.load('Name,Site\nAcme,"a\nb"\n')["state"] == "JobComplete"


def test_a_crlf_file_may_have_to_end_in_crlf() -> None:
    """The switch for a single report; by default the last row needs no ending."""
    text = "Name\r\nAcme"
    with Org() as org:
        assert org.load(text, lineEnding="CRLF")["numberRecordsProcessed"] == 1
    with Org(crlf_at_end_required=True) as org:
        assert org.load(text, lineEnding="CRLF")["errorMessage"] == LINE_ENDING.format("CRLF")


@pytest.mark.parametrize("text", ["Name\nAcme\n\nBeta\n\n", "Name\n\n\nAcme\nBeta", '"Name"\n"Acme"\n\n"Beta"\n'])
def test_blank_lines_are_no_rows(org: Org, text: str) -> None:
    """In the middle, at the end, after quotes."""
    assert org.load(text)["numberRecordsProcessed"] == 2


def multipart(job: str, content: str, *, gap: str = "\r\n\r\n", end: str = "\r\n") -> str:
    """A body as the guide prints it."""
    first = f'--XX{end}Content-Type: application/json{end}Content-Disposition: form-data; name="job"{gap}{job}{end}'
    second = f'--XX{end}Content-Type: text/csv{end}Content-Disposition: form-data; name="content"; filename="content"'
    return f"{first}{second}{gap}{content}{end}--XX--{end}"


JOB = '{"object":"Account","contentType":"CSV","operation":"insert"}'
FORM = {"Content-Type": "multipart/form-data; boundary=XX"}


@fact("multipart-create", "multipart-keys", "multipart-part-names")
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_job_and_data_go_in_one_request(org: Org, end: str) -> None:
    """The answer is closed already, without contentUrl and jobType; no PUT and no PATCH follow."""
    made = org.call("POST", "/jobs/ingest", multipart(JOB, "Name\nAcme\n", gap=end * 2, end=end), FORM)
    assert (made.status, made.json["state"]) == (200, "UploadComplete")
    assert list(made.json)[-3:] == ["apiVersion", "lineEnding", "columnDelimiter"]
    assert org.info(made.json["id"])["numberRecordsProcessed"] == 1
    assert org.server.org.has("Account", Name="Acme")


@fact("multipart-part-names")
def test_a_multipart_body_with_a_wrong_form_makes_no_job(org: Org) -> None:
    """A part missing, no blank line before the content, no boundary."""
    for body, headers in (
        (multipart(JOB, "x").replace('name="content"', 'name="data"'), FORM),
        (multipart(JOB, "x", gap="\r\n"), FORM),
        (multipart(JOB, "x"), {"Content-Type": "multipart/form-data"}),
        ("--XX--\r\n", FORM),
    ):
        assert org.call("POST", "/jobs/ingest", body, headers).error[:2] == (400, "API_ERROR")
    assert org.call("GET", "/jobs/ingest").json["records"] == []


@fact("multipart-cap")
def test_a_multipart_create_holds_100000_characters(org: Org) -> None:
    """Characters, not bytes."""
    fits = "Name\n" + "é" * 99_994 + "\n"
    assert org.call("POST", "/jobs/ingest", multipart(JOB, fits), FORM).status == 200
    assert org.call("POST", "/jobs/ingest", multipart(JOB, fits + "é"), FORM).status == 400
