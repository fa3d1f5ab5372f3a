"""The embedded org of a command as its entry in orgs.yaml describes it: schema, settings, trouble, records to begin with.

Decides nothing of who may use it: that is in target.py."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadplan.errors import InvalidInputError, LocalError

_SHOWN = 3
"""Lookups that a note names."""

if TYPE_CHECKING:
    from loadplan.clock import Clock
    from loadplan.emulator.describefiles import DescribeError
    from loadplan.emulator.server import EmbeddedOrg
    from loadplan.salesforce.orgs import OrgProfile


def prepared(
    profile: OrgProfile, root: Path, data: Path, clock: Clock, say: Callable[[str], None] | None = None
) -> Callable[[], EmbeddedOrg]:
    """What makes the org on the folder `data`. Settings and faults are read at once, and `InvalidInputError` says what is wrong
    with them; making it raises what `EmbeddedOrg` raises, and tells `say` what the org begins without."""
    from loadplan.emulator.describefiles import DescribeError
    from loadplan.emulator.faultfile import load_faults
    from loadplan.emulator.faultnotes import FaultError
    from loadplan.emulator.security import SecurityError
    from loadplan.emulator.server import EmbeddedOrg
    from loadplan.emulator.settings import Settings, with_texts
    from loadplan.salesforce.snapshot import check_whole

    entry: Mapping[str, Any] = profile.embedded or {}
    describe, size = profile.embedded_describe(root), entry.get("org_size")
    with _Told(profile.name, "settings"):
        settings = with_texts(
            Settings(), (f"{name}={_text(value)}" for name, value in entry.get("settings", {}).items())
        )
        if settings.sink:
            raise ValueError("a sink keeps no records, so nothing can be rehearsed with it")
    with _Told(profile.name, "faults"):
        faults = load_faults(root / entry["faults"]) if "faults" in entry else None

    check_whole(describe)

    def make() -> EmbeddedOrg:
        try:
            server = EmbeddedOrg(data, describe=describe, settings=settings, faults=faults)
        except DescribeError as error:
            raise wrong_description(error) from error
        except FaultError as error:
            with _Told(profile.name, "faults"):
                raise error
        except SecurityError as error:
            with _Told(profile.name, "settings"):
                raise error
        try:
            if size is not None:
                with _Told(profile.name, "org_size"):
                    notes = filled(server, str(size), describe, clock)
                for note in notes if say is not None else ():
                    say(f"note: {note}")  # type: ignore[misc]
        except BaseException:
            server.stop()
            raise
        return server

    return make


def filled(server: EmbeddedOrg, size: str, describe: Sequence[Path], clock: Clock) -> list[str]:
    """Give a new org its records. Of a snapshot's numbers what cannot be made is left out, and what is to be said of it comes back.
    Raises ValueError for a size that is none and `InvalidInputError` for a snapshot that cannot be read."""
    from loadplan.emulator.seeding import MOST_OF_SNAPSHOT, fill, read_size

    now = clock.now().timestamp()
    if size != "snapshot":
        fill(server.org, read_size(size, server.org.schema), now)
        return []
    from loadplan.salesforce.snapshot import read_manifest

    records = {name: rows for folder in describe for name, rows in read_manifest(folder).records.items()}
    counts = read_size(size, server.org.schema, records)
    notes: list[str] = []
    made = fill(server.org, counts, now, notes)
    total = sum(records.get(name, 0) for name in counts)
    if made and total > MOST_OF_SNAPSHOT:
        notes.insert(
            0, f"the snapshot counts {total:,} records; the org begins with {sum(made.values()):,}, in proportion"
        )
    return notes


def cannot_start(error: Exception, data: Path, *, named: bool = False) -> LocalError:
    """Why an org cannot start on the folder `data`, which a user may have `named`. Only of one of our own that is damaged or another
    version's it is said to remove it: where the disk refuses, or something else is wrong, that would lose what is in it and mend
    nothing."""
    from loadplan.durable import local_error
    from loadplan.emulator.store import DamagedError

    if isinstance(error, DamagedError) and named:
        return LocalError(
            f"the embedded org cannot start: {error}", code="LP0604", where=str(data),
            hint="--data wants a folder of its own: name another",
            next_commands=["loadplan emulator serve --data FOLDER"],
        )  # fmt: skip
    if isinstance(error, DamagedError):
        return LocalError(
            f"the embedded org cannot start: {error}", code="LP0604", where=str(data),
            hint="its folder holds nothing but what trials have loaded: without it the org begins anew",
            next_commands=[f"rm -r {shlex.quote(str(data))}"],
        )  # fmt: skip
    if isinstance(error, OSError) and error.errno is not None:
        return local_error(error, Path(str(error.filename or data)))
    return LocalError(
        f"the embedded org cannot start: {error}", code="LP0604", where=str(data),
        hint="nothing in its folder was changed", next_commands=["loadplan explain LP0604"],
    )  # fmt: skip


def wrong_description(error: DescribeError) -> InvalidInputError:
    """What is wrong with describe files, all of it, and how to fetch them again."""
    first, *more = error.problems
    return InvalidInputError(
        first, code="LP0607", details=more, hint="docs/reference/emulator.md says what a description has",
        next_commands=["loadplan explain LP0607", "loadplan org describe OBJECT -o ORG --out FOLDER"],
    )  # fmt: skip


def far_lookups(server: EmbeddedOrg) -> str:
    """What is to be said of lookups whose object has no description; empty when there are none."""
    far = server.org.schema.far
    if not far:
        return ""
    shown = ", ".join(f"{field} ({target})" for field, target in far[:_SHOWN])
    more = f" and {len(far) - _SHOWN} more" if len(far) > _SHOWN else ""
    lead = f"{len(far)} lookup{'s lead' if len(far) > 1 else ' leads'}"
    return f"{lead} to objects without a description, so that no row can fill them: {shown}{more}"


def _text(value: Any) -> str:
    """A value of YAML as `--set` takes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


class _Told:
    """Turns what the embedded org says of a key into a diagnostic with its place."""

    def __init__(self, name: str, key: str) -> None:
        self._name, self._key = name, key

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ValueError) and not isinstance(error, InvalidInputError):
            raise InvalidInputError(
                f"`embedded.{self._key}` of org `{self._name}`: {error}", code="LP0606", where="orgs.yaml",
                hint="docs/reference/emulator.md says what the embedded org can be told",
                next_commands=["loadplan schema faults" if self._key == "faults" else "loadplan emulator serve --help"],
            ) from error  # fmt: skip
