"""The records that an org has before anyone loads: its user, itself, a price book, and the record types of its descriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .records import ADMIN_ID
from .wire import id18, make_id

if TYPE_CHECKING:
    from .org import Org


def first_records(org: Org, now: float) -> None:
    """The user, the organization and the standard price book."""
    kinds = org.schema.objects
    user = {"Username": org.username, "LastName": "User", "FirstName": "Admin", "Email": org.username,
            "Alias": "admin", "IsActive": True}  # fmt: skip
    org.saver.put(kinds["user"], user, now, ADMIN_ID)
    org.store.next("id:User")
    organization = {"Id": org.settings.org_id, "Name": "Embedded Org", "IsSandbox": org.settings.is_sandbox,
                    "InstanceName": org.settings.instance_name, "OrganizationType": "Developer Edition",
                    "IsDeleted": False}  # fmt: skip
    columns = [f'"{name}"' for name in organization]
    org.saver.tables.insert(kinds["organization"], columns, {}, [list(organization.values())])
    book = make_id("01s", org.store.next("id:Pricebook2"))
    org.saver.put(kinds["pricebook2"], {"Name": "Standard Price Book", "IsActive": True}, now, book)
    org.saver.tables.update(kinds["pricebook2"], ['"IsStandard"'], [(True, book)])


def add_record_types(org: Org, now: float) -> None:
    """The record types that descriptions name, under their ids."""
    record_types = org.schema.objects["recordtype"]
    for kind in org.schema.objects.values():
        for info in kind.raw["recordTypeInfos"]:
            record = id18(str(info["recordTypeId"]))
            if info.get("master") or org.saver.tables.get(record_types, record) is not None:
                continue
            name = str(info.get("name") or info["developerName"])
            values = {"Name": name, "DeveloperName": str(info.get("developerName") or name),
                      "SobjectType": kind.name, "IsActive": bool(info.get("active", True))}  # fmt: skip
            org.saver.put(record_types, values, now, record)
