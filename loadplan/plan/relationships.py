"""How a lookup is written, and which object it points at, as far as names tell without an org. Pure.

Bulk API 2.0 Developer Guide, "Relationship Fields in a Header Row": `Relationship.Field`, one level; with the object's type in
front (`Type:Relationship.Field`) when, and only when, the relationship may point at several objects. Which relationships a
standard object has is from the Object Reference. What is not in these tables is left to the org: a custom relationship
(`Region__r`) tells nothing certain about its object, so it is taken for `Region__c`, or for the standard object `Region`.
"""

from __future__ import annotations

import re
from functools import cache

from loadplan.lean import dataclass
from loadplan.plan.model import Lookup

STANDARD = {
    "Account": "Parent=Account",
    "AccountContactRelation": "Account Contact",
    "AccountContactRole": "Account Contact",
    "AccountTeamMember": "Account User",
    "Asset": "Account Contact Product2 Parent=Asset RootAsset=Asset",
    "AssetRelationship": "Asset RelatedAsset=Asset",
    "Attachment": "Parent=*",
    "Campaign": "Parent=Campaign",
    "CampaignMember": "Campaign Contact Lead Account",
    "Case": "Account Contact Asset Parent=Case Entitlement ServiceContract",
    "CaseComment": "Parent=Case",
    "CaseTeamMember": "Parent=Case",
    "Contact": "Account ReportsTo=Contact Individual",
    "ContentDocumentLink": "ContentDocument LinkedEntity=*",
    "ContentVersion": "ContentDocument FirstPublishLocation=*",
    "Contract": "Account Pricebook2 CustomerSigned=Contact CompanySigned=User",
    "ContractContactRole": "Contract Contact",
    "ContractLineItem": "ServiceContract PricebookEntry Asset ParentContractLineItem=ContractLineItem",
    "EmailMessage": "RelatedTo=* Parent=Case",
    "Entitlement": "Account Asset ServiceContract ContractLineItem",
    "EntityMilestone": "ParentEntity=*",
    "Event": "Who=Contact|Lead What=*",
    "EventRelation": "Event Relation=*",
    "FeedItem": "Parent=*",
    "GroupMember": "Group UserOrGroup=User|Group",
    "Lead": "ConvertedAccount=Account ConvertedContact=Contact ConvertedOpportunity=Opportunity Individual",
    "Note": "Parent=*",
    "Opportunity": "Account Campaign Pricebook2 Contract",
    "OpportunityContactRole": "Opportunity Contact",
    "OpportunityLineItem": "Opportunity PricebookEntry Product2",
    "OpportunityLineItemSchedule": "OpportunityLineItem",
    "OpportunityTeamMember": "Opportunity User",
    "Order": "Account Contract Opportunity Pricebook2 Quote OriginalOrder=Order BillToContact=Contact ShipToContact=Contact "
    "CustomerAuthorizedBy=Contact CompanyAuthorizedBy=User",
    "OrderItem": "Order PricebookEntry Product2 OriginalOrderItem=OrderItem QuoteLineItem",
    "Partner": "AccountFrom=Account AccountTo=Account Opportunity",
    "PermissionSetAssignment": "Assignee=User PermissionSet PermissionSetGroup",
    "PricebookEntry": "Pricebook2 Product2",
    "Quote": "Opportunity Account Contact Contract Pricebook2",
    "QuoteLineItem": "Quote PricebookEntry Product2 OpportunityLineItem",
    "ReturnOrder": "Account Contact Case Order",
    "ReturnOrderLineItem": "ReturnOrder OrderItem Product2 Asset",
    "ServiceAppointment": "ParentRecord=* Account Contact",
    "ServiceContract": "Account Contact Pricebook2 ParentServiceContract=ServiceContract",
    "Task": "Who=Contact|Lead What=*",
    "TaskRelation": "Task Relation=*",
    "TopicAssignment": "Topic Entity=*",
    "User": "Profile UserRole Manager=User Contact Account",
    "UserRole": "ParentRole=UserRole",
    "WorkOrder": "Account Contact Case Asset Entitlement ServiceContract Pricebook2 ParentWorkOrder=WorkOrder",
    "WorkOrderLineItem": "WorkOrder Asset PricebookEntry Product2 ParentWorkOrderLineItem=WorkOrderLineItem",
}  # fmt: skip
"""Object -> its relationships: the name alone when it is also the object's, else `Name=Object`; `A|B` and `*` (many) are
polymorphic."""

EVERYWHERE = {"CreatedBy": "User", "LastModifiedBy": "User", "RecordType": "RecordType"}
ONE_OWNER = frozenset({"account", "campaign", "contact", "contract", "opportunity"})
MANY_OWNERS = frozenset({"case", "lead"})
"""Objects whose `Owner` is only a user, and those whose `Owner` may be a queue. Of other objects it is not known here."""

_NAME = r"[A-Za-z][A-Za-z0-9_]*"
_LOOKUP = re.compile(rf"(?:(?P<type>{_NAME}):)?(?P<relationship>{_NAME})\.(?P<field>{_NAME})\Z")
_TWO_DOTS = re.compile(rf"({_NAME})\.({_NAME})\.({_NAME})\Z")
_ALONE = re.compile(rf"({_NAME})\Z")
_FORM = "write `Relationship.Field`, or `ObjectType:Relationship.Field` when it may point at several objects"


@dataclass(frozen=True)
class Misspelt:
    """Why a text is not a lookup, and what to write."""

    summary: str
    hint: str


@cache
def relationships_of(object_name: str) -> dict[str, tuple[str, ...]]:
    """The known relationships of a standard object by their names in lower case; `("*",)` points at many objects."""
    listed = next((v for k, v in STANDARD.items() if k.lower() == object_name.lower()), "")
    found: dict[str, tuple[str, ...]] = {k.lower(): (v,) for k, v in EVERYWHERE.items()}
    for word in listed.split():
        name, sign, targets = word.partition("=")
        found[name.lower()] = tuple(targets.split("|")) if sign else (name,)
    if object_name.lower() in ONE_OWNER:
        found["owner"] = ("User",)
    elif object_name.lower() in MANY_OWNERS:
        found["owner"] = ("User", "Group")
    return found


@cache
def polymorphic_names() -> dict[str, str]:
    """Relationship names that no object has, in lower case, and their spelling."""
    names = {"owner": "Owner", "parent": "Parent"}
    for listed in STANDARD.values():
        for word in listed.split():
            name, sign, targets = word.partition("=")
            if sign and (targets == "*" or "|" in targets):
                names[name.lower()] = name
    return names


def is_polymorphic(object_name: str, relationship: str) -> bool | None:
    """Whether a relationship may point at several objects; None when it cannot be known here."""
    if _is_custom(relationship):
        return False
    targets = relationships_of(object_name).get(relationship.lower())
    return None if targets is None else targets == ("*",) or len(targets) > 1


def _is_custom(relationship: str) -> bool:
    return relationship.lower().endswith(("__r", "__pr"))


def targets_of(object_name: str, relationship: str, object_type: str | None = None) -> tuple[str, ...]:
    """The objects a lookup may point at, the likeliest first. `object_name` is the object that has the relationship."""
    if object_type:
        return (object_type,)
    lowered = relationship.lower()
    if _is_custom(relationship):
        bare = relationship[: lowered.rindex("__")]
        return (f"{bare}__c", object_name if bare.lower() == "parent" else bare)
    known = relationships_of(object_name).get(lowered)
    if known is not None:
        return () if known == ("*",) else known
    if lowered == "parent":
        return (object_name,)
    return (relationship,)


def likely_object(relationship: str, objects: dict[str, str]) -> str | None:
    """The object that a custom relationship names with its last words (`Primary_Contact__r`: `Contact`), of `objects` (in
    lower case: as written); None when there is none, or the name says more than that."""
    if not _is_custom(relationship):
        return None
    words = relationship[: relationship.rindex("__")].lower().split("_")
    for at in range(1, len(words)):
        tail = "_".join(words[at:])
        for name in (f"{tail}__c", tail):
            if name in objects:
                return objects[name]
    return None


def read_lookup(header: str, column: str, object_name: str) -> Lookup | Misspelt:
    """A lookup as the plan writes it, or what is wrong with it as far as that is known without an org."""
    found = _LOOKUP.match(header)
    if not found:
        return _malformed(header, object_name)
    kind, relationship, field = found["type"], found["relationship"], found["field"]
    wrong = _not_a_relationship(kind, relationship, field) or (
        _swapped(kind, relationship, field, object_name) or _wrong_type(kind, relationship, field, object_name)
        if kind
        else _lacks_type(relationship, field, object_name)
    )
    return wrong or Lookup(header, column, relationship, field, kind)


def _malformed(header: str, object_name: str) -> Misspelt:
    dots, alone = _TWO_DOTS.match(header), _ALONE.match(header)
    if dots:
        first, second, field = dots.groups()
        if first.lower() in polymorphic_names() and is_polymorphic(object_name, first) is not False:
            return Misspelt(
                f"`{header}` is not a lookup", f"write `{second}:{polymorphic_names()[first.lower()]}.{field}`"
            )
        return Misspelt(f"`{header}` goes over two objects", f"a lookup goes to the next object only: `{first}.…`")
    if alone:
        name = header[:-2] if header.endswith("Id") and len(header) > 2 else re.sub(r"__c\Z", "__r", header)
        return Misspelt(
            f"`{header}` is not a lookup", f"name the parent's external id too, for example `{name}.Legacy_Id__c`"
        )
    return Misspelt(f"`{header}` is not a lookup", _FORM)


def _not_a_relationship(kind: str | None, relationship: str, field: str) -> Misspelt | None:
    """A field where the relationship should stand, or the other way round."""
    front = f"{kind}:" if kind else ""
    right = ""
    if relationship.lower().endswith("__c"):
        right = f"{front}{relationship[:-1]}r.{field}"
    elif relationship.endswith("Id") and _is_known(relationship[:-2]):
        right = f"{front}{relationship[:-2]}.{field}"
    elif field.lower().endswith("__r"):
        return Misspelt(f"`{field}` is a relationship, not a field", f"write `{front}{relationship}.{field[:-1]}c`")
    return Misspelt(f"`{relationship}` is a field, not a relationship", f"write `{right}`") if right else None


def _is_known(name: str) -> bool:
    lowered = name.lower()
    return lowered in polymorphic_names() or any(
        lowered == k.lower() or lowered in relationships_of(k) for k in STANDARD
    )  # fmt: skip


def _swapped(kind: str, relationship: str, field: str, object_name: str) -> Misspelt | None:
    """`Who:Contact.X` for `Contact:Who.X`: the object's type stands first."""
    if kind.lower() not in polymorphic_names() and not _is_custom(kind):
        return None
    spelled = polymorphic_names().get(kind.lower(), kind)
    if relationship.lower() in polymorphic_names():
        hint = f"write `ObjectType:{polymorphic_names()[relationship.lower()]}.{field}` with the object's name"
        return Misspelt(f"`{kind}` is a relationship, not an object", hint)
    one = is_polymorphic(object_name, spelled) is False or (
        spelled == "Parent" and is_polymorphic(object_name, spelled) is None
    )
    right = f"{spelled}.{field}" if one else f"{relationship}:{spelled}.{field}"
    return Misspelt(f"`{kind}` is a relationship, not an object: the object's type stands first", f"write `{right}`")


def _wrong_type(kind: str, relationship: str, field: str, object_name: str) -> Misspelt | None:
    """A type where there is only one, or one that the relationship cannot point at."""
    if is_polymorphic(object_name, relationship) is False:
        summary = f"`{relationship}` points at one object only, and Salesforce refuses a type in front of it"
        return Misspelt(summary, f"write `{relationship}.{field}`")
    targets = relationships_of(object_name).get(relationship.lower(), ())
    people = ("contact", "lead")
    if relationship.lower() == "what" and targets == ("*",) and kind.lower() in people:
        return Misspelt(f"`What` cannot point at a {kind}", f"write `{kind}:Who.{field}`")
    if len(targets) > 1 and kind.lower() not in {t.lower() for t in targets}:
        other = f"{kind}:What.{field}" if relationship.lower() == "who" else f"{targets[0]}:{relationship}.{field}"
        return Misspelt(f"`{relationship}` points at {' or '.join(targets)}, not at `{kind}`", f"write `{other}`")
    return None


def _lacks_type(relationship: str, field: str, object_name: str) -> Misspelt | None:
    if not is_polymorphic(object_name, relationship):
        return None
    targets = relationships_of(object_name)[relationship.lower()]
    shown = " or ".join(f"`{t}:{relationship}.{field}`" for t in (("Account",) if targets == ("*",) else targets))
    hint = f"write {'for example ' if targets == ('*',) else ''}{shown}"
    return Misspelt(f"`{relationship}` may point at several objects, and must say at which", hint)
