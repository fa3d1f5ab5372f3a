"""orgs.yaml: read through the strict door, held to its schema and to the rules that a schema cannot say, one function each.

Two things set it apart from a plan. It is where a secret would be written by mistake, so a line that may hold one is never
quoted. And an org is used long after it was written down, so an entry is judged whole when the file is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadplan.diagnostics import Diagnostic, in_order
from loadplan.errors import InvalidInputError, OrgError
from loadplan.salesforce.auth.base import FLOW_KEYS
from loadplan.salesforce.origins import check_login_url, check_origin

if TYPE_CHECKING:
    from loadplan.plan.document import Document, KeyPath

RESERVED = {"embedded": "a local org that needs no entry", "env": "SF_ACCESS_TOKEN and SF_ORG_INSTANCE_URL"}
PLAIN = {"flow", "login_url", "alias", "client_id", "username"}
"""Keys of `auth` whose values may stand in the file."""
REFERENCES = {"env", "file_env", "file"}
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def read_entries(path: Path) -> dict[str, Any]:
    """The entries of orgs.yaml by name, {} when there is no such file. Raises `InvalidInputError` with every problem."""
    entries: dict[str, Any] = read_orgs_file(path).get("orgs", {})
    return entries


def read_orgs_file(path: Path) -> dict[str, Any]:
    """The whole of orgs.yaml, {} when there is no such file. Raises `InvalidInputError` with every problem."""
    if not path.is_file():
        return {}
    from loadplan.plan.document import read_document
    from loadplan.plan.schema import check_schema

    document, problems = read_document(_as_seen(path))
    if document is None:
        problems = [replace(p, quote=False) for p in problems]
    else:
        problems = _check(document, problems or check_schema(document, "orgs"))
    if document is None or problems:
        count = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
        raise InvalidInputError(
            f"{path.name} has {count}; no org was asked", problems, next_commands=["loadplan schema orgs"]
        )
    data: dict[str, Any] = document.data
    return data


def _as_seen(path: Path) -> Path:
    """The path as a person would type it from here."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path


def _check(document: Document, problems: list[Diagnostic]) -> list[Diagnostic]:
    bare = list(_bare_secrets(document))
    hidden = {d.place for d in bare}
    lines = {place.line for place in hidden}
    problems = bare + [p for p in problems if p.place not in hidden]
    if not problems:
        problems = [
            p for name, entry in document.data["orgs"].items() for rule in RULES for p in rule(document, name, entry)
        ]
    return [replace(p, quote=False) if p.place.line in lines else p for p in in_order(problems)]


def _bare_secrets(document: Document) -> Iterator[Diagnostic]:
    """Every text that stands where only the place of a secret may stand: under `auth`, and as the key of masks. Never
    shown."""
    for path, value in _secrets(document.data):
        key = path[-1]
        for where, inner in _texts(value, path):
            if where[-1] in REFERENCES and len(where) == len(path) + 1 and _names_a_place(str(where[-1]), inner):
                continue
            yield Diagnostic(
                "LP0413", f"`{key}` holds a text where only the place of a secret may stand", document.place(where),
                hint=f"{key}: {{env: NAME}}, {{file_env: NAME}} or {{file: path}}", quote=False,
            )  # fmt: skip


def _secrets(data: Any) -> Iterator[tuple[KeyPath, Any]]:
    """What may hold a secret, with its path, whatever shape the file has."""
    if not isinstance(data, dict):
        return
    if "mask_key" in data:
        yield ("mask_key",), data["mask_key"]
    entries = data.get("orgs")
    for name, entry in entries.items() if isinstance(entries, dict) else ():
        auth = entry.get("auth") if isinstance(entry, dict) else None
        for key, value in auth.items() if isinstance(auth, dict) else ():
            if key not in PLAIN or isinstance(value, dict):
                yield ("orgs", name, "auth", key), value


def _texts(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    """Each scalar under `value` with its path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _texts(inner, (*path, number))
    elif value is not None:
        yield path, value


def _names_a_place(key: str, value: object) -> bool:
    if not isinstance(value, str) or "\n" in value:
        return False
    return key == "file" or bool(VARIABLE.match(value))


# -- rules: (document, name of the org, its entry) -> problems -----------------------------------------------------

Rule = Callable[["Document", str, dict[str, Any]], Iterator[Diagnostic]]


def name_is_not_reserved(document: Document, name: str, entry: dict[str, Any]) -> Iterator[Diagnostic]:
    """An entry called `embedded` would never be read."""
    if name in RESERVED:
        place = document.key_place(("orgs", name))
        hint = f"`-o {name}` always means {RESERVED[name]}: choose another name"
        yield Diagnostic("LP0206", f"`{name}` is a reserved name", place, hint=hint)


def embedded_stands_alone(document: Document, name: str, entry: dict[str, Any]) -> Iterator[Diagnostic]:
    """An embedded org has no address, no credentials and no guard."""
    if "embedded" not in entry:
        return
    for key in ("auth", "instance_url", "organization_id", "production"):
        if key in entry:
            place = document.key_place(("orgs", name, key))
            yield Diagnostic(
                "LP0205", f"`{key}` does not belong to an embedded org", place, hint="remove one of the two"
            )


def instance_is_named(document: Document, name: str, entry: dict[str, Any]) -> Iterator[Diagnostic]:
    """Only the sf CLI knows by itself where its orgs are."""
    auth = entry.get("auth")
    if auth and auth["flow"] != "sf-cli" and "instance_url" not in entry:
        place = document.key_place(("orgs", name))
        hint = "add `instance_url:`, for example `instance_url: https://acme.my.salesforce.com`"
        yield Diagnostic("LP0202", f"`{name}` lacks `instance_url`", place, hint=hint)


def urls_can_be_trusted(document: Document, name: str, entry: dict[str, Any]) -> Iterator[Diagnostic]:
    """Tokens and credentials go to Salesforce, or to a loopback address."""
    checks: list[tuple[KeyPath, Any, Callable[[str], str]]] = [
        (("orgs", name, "instance_url"), entry.get("instance_url"), check_origin),
        (("orgs", name, "auth", "login_url"), entry.get("auth", {}).get("login_url"), check_login_url),
    ]
    for path, url, check in checks:
        try:
            if url is not None:
                check(url)
        except OrgError as error:
            private = "@" in url
            yield Diagnostic("LP0404", error.summary, document.place(path), hint=error.hint or "", quote=not private)


def keys_belong_to_the_flow(document: Document, name: str, entry: dict[str, Any]) -> Iterator[Diagnostic]:
    """A key without effect is a mistake about the flow."""
    auth = entry.get("auth", {})
    for key in auth:
        allowed = FLOW_KEYS[auth["flow"]]
        if key != "flow" and key not in allowed:
            place = document.key_place(("orgs", name, "auth", key))
            hint = f"{auth['flow']} takes {', '.join(allowed)}"
            yield Diagnostic("LP0205", f"`{key}` does not belong to the flow {auth['flow']}", place, hint=hint)


RULES: tuple[Rule, ...] = (
    name_is_not_reserved, embedded_stands_alone, instance_is_named, urls_can_be_trusted,
    keys_belong_to_the_flow,
)  # fmt: skip
