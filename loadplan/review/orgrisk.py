"""Orgrisk: which class a change of orgs.yaml has (contract §6). Deterministic; texts under `auth` are never shown.

An org is the same org under another name when its address, its id or its alias is: guards that a rename leaves behind are guards lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from loadplan.review.meaning import Change
from loadplan.salesforce.orgs import DEFAULT_ALLOW

Entry = Mapping[str, Any]
KNOWN = frozenset(
    {"instance_url", "organization_id", "embedded", "auth", "production", "allow", "limits", "sql_sources"}
)


def org_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """What orgs.yaml lets plans do now."""
    if bool(before.get("sql_sources")) != bool(after.get("sql_sources")):
        risk = "R3" if after.get("sql_sources") else "R2"
        yield _changed(
            "orgs.yaml.sql_sources", _yes(before, "sql_sources"), _yes(after, "sql_sources"), risk, "SQL over files"
        )
    if before.get("mask_key") != after.get("mask_key"):
        why = "masked values become others, and masked keys find other records"
        yield _changed("orgs.yaml.mask_key", "", "", "R3", why)
    old, new = before.get("orgs") or {}, after.get("orgs") or {}
    gone, come = [n for n in sorted(old) if n not in new], [n for n in sorted(new) if n not in old]
    was = {name: _twin(name, new[name], old, gone, come) for name in come}
    for name in sorted({*old, *new}):
        if name in come:
            yield from _added(name, new[name], was[name], old)
        elif name in gone:
            yield from _removed(name, old[name], renamed=name in was.values())
        elif old[name] != new[name]:
            yield from _org(name, old[name], new[name])


def _twin(name: str, entry: Entry, old: Mapping[str, Entry], gone: list[str], come: list[str]) -> str | None:
    """What an org that is new was called before, or is called as well; where one went and one came, that one."""
    same = [n for n in (*gone, *(n for n in sorted(old) if n not in gone)) if _places(old[n]) & _places(entry)]
    if same:
        return same[0]
    return gone[0] if (len(gone), len(come)) == (1, 1) else None


def _places(entry: Entry) -> set[str]:
    """Everything that tells one org from another."""
    found = set()
    if url := entry.get("instance_url"):
        found.add(_url(url))
    if org := entry.get("organization_id"):
        found.add(str(org)[:15])
    auth = entry.get("auth") or {}
    if isinstance(auth, Mapping) and auth.get("alias"):
        found.add(f"alias {auth['alias']}")
    return found


def _url(url: object) -> str:
    return str(url).lower().rstrip("/")


def _added(name: str, entry: Entry, twin: str | None, old: Mapping[str, Entry]) -> Iterator[Change]:
    where = _where(entry)
    if twin is None:
        risk, why = (
            ("R3", "org added, which may hardDelete") if "hardDelete" in _allowed(entry) else ("R2", "org added")
        )
        yield Change(f"orgs.{name}", "", "added", "", where, risk, why)
        return
    yield Change(
        f"orgs.{name}", "", "changed", twin, name, "R2", "org renamed, or a second name of one: its guards are compared"
    )
    yield from _org(name, old[twin], entry)


def _removed(name: str, entry: Entry, *, renamed: bool) -> Iterator[Change]:
    if renamed:
        return
    guards = [*(["limits"] if entry.get("limits") else []), *(["production"] if entry.get("production") else [])]
    guards += ["allow"] if DEFAULT_ALLOW - _allowed(entry) else []
    guards += ["organization_id"] if entry.get("organization_id") else []
    if guards:
        why = f"org removed with its guards ({', '.join(guards)}): the sf CLI is asked for this name from now on, without them"
        yield Change(f"orgs.{name}", "", "removed", _where(entry), "", "R3", why)
    else:
        yield Change(f"orgs.{name}", "", "removed", _where(entry), "", "R2", "org removed")


def _where(entry: Entry) -> str:
    return str(entry.get("instance_url") or ("embedded" if "embedded" in entry else "sf CLI"))


def _org(name: str, old: Entry, new: Entry) -> Iterator[Change]:
    at = f"orgs.{name}"
    for key in ("instance_url", "organization_id", "embedded"):
        if _same(key, old.get(key)) != _same(key, new.get(key)):
            yield _changed(f"{at}.{key}", str(old.get(key, "")), str(new.get(key, "")), "R3", "another org")
    if old.get("auth") != new.get("auth"):
        yield _changed(f"{at}.auth", "", "", "R3", "other credentials")
    if bool(old.get("production")) != bool(new.get("production")):
        risk = "R2" if new.get("production") else "R3"
        yield _changed(f"{at}.production", _yes(old, "production"), _yes(new, "production"), risk, "production guard")
    allowed = _allowed(old), _allowed(new)
    if allowed[0] != allowed[1]:
        wider = bool(allowed[1] - allowed[0])
        lists = ", ".join(sorted(allowed[0])), ", ".join(sorted(allowed[1]))
        yield _changed(f"{at}.allow", *lists, "R3" if wider else "R2", "a limit raised" if wider else "stricter")
    if old.get("sql_sources") != new.get("sql_sources"):
        risk = "R3" if new.get("sql_sources") else "R2"
        yield _changed(f"{at}.sql_sources", _yes(old, "sql_sources"), _yes(new, "sql_sources"), risk, "SQL over files")
    yield from _limits(at, old.get("limits") or {}, new.get("limits") or {})
    for key in sorted({*old, *new} - KNOWN):  # keys that this file does not know yet
        if old.get(key) != new.get(key):
            yield _changed(f"{at}.{key}", "", "", "R2", key)


def _limits(at: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for key in sorted({*old, *new}):
        was, now = old.get(key), new.get(key)
        if was != now:
            raised = now is None or (was is not None and now > was)
            pair = "none" if was is None else f"{was:,}", "none" if now is None else f"{now:,}"
            why = "a limit removed" if now is None else "a limit raised" if raised else "stricter"
            yield _changed(f"{at}.limits.{key}", *pair, "R3" if raised else "R2", why)


def _same(key: str, value: object) -> object:
    if value is None or key == "embedded":
        return value
    return _url(value) if key == "instance_url" else str(value)[:15]


def _allowed(entry: Entry) -> set[str]:
    return set(entry.get("allow", DEFAULT_ALLOW))


def _yes(entry: Entry, key: str) -> str:
    return str(bool(entry.get(key))).lower()


def _changed(path: str, before: str, after: str, risk: str, why: str) -> Change:
    return Change(path, "", "changed", before, after, risk, why)
