"""simple-salesforce (Python) over REST: logins, describe, records, queries, collections and composite."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from loadplan.emulator.server import EmbeddedOrg
from simple_salesforce import exceptions
from simple_salesforce.api import Salesforce

from support.clients import client, offline_session

NAME = "simple-salesforce"
USER: dict[str, Any] = {"username": "ada@example.org", "password": "pw"}


@pytest.fixture
def session(org: EmbeddedOrg) -> Iterator[requests.Session]:
    """Sends what is meant for Salesforce to the org."""
    with offline_session(org) as made:
        yield made


@pytest.fixture
def sf(org: EmbeddedOrg, session: requests.Session) -> Any:
    """A client with a token."""
    return Salesforce(instance_url=org.instance_url, session_id=org.access_token(), version="60.0", session=session)


def private_key() -> str:
    """A key to sign with; the org does not look at the signature."""
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form).decode()


@client(NAME, "login")
@pytest.mark.parametrize("flow", ["soap", "soap by organization", "password", "client credentials", "jwt"])
def test_every_login_gives_a_session(session: requests.Session, flow: str) -> None:
    """The session then asks for the limits."""
    app = {"consumer_key": "app", "consumer_secret": "s3cret"}
    given: dict[str, Any] = {
        "soap": {**USER, "security_token": "TOKEN"},
        "soap by organization": {
            "username": "ada@example.org",
            "password": "pwTOKEN",
            "organizationId": "00D000000000001",
        },
        "password": {"username": "ada@example.org", "password": "pwTOKEN", **app},
        "client credentials": {**app, "domain": "acme.my"},
        "jwt": {
            "username": "ada@example.org",
            "consumer_key": "app",
            "privatekey": private_key() if flow == "jwt" else "",
        },
    }[flow]
    sf = Salesforce(version="60.0", session=session, **given)
    assert sf.limits()["DailyBulkApiBatches"]["Max"] == 15_000
    assert sf.api_usage["api-usage"].total == 100_000


@client(NAME, "login")
def test_how_a_login_is_refused(session: requests.Session) -> None:
    """Salesforce's code and words, over SOAP and OAuth; v65 has no login() any more."""
    failed = exceptions.SalesforceAuthenticationFailed
    with pytest.raises(failed, match=r"INVALID_LOGIN.*Invalid username, password, security token"):
        Salesforce(**USER, security_token="no", session=session)
    with pytest.raises(failed, match="INVALID_OPERATION"):
        Salesforce(**USER, security_token="TOKEN", version="65.0", session=session)
    with pytest.raises(failed, match=r"invalid_client_id.*client identifier invalid"):
        Salesforce(consumer_key="x", consumer_secret="y", domain="acme.my", session=session)


@client(NAME, "login")
def test_a_session_that_ended_is_renewed_by_logging_in_again(org: EmbeddedOrg, session: requests.Session) -> None:
    """REST calls do so; with a token that was given there is nothing to log in with."""
    sf: Any = Salesforce(**USER, security_token="TOKEN", session=session)
    before = sf.session_id
    org.faults.expire_tokens()
    assert sf.query("SELECT Id FROM Account")["totalSize"] == 0
    assert sf.session_id != before
    given = Salesforce(instance="x", session_id="00D!dead", session=session)
    with pytest.raises(exceptions.SalesforceExpiredSession):
        given.query("SELECT Id FROM Account")


@client(NAME, "describe")
def test_the_org_its_objects_and_its_limits_are_described(sf: Any) -> None:
    """describe, metadata and describe of an object, is_sandbox, userinfo."""
    assert {"Account", "Contact"} <= {entry["name"] for entry in sf.describe()["sobjects"]}
    fields = {entry["name"]: entry for entry in sf.Account.describe()["fields"]}
    assert fields["Legacy_Id__c"]["externalId"] is True
    assert sf.Account.metadata()["objectDescribe"]["keyPrefix"] == "001"
    assert sf.is_sandbox() is True
    assert sf.oauth2("userinfo")["preferred_username"] == "admin@embedded.example"
    with pytest.raises(exceptions.SalesforceResourceNotFound):
        sf.Nothing__c.describe()


@client(NAME, "records")
def test_a_record_is_made_read_changed_upserted_and_deleted(org: EmbeddedOrg, sf: Any) -> None:
    """Status codes are what the client returns."""
    made = sf.Account.create({"Name": "Acme", "Legacy_Id__c": "A1"})
    assert (made["success"], made["errors"]) == (True, [])
    assert sf.Account.update(made["id"], {"Phone": "1"}) == 204
    assert sf.Account.get(made["id"])["Phone"] == "1"
    assert sf.Account.get_by_custom_id("Legacy_Id__c", "A1")["Id"] == made["id"]
    assert sf.Account.upsert("Legacy_Id__c/A1", {"Site": "x"}) == 200
    assert sf.Account.upsert("Legacy_Id__c/A2", {"Name": "Beta"}) == 201
    assert sf.Contact.create({"LastName": "Doe", "Account": {"Legacy_Id__c": "A2"}})["success"] is True
    assert sf.Account.delete(made["id"]) == 204
    assert org.org.count("Account") == 1


@client(NAME, "records")
def test_how_a_record_is_refused(sf: Any) -> None:
    """400 and 404 with Salesforce's words; two records of one key are 300."""
    malformed = exceptions.SalesforceMalformedRequest
    with pytest.raises(malformed, match="REQUIRED_FIELD_MISSING"):
        sf.Account.create({"Site": "x"})
    with pytest.raises(malformed, match="No such column 'Nope__c' on sobject of type Account"):
        sf.Account.create({"Name": "x", "Nope__c": 1})
    with pytest.raises(malformed, match="JSON_PARSER_ERROR"):
        sf.Opportunity.create({"Name": "x", "StageName": "New", "CloseDate": "soon"})
    gone = sf.Account.create({"Name": "x"})["id"]
    sf.Account.delete(gone)
    with pytest.raises(exceptions.SalesforceResourceNotFound, match="entity is deleted"):
        sf.Account.get(gone)
    for _ in range(2):
        sf.Contact.create({"LastName": "x", "Email": "a@example.org"})
    with pytest.raises(exceptions.SalesforceMoreThanOneRecord):
        sf.Contact.get_by_custom_id("Email", "a@example.org")


@client(NAME, "REST query")
def test_a_query_is_followed_page_by_page(sf: Any) -> None:
    """query, query_more by address and by locator, query_all and its iterator, deleted rows too."""
    rows = [{"Name": f"Account {n:02d}"} for n in range(25)]
    sf.bulk2.Account.insert(records=rows, wait=0)
    first = sf.query("SELECT Id, Name FROM Account ORDER BY Name")
    assert (first["totalSize"], first["done"], len(first["records"])) == (25, False, 10)
    second = sf.query_more(first["nextRecordsUrl"], identifier_is_url=True)
    third = sf.query_more(second["nextRecordsUrl"].rpartition("/")[2])
    assert (len(second["records"]), len(third["records"]), third["done"]) == (10, 5, True)
    names = [record["Name"] for record in sf.query_all_iter("SELECT Name FROM Account ORDER BY Name")]
    assert names == [row["Name"] for row in rows]
    sf.Account.delete(first["records"][0]["Id"])
    assert sf.query_all("SELECT Id FROM Account")["totalSize"] == 24
    assert len(sf.query_all("SELECT Id FROM Account", include_deleted=True)["records"]) == 25
    assert sf.query("SELECT COUNT() FROM Account")["totalSize"] == 24
    with pytest.raises(exceptions.SalesforceMalformedRequest, match="MALFORMED_QUERY"):
        sf.query("SELEKT Id FROM Account")


@client(NAME, "collections")
def test_collections_and_composite_by_the_general_call(org: EmbeddedOrg, sf: Any) -> None:
    """The client has no methods for them; `restful` sends them."""
    records = [{"attributes": {"type": "Account"}, "Name": name} for name in ("A", "", "C")]
    made = sf.restful("composite/sobjects", method="POST", json={"allOrNone": False, "records": records})
    assert [entry["success"] for entry in made] == [True, False, True]
    base = "/services/data/v60.0/sobjects"
    calls = [
        {"method": "POST", "url": f"{base}/Account", "referenceId": "a", "body": {"Name": "Parent"}},
        {
            "method": "POST",
            "url": f"{base}/Contact",
            "referenceId": "c",
            "body": {"LastName": "X", "AccountId": "@{a.id}"},
        },
    ]
    done = sf.restful("composite", method="POST", json={"allOrNone": True, "compositeRequest": calls})
    assert [entry["httpStatusCode"] for entry in done["compositeResponse"]] == [201, 201]
    assert org.org.records("Contact")[0]["AccountId"] == done["compositeResponse"][0]["body"]["id"]
