"""Which org is meant, how to reach it, and what its entry forbids. `orgs.yaml` holds no secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from loadplan.clock import Clock
from loadplan.diagnostics import did_you_mean
from loadplan.errors import InvalidInputError, OrgError, UsageError
from loadplan.lean import dataclass
from loadplan.plan.operations import OPERATIONS
from loadplan.salesforce.auth.base import AuthConfig, Token, fetch_token
from loadplan.salesforce.bulk2 import Bulk2Org
from loadplan.salesforce.entries import RESERVED, read_entries
from loadplan.salesforce.http import Http, RequestListener, Timeouts, post_form
from loadplan.salesforce.origins import check_login_url, check_origin
from loadplan.salesforce.port import AuthRefused, Identity, Unavailable
from loadplan.salesforce.secret import Secret

DEFAULT_ALLOW = frozenset({"insert", "update", "upsert", "delete", "query"})
LONGEST_WISH = 30.0
"""Seconds of a Retry-After that a login waits; whoever wants longer is asked again all the same."""
SECRETS = ("token", "client_id", "client_secret", "username", "private_key", "refresh_token")


@dataclass(frozen=True)
class OrgProfile:
    """An org as its entry describes it. `embedded` is None for a real org, else its settings; `limits` as written."""

    name: str
    instance_url: str = ""
    organization_id: str = ""
    production: bool = False
    auth: AuthConfig | None = None
    allow: frozenset[str] = DEFAULT_ALLOW
    limits: Mapping[str, int] = field(default_factory=dict)
    embedded: Mapping[str, Any] | None = None

    def embedded_describe(self, root: Path) -> list[Path]:
        """Folders with describe files for an embedded org. Raises `InvalidInputError` when one is not there."""
        folder = (self.embedded or {}).get("describe")
        if folder and not (root / folder).is_dir():
            raise InvalidInputError(
                f"org `{self.name}` reads its objects from `{folder}`, and there is no such folder",
                code="LP0100",
                where="orgs.yaml",
                hint="the path is relative to orgs.yaml",
                next_commands=[f"loadplan org describe OBJECT -o ORG --out {folder}"],
            )
        return [root / folder] if folder else []


def resolve_profile(name: str | None, root: Path, environ: Mapping[str, str]) -> OrgProfile:
    """The profile called `name`: reserved (`embedded`, `env`), in orgs.yaml, or known to the sf CLI.

    Raises `UsageError` without a name, `InvalidInputError` on a broken orgs.yaml, `OrgError` when nobody knows it."""
    if not name:
        raise UsageError(
            "no org is named",
            hint="-o NAME, or the variable SF_TARGET_ORG; `-o embedded` is a local org that needs nothing",
            next_commands=["loadplan org check -o embedded"],
        )
    entries = read_entries(root / "orgs.yaml")  # a broken file is told whichever org is meant
    if name == "embedded":
        return OrgProfile("embedded", allow=DEFAULT_ALLOW | {"hardDelete"}, embedded={})
    if name == "env":
        missing = [v for v in ("SF_ACCESS_TOKEN", "SF_ORG_INSTANCE_URL") if not environ.get(v)]
        if missing:
            raise OrgError(
                f"`-o env` needs {' and '.join(missing)} in the environment", code="LP0406",
                hint=f"export {missing[0]}=… in the shell, or add it to the job's secrets",
            )  # fmt: skip
        url = check_origin(environ["SF_ORG_INSTANCE_URL"], "SF_ORG_INSTANCE_URL")
        token = {"token": Secret({"env": "SF_ACCESS_TOKEN"}, environ, root)}
        return OrgProfile("env", url, auth=AuthConfig("access_token", url, token, {}))
    if name in entries:
        return _profile(name, entries[name], root, environ)
    meant = did_you_mean(name, [*entries, *RESERVED])
    return OrgProfile(name, auth=AuthConfig("sf-cli", "", {}, {"alias": name, "unlisted": meant}))


def _profile(name: str, entry: Mapping[str, Any], root: Path, environ: Mapping[str, str]) -> OrgProfile:
    url = check_origin(entry["instance_url"]) if "instance_url" in entry else ""
    auth = None
    if "auth" in entry:
        spec = entry["auth"]
        secrets = {k: Secret(spec[k], environ, root) for k in SECRETS if k in spec}
        texts = {k: str(spec[k]) for k in ("login_url", "alias") if k in spec}
        if "login_url" in texts:
            texts["login_url"] = check_login_url(texts["login_url"])
        auth = AuthConfig(spec["flow"], url, secrets, texts)
    return OrgProfile(
        name, url, entry.get("organization_id", ""), entry.get("production", False), auth,
        frozenset(entry.get("allow", DEFAULT_ALLOW)), entry.get("limits", {}), entry.get("embedded"),
    )  # fmt: skip


# -- connecting ----------------------------------------------------------------------------------------------------


def connect(
    profile: OrgProfile, *, clock: Clock, timeouts: Timeouts | None = None, on_request: RequestListener | None = None
) -> Bulk2Org:
    """Log in and return the org. Raises `OrgError`."""
    assert profile.auth is not None
    auth = profile.auth
    first = _login(auth, clock)
    origin = profile.instance_url or check_origin(first.instance_url)
    _check_token_origin(profile.name, first, origin)
    current = [first]

    def token(refresh: bool) -> str:
        if refresh:
            current[0] = _fresh_token(profile.name, auth, origin)
        return current[0].value.reveal()

    return Bulk2Org(Http(origin, token, timeouts=timeouts, on_request=on_request))


def _login(auth: AuthConfig, clock: Clock, tries: int = 4) -> Token:
    """Ask for a token; again only when no usable answer came. A refused login is never repeated."""
    for failures in range(1, tries):
        try:
            return fetch_token(auth, post_form)
        except OrgError as error:
            if error.code != "LP0405":
                raise
            clock.wait(min(error.retry_after or 0.0, LONGEST_WISH) or 0.5 * 2.0**failures)
    return fetch_token(auth, post_form)


def _check_token_origin(name: str, token: Token, origin: str) -> None:
    if token.instance_url and check_origin(token.instance_url) != origin:
        raise OrgError(
            f"the token is for {check_origin(token.instance_url)}, but org `{name}` is {origin}", code="LP0403",
            hint="check instance_url in orgs.yaml and the credentials",
        )  # fmt: skip


def _fresh_token(name: str, auth: AuthConfig, origin: str) -> Token:
    """A new token in the middle of a run, where only the faults of `port` are understood."""
    request = "POST /services/oauth2/token"
    if auth.flow == "access_token":
        raise AuthRefused(
            request,
            f"the access token of `{name}` has ended or is another org's, and its flow cannot get another",
            status=401,
        )
    try:
        fresh = fetch_token(auth, post_form)
        _check_token_origin(name, fresh, origin)
    except OrgError as error:
        detail = f"{error.summary} ({error.hint})" if error.hint else error.summary
        if error.code == "LP0405":
            raise Unavailable(request, detail, retry_after=error.retry_after) from None
        raise AuthRefused(request, detail) from None
    return fresh


def connect_with_token(
    instance_url: str,
    token: Callable[[], str],
    *,
    clock: Clock,
    timeouts: Timeouts | None = None,
    on_request: RequestListener | None = None,
) -> Bulk2Org:
    """An org whose tokens come from `token` (the embedded org hands them out)."""
    current = [token()]

    def supply(refresh: bool) -> str:
        if refresh:
            current[0] = token()
        return current[0]

    return Bulk2Org(Http(instance_url, supply, timeouts=timeouts, on_request=on_request))


# -- guards --------------------------------------------------------------------------------------------------------


def same_org(one: str, other: str) -> bool:
    """Whether two org ids are one: 15 characters, with or without the three that Salesforce derives from them."""
    if len(one) == len(other):
        return one == other
    return {len(one), len(other)} == {15, 18} and one[:15] == other[:15]


def check_identity(profile: OrgProfile, identity: Identity) -> None:
    """The org that answered is the one the entry names (15 and 18 characters are the same id)."""
    if profile.organization_id and not same_org(profile.organization_id, identity.organization_id):
        raise OrgError(
            f"wrong org: `{profile.name}` is {profile.organization_id}, but {identity.organization_id} "
            f"({identity.organization_name}) answered",
            code="LP0403",
            hint="check which credentials the environment holds; nothing was sent"
            if len(profile.organization_id) in {15, 18}
            else f"an org id has 15 or 18 characters, the one in orgs.yaml has {len(profile.organization_id)}",
            next_commands=[f"loadplan org check -o {profile.name}"],
        )


def check_allowed(profile: OrgProfile, steps: Sequence[tuple[str, str]]) -> None:
    """Every operation of the plan is allowed in this org."""
    refused = [(s, o) for s, o in steps if OPERATIONS[o].permission not in profile.allow]
    if refused:
        raise OrgError(
            f"org `{profile.name}` does not allow {', '.join(sorted({o for _, o in refused}))}",
            code="LP0409",
            details=[f"step {s}: {o}" for s, o in refused],
            hint=f"allowed are {', '.join(sorted(profile.allow))}; `allow:` of `{profile.name}` in orgs.yaml decides",
        )


def check_delete_rows(profile: OrgProfile, step: str, rows: int) -> None:
    """A delete step stays within `max_delete_rows`."""
    most = profile.limits.get("max_delete_rows")
    if most is not None and rows > most:
        raise OrgError(
            f"step `{step}` would delete {rows:,} rows; org `{profile.name}` allows {most:,}",
            code="LP0410",
            hint="`limits: max_delete_rows` in orgs.yaml decides",
        )


def check_production(profile: OrgProfile, identity: Identity, confirmed: str | None) -> None:
    """A production org is confirmed by its id."""
    if not profile.production:
        return
    if not confirmed or not same_org(confirmed.strip(), identity.organization_id):
        raise OrgError(
            f"`{profile.name}` is a PRODUCTION org and was not confirmed",
            code="LP0411",
            details=[f"org {identity.organization_id} {identity.organization_name}, user {identity.username}"],
            hint=f"if this is the org you mean, add --confirm-org {identity.organization_id}",
            next_commands=[f"loadplan apply PLAN -o {profile.name} --confirm-org {identity.organization_id}"],
        )
