"""Open the org a command names: a real one through `orgs.yaml`, or the embedded one, started for the command."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from loadplan.cli.console import Console
from loadplan.clock import Clock
from loadplan.errors import LockedError
from loadplan.lean import dataclass
from loadplan.run.lock import NOT_WAITING, Waiting, in_use, owner_now, read_owner, wait_for

if TYPE_CHECKING:
    from loadplan.salesforce.bulk2 import Bulk2Org
    from loadplan.salesforce.orgs import OrgProfile
    from loadplan.salesforce.port import Identity


@dataclass(frozen=True)
class Target:
    """An org that answered: its profile, the connection, who the token is, and the API versions it has (ascending)."""

    profile: OrgProfile
    org: Bulk2Org
    identity: Identity
    api_versions: tuple[str, ...]
    is_embedded: bool

    @property
    def version(self) -> str:
        """The API version that questions outside a run are asked in."""
        from loadplan.salesforce import info

        return info.working_version(self.api_versions)


@contextmanager
def open_target(
    name: str | None,
    root: Path,
    state_dir: Path,
    clock: Clock,
    console: Console | None = None,
    waiting: Waiting = NOT_WAITING,
) -> Iterator[Target]:
    """Connect, check that the org is the one that was meant, and give it back. Raises `OrgError` (exit 3), and `LockedError`
    (exit 4) when another command works with the embedded org for longer than `waiting`."""
    from loadplan.salesforce import info, orgs

    profile = orgs.resolve_profile(name, root, os.environ)
    log = request_log(console) if console and console.verbosity >= 1 else None
    if profile.embedded is not None:
        from loadplan.cli.twin import cannot_start, far_lookups, prepared
        from loadplan.durable import make_private, write_atomic
        from loadplan.emulator.server import EmbeddedOrg, InUseError

        data = state_dir / "embedded" / profile.name
        make_private(data)
        make = prepared(profile, root, data, clock, console.message if console else None)
        named = state_dir / "locks" / f"embedded-{profile.name}.json"

        def take() -> EmbeddedOrg | None:
            try:
                return make()
            except InUseError:
                return None

        def refusal() -> LockedError:
            return in_use(f"{data} is in use by another command", named, read_owner(named), clock.now())

        try:
            embedded = wait_for(take, refusal, clock, waiting)
        except (ValueError, OSError) as error:
            raise cannot_start(error, data) from error
        if console and console.verbosity >= 1 and (note := far_lookups(embedded)):
            console.message(f"note: {note}")
        make_private(named.parent)
        owner = owner_now("", clock, command=" ".join(["loadplan", *sys.argv[1:2]]))
        write_atomic(named, json.dumps(owner).encode())
        with embedded as server:
            org = orgs.connect_with_token(server.instance_url, server.access_token, clock=clock, on_request=log)
            supported = info.versions(org, clock)
            yield Target(profile, org, info.identity(org, clock, info.working_version(supported)), supported, True)
        return
    org = orgs.connect(profile, clock=clock, on_request=log)
    supported = info.versions(org, clock)
    identity = info.identity(org, clock, info.working_version(supported))
    orgs.check_identity(profile, identity)
    yield Target(profile, org, identity, supported, False)


def request_log(console: Console) -> Callable[[str, str, int | None, float], None]:
    """A line per request with -v: method, path, status, time; no body, no header."""

    def log(method: str, path: str, status: int | None, seconds: float) -> None:
        answer = status if status is not None else "no answer"
        console.message(console.style(f"          {method} {path} {answer} {seconds * 1000:.0f} ms", "dim"))

    return log
