"""Who a session is: the userinfo endpoint and the identity address (Salesforce Help, 'Query for User Information', 'Identity URLs')."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .wire import Response, json_response

if TYPE_CHECKING:
    from .org import Org


def address(org: Org) -> str:
    """The identity address of the user."""
    return f"{org.instance_url}/id/{org.settings.org_id}/{org.admin}"


def user(org: Org) -> dict[str, Any]:
    """The user's record."""
    return org.saver.tables.get(org.schema.objects["user"], org.admin) or {}


def urls(org: Org) -> dict[str, str]:
    """Where the interfaces of the org are; `{version}` stands for itself."""
    base, short = org.instance_url, org.settings.org_id[:15]
    rest = f"{base}/services/data/v{{version}}/"
    return {
        "enterprise": f"{base}/services/Soap/c/{{version}}/{short}",
        "metadata": f"{base}/services/Soap/m/{{version}}/{short}",
        "partner": f"{base}/services/Soap/u/{{version}}/{short}",
        "rest": rest,
        "sobjects": f"{rest}sobjects/",
        "search": f"{rest}search/",
        "query": f"{rest}query/",
        "recent": f"{rest}recent/",
        "tooling_soap": f"{base}/services/Soap/T/{{version}}/{short}",
        "tooling_rest": f"{rest}tooling/",
        "profile": f"{base}/{org.admin}",
        "feeds": f"{rest}chatter/feeds",
        "groups": f"{rest}chatter/groups",
        "users": f"{rest}chatter/users",
        "feed_items": f"{rest}chatter/feed-items",
        "feed_elements": f"{rest}chatter/feed-elements",
        "custom_domain": base,
    }


def _photos(org: Org) -> dict[str, str]:
    return {"picture": f"{org.instance_url}/profilephoto/005/F", "thumbnail": f"{org.instance_url}/profilephoto/005/T"}


def userinfo(org: Org) -> Response:
    """The answer of `/services/oauth2/userinfo`."""
    record = user(org)
    return json_response({
        "sub": address(org), "user_id": org.admin, "organization_id": org.settings.org_id,
        "preferred_username": record.get("Username"), "nickname": record.get("Alias"), "name": record.get("Name"),
        "email": record.get("Email"), "email_verified": True, "given_name": record.get("FirstName"),
        "family_name": record.get("LastName"), "zoneinfo": "America/Los_Angeles", "photos": _photos(org),
        "profile": f"{org.instance_url}/{org.admin}", "picture": _photos(org)["picture"], "address": {},
        "is_salesforce_integration_user": False, "urls": urls(org), "active": True, "user_type": "STANDARD",
        "language": "en_US", "locale": "en_US", "utcOffset": -28_800_000,
        "updated_at": str(record.get("LastModifiedDate")).replace(".000+0000", "Z"),
    })  # fmt: skip


def by_address(org: Org, path: str) -> Response:
    """The answer of `/id/{organization}/{user}`; ids of 15 characters are understood. Another org is 403, another user 404."""
    match = re.fullmatch(r"/id/(\w{15,18})/(\w{15,18})/?", path)
    if match is None or match[2][:15] != org.admin[:15]:
        return Response(404, b"Bad_Id", {"Content-Type": "text/html;charset=UTF-8"})
    if match[1][:15] != org.settings.org_id[:15]:
        return Response(403, b"Wrong_Org", {"Content-Type": "text/html;charset=UTF-8"})
    record = user(org)
    return json_response({
        "id": address(org), "asserted_user": True, "user_id": org.admin, "organization_id": org.settings.org_id,
        "username": record.get("Username"), "nick_name": record.get("Alias"), "display_name": record.get("Name"),
        "email": record.get("Email"), "email_verified": True, "first_name": record.get("FirstName"),
        "last_name": record.get("LastName"), "timezone": "America/Los_Angeles", "photos": _photos(org),
        "addr_street": None, "addr_city": None, "addr_state": None, "addr_country": None, "addr_zip": None,
        "mobile_phone": None, "mobile_phone_verified": False, "is_lightning_login_user": False,
        "status": {"created_date": None, "body": None}, "urls": urls(org), "active": True, "user_type": "STANDARD",
        "language": "en_US", "locale": "en_US", "utcOffset": -28_800_000,
        "last_modified_date": record.get("LastModifiedDate"),
    })  # fmt: skip
