"""How a lookup is written, and which object it points at, as far as names tell."""

from __future__ import annotations

import pytest
from loadplan.plan.model import Lookup
from loadplan.plan.relationships import STANDARD, Misspelt, read_lookup, relationships_of, targets_of


@pytest.mark.parametrize(
    ("object_name", "header"),
    [
        ("Contact", "Account.Legacy_Id__c"),
        ("Contact", "ReportsTo.Email"),
        ("Account", "Parent.Key__c"),
        ("Case", "Parent.Key__c"),
        ("Region__c", "Parent__r.Code__c"),
        ("Task", "Contact:Who.Key__c"),
        ("Task", "Lead:Who.Email"),
        ("Event", "Account:What.Key__c"),
        ("Task", "Project__c:What.Key__c"),
        ("Lead", "User:Owner.Username"),
        ("Case", "Group:Owner.Name"),
        ("Account", "Owner.Username"),
        ("Project__c", "User:Owner.Username"),
        ("Project__c", "Owner.Username"),
        ("Case", "RecordType.DeveloperName"),
        ("Attachment", "Account:Parent.Key__c"),
        ("EmailMessage", "Case:RelatedTo.Key__c"),
        ("Contact", "ns__Region__r.ns__Key__c"),
        ("Account", "Manager__pr.Key__c"),
        ("task", "Contact:Who.Key__c"),
        ("ContentDocumentLink", "Account:LinkedEntity.Key__c"),
    ],
)
def test_a_lookup_that_salesforce_takes_is_taken(object_name: str, header: str) -> None:
    """The plain form, custom relationships, and a type in front where there may be several."""
    found = read_lookup(header, "c", object_name)
    assert isinstance(found, Lookup), found
    assert (found.header, found.column) == (header, "c")
    assert header == (f"{found.object_type}:" if found.object_type else "") + f"{found.relationship}.{found.field}"


@pytest.mark.parametrize(
    ("object_name", "header", "right"),
    [
        # the relationship where the type belongs
        ("Task", "Who:Contact.X", "`Contact:Who.X`"),
        ("Event", "What:Account.Key__c", "`Account:What.Key__c`"),
        ("Task", "who:Contact.X", "`Contact:Who.X`"),
        ("Lead", "Owner:User.Username", "`User:Owner.Username`"),
        ("Account", "Owner:User.Username", "`Owner.Username`"),
        ("Project__c", "Owner:User.Username", "`User:Owner.Username`"),
        ("EmailMessage", "RelatedTo:Case.Key__c", "`Case:RelatedTo.Key__c`"),
        ("Account", "Parent:Account.Key__c", "`Parent.Key__c`"),
        ("Attachment", "Parent:Account.Key__c", "`Account:Parent.Key__c`"),
        ("Contact", "Who:Contact.X", "`Contact:Who.X`"),
        ("Account", "Primary_Contact__r:Contact.Key__c", "`Primary_Contact__r.Key__c`"),
        ("Task", "Who:What.X", "with the object's name"),
        # a type where there is only one object
        ("Contact", "Account:Account.Key__c", "`Account.Key__c`"),
        ("Account", "Contact:Primary_Contact__r.Key__c", "`Primary_Contact__r.Key__c`"),
        ("Case", "Case:Parent.Key__c", "`Parent.Key__c`"),
        ("Opportunity", "User:Owner.Username", "`Owner.Username`"),
        # no type where there may be several
        ("Task", "Who.Key__c", "`Contact:Who.Key__c` or `Lead:Who.Key__c`"),
        ("Event", "What.Key__c", "for example `Account:What.Key__c`"),
        ("Lead", "Owner.Username", "`User:Owner.Username` or `Group:Owner.Username`"),
        # a type that the relationship cannot point at
        ("Task", "Account:Who.Key__c", "`Account:What.Key__c`"),
        ("Task", "Contact:What.Key__c", "`Contact:Who.Key__c`"),
        ("Case", "Account:Owner.Key__c", "`User:Owner.Key__c`"),
        # a field where the relationship belongs
        ("Contact", "Region__c.Key__c", "`Region__r.Key__c`"),
        ("Contact", "AccountId.Key__c", "`Account.Key__c`"),
        ("Task", "Contact:WhoId.Key__c", "`Contact:Who.Key__c`"),
        ("Contact", "Account.Region__r", "`Account.Region__c`"),
        # not the form of a lookup
        ("Contact", "AccountId", "`Account.Legacy_Id__c`"),
        ("Contact", "Region__c", "`Region__r.Legacy_Id__c`"),
        ("Task", "Who.Contact.Key__c", "`Contact:Who.Key__c`"),
        ("Contact", "Account.Owner.Username", "`Account.…`"),
        ("Contact", "Account:Parent:Key__c", "Relationship.Field"),
        ("Contact", ":Account.Key__c", "Relationship.Field"),
        ("Contact", "", "Relationship.Field"),
        ("Contact", "Account.Key c", "Relationship.Field"),
        ("Contact", 'A"].x', "Relationship.Field"),
        ("Contact", "Account.Key__c\n", "Relationship.Field"),
    ],
)
def test_a_lookup_that_salesforce_refuses_has_the_right_spelling_as_its_hint(
    object_name: str, header: str, right: str
) -> None:
    """A job would fail as a whole, or every row, after all its rows have been sent."""
    found = read_lookup(header, "c", object_name)
    assert isinstance(found, Misspelt)
    assert found.summary
    assert right in found.hint


@pytest.mark.parametrize("object_name", STANDARD)
def test_what_a_hint_proposes_is_taken(object_name: str) -> None:
    """Every relationship in the table, swapped or without its type, has a hint that is a lookup."""
    for relationship, targets in relationships_of(object_name).items():
        some = "Account" if targets == ("*",) else targets[0]
        for header in (f"{relationship}:{some}.Key__c", f"{relationship}.Key__c", f"{some}:{relationship}.Key__c"):
            found = read_lookup(header, "c", object_name)
            if isinstance(found, Misspelt):
                proposed = found.hint.split("`")[1]
                assert isinstance(read_lookup(proposed, "c", object_name), Lookup), (header, proposed)


@pytest.mark.parametrize(
    ("object_name", "relationship", "object_type", "targets"),
    [
        ("Contact", "Account", None, ("Account",)),
        ("Contact", "ReportsTo", None, ("Contact",)),
        ("Account", "Parent", None, ("Account",)),
        ("CaseComment", "Parent", None, ("Case",)),
        ("Order", "BillToContact", None, ("Contact",)),
        ("Task", "Who", "Lead", ("Lead",)),
        ("Task", "What", None, ()),
        ("Visit__c", "Account__r", None, ("Account__c", "Account")),
        ("User", "Manager", None, ("User",)),
        ("Region__c", "Parent__r", None, ("Parent__c", "Region__c")),
        ("Visit__c", "ns__Area__r", None, ("ns__Area__c", "ns__Area")),
        ("Unknown", "Something", None, ("Something",)),
        ("contact", "account", None, ("Account",)),
    ],
)
def test_a_relationship_leads_to_the_objects_its_name_tells(
    object_name: str, relationship: str, object_type: str | None, targets: tuple[str, ...]
) -> None:
    """Standard names from the table, custom ones by their own name, the likeliest first."""
    assert targets_of(object_name, relationship, object_type) == targets
