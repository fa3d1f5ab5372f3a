"""Saved: an approved plan in one file: the plan, the variables, digests of every input, the org and what its objects looked like.

JSON with sorted keys: the same plan gives the same bytes on every machine, and any version can show it. It holds no secret and no
row. Whether it may still be applied is decided here, by comparing; it is applied once, which a claim in the state folder proves.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from loadplan.durable import write_atomic
from loadplan.errors import InvalidInputError, StaleError, UsageError
from loadplan.lean import dataclass
from loadplan.plan.graph import Graph
from loadplan.plan.model import FileSource, Plan
from loadplan.plan.schema import fits
from loadplan.review.build import approval_digest
from loadplan.review.claim import applied_by, can_go_on, write_claim
from loadplan.review.described import Described
from loadplan.review.entry import bounds_of, changes_of
from loadplan.review.fields import relative_file
from loadplan.review.shown import differences
from loadplan.sources.base import InputDigest
from loadplan.sources.masks import MASK_KEY
from loadplan.version import __version__

FORMAT = "loadplan.saved/1"
NEEDED = frozenset(
    {
        "project",
        "plan",
        "plan_file",
        "plan_sha256",
        "variables",
        "var_files",
        "inputs",
        "files",
        "beside",
        "describe",
        "org",
        "entry",
        "tool",
        "approval",
    }
)


def frozen_inputs(
    plan: Plan, graph: Graph, variables: Mapping[str, str], var_files: Sequence[Path], digests: Mapping[str, InputDigest],
    beside: Mapping[str, str], described: Described, entry: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Everything that decides what a run of the plan sends. `entry` is what orgs.yaml says of the org. Raises `UsageError` for a
    variables file that the saved plan could not name."""
    root = plan.root.resolve()
    for file in var_files:
        if not file.resolve().is_relative_to(root):
            raise UsageError(
                f"the variables file {file} is outside the project, where a saved plan would not find it",
                hint="put it into the project, or give its values with --var",
            )
    return {
        "plan": plan.text.decode("utf-8"), "plan_file": relative_file(plan), "plan_sha256": plan.digest, "name": plan.name,
        "api_version": plan.api_version, "order": list(graph.order), "tool": __version__,
        "variables": dict(variables),
        "var_files": [{"path": _below(root, f), "sha256": _sha256(f)} for f in var_files],
        "inputs": {name: inputs_of(digest) for name, digest in digests.items()},
        "files": {
            _below(root, step.source.file): digests[step.id].sha256
            for step in plan.steps.values()
            if step.id in digests and isinstance(step.source, FileSource) and step.source.format != "parquet"
        },
        "beside": dict(beside), "describe": described.fingerprints(), "entry": bounds_of(entry),
        "approval": approval_digest(plan, digests, beside),
    }  # fmt: skip


def inputs_of(digest: InputDigest) -> dict[str, Any]:
    """An input and the boundaries of the parts that are cut from it as it stands."""
    return {
        "sha256": digest.sha256, "bytes": digest.bytes, "rows": digest.rows,
        "parts": [{"rows": r.rows, "bytes": r.bytes, "sha256": r.sha256} for r in digest.ranges],
    }  # fmt: skip


def _below(root: Path, file: Path) -> str:
    try:
        return file.resolve().relative_to(root).as_posix()
    except ValueError:
        return file.name


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


# -- the file ------------------------------------------------------------------------------------------------------


def write_saved(path: Path, kept: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """Write the file, durable and private; its digest. Raises `LocalError`."""
    data = {"format": FORMAT, **kept, "org": document["org"], "document": document}
    data["sha256"] = seal(data)
    text = json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    write_atomic(path, text.encode("utf-8", "surrogatepass"))
    return f"sha256:{data['sha256']}"


def seal(data: Mapping[str, Any]) -> str:
    """sha256 (hex) of all of it but the seal itself."""
    rest = {key: value for key, value in data.items() if key != "sha256"}
    text = json.dumps(rest, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read_saved(path: Path) -> dict[str, Any]:
    """What the file holds, whatever else has changed since. Raises `InvalidInputError`."""
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no JSON, which a saved plan is"
        raise InvalidInputError(
            f"the saved plan cannot be read: {why}", code="LP0760", where=str(path),
            next_commands=["loadplan plan PLAN -o ORG --out FILE"],
        ) from error  # fmt: skip
    if not isinstance(data, dict) or not str(data.get("format", "")).startswith("loadplan.saved/"):
        raise InvalidInputError(
            "this is not a saved plan", code="LP0760", where=str(path), hint="`loadplan plan PLAN -o ORG --out FILE` writes one",
            next_commands=["loadplan plan PLAN -o ORG --out FILE"],
        )  # fmt: skip
    return data


def check_readable(path: Path, data: Mapping[str, Any]) -> None:
    """A page can be made of it: this version knows its format, nobody changed it since, and all of it is there. Who approves by
    a page cannot see what is odd about a file. Raises `InvalidInputError`."""
    if data.get("format") != FORMAT:
        why = f"its format is {data.get('format')}, this version knows {FORMAT}"
    elif data.get("sha256") != seal(data):
        why = "its seal does not fit what it holds"
    elif not (fits(data, "saved") and fits(data["document"], "planned") and data["document"]["org"] and _ordered(data)):
        why = "it lacks a part, or its parts do not fit together"
    else:
        return
    raise InvalidInputError(
        f"no page can be made of this saved plan: {why}", code="LP0760", where=str(path),
        hint="without --html it is shown as it is; nobody should approve it",
        next_commands=[f"loadplan show {shlex.quote(str(path))}"],
    )  # fmt: skip


def _ordered(data: Mapping[str, Any]) -> bool:
    """Every step stands once, after all that it waits for."""
    known: set[str] = set()
    for step in data["document"]["steps"]:
        if step["step"] in known or not known.issuperset(step["after"]):
            return False
        known.add(step["step"])
    return True


# -- may it still be applied ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Saved:
    """A saved plan that is about to be applied. Each check raises `StaleError` (exit 6) naming what differs."""

    path: Path
    data: Mapping[str, Any]
    root: Path | None = None
    """The project, where it is known."""

    @property
    def digest(self) -> str:
        return str(self.data["sha256"])

    def check_whole(self) -> None:
        """The file is as it was written, by this version."""
        if (
            self.data.get("format") != FORMAT
            or not set(self.data) >= NEEDED
            or not (fits(self.data, "saved") and fits(self.data["document"], "planned"))
            or self.data.get("sha256") != seal(self.data)
        ):
            raise self.stale("the saved plan is not as it was written", "its seal does not fit what it holds")
        if self.data["tool"] != __version__:
            raise self.stale(f"it was saved by loadplan {self.data['tool']}, this is {__version__}")

    def check_files(self, root: Path) -> None:
        """The files that the plan reads are those that were approved: quick, before anything is parsed."""
        changed = []
        named = [(self.data["plan_file"], self.data["plan_sha256"], "the plan")]
        named += [(f["path"], f["sha256"], "the variables file") for f in self.data["var_files"]]
        for name, digest, what in named:
            file = root / name
            if not file.is_file():
                changed.append(f"{what} {name} is not there")
            elif _sha256(file) != digest:
                changed.append(f"{what} {name} changed")
        if changed:
            raise self.stale(*changed)

    def check_entry(self, entry: Mapping[str, Any]) -> None:
        """orgs.yaml says the same of the org: what a run may do there and how much of it was part of the approval."""
        changed = changes_of(str(self.data["org"]["name"]), self.data["entry"], entry)
        if changed:
            raise self.stale(*changed)

    def check_shown(
        self, plan: Plan, graph: Graph, digests: Mapping[str, InputDigest], selected: Mapping[str, int]
    ) -> None:
        """What the file shows is what the plan does, as far as that can be told without the org and without reading the data once more.
        The seal shows a slip of an editor, not a hand that seals again what it has changed: whoever approved read the document."""
        if changed := list(differences(self.data, plan, graph, digests, selected)):
            raise self.stale(*changed)

    def check_answering(self, organization_name: str, *, production: bool) -> None:
        """The org that it shows is the one that answered. Who logs in may be another: CI plans and applies with different logins."""
        shown = self.data["document"]["org"]
        found = {"organization_name": organization_name, "production": production}
        if wrong := sorted(key for key, value in found.items() if shown.get(key) != value):
            raise self.stale(
                *(f"{key} of the org is not as it shows: {shown.get(key)} there, {found[key]} now" for key in wrong)
            )

    def check_sources(self, root: Path) -> None:
        """Asked when the data could not be read: whether they are the approved data at all."""
        changed = []
        named = [(name, root / name, digest, "the source") for name, digest in self.data["files"].items()]
        beside = (root / self.data["plan_file"]).parent  # what a plan reads, it names from where it is itself
        named += [
            (n, beside / n, d, "the value table") for n, d in self.data["beside"].items() if not n.startswith(MASK_KEY)
        ]
        for name, file, digest, what in named:
            if not file.is_file():
                changed.append(f"{what} {name} is not there")
            elif _sha256(file) != digest:
                changed.append(f"{what} {name} changed")
        if changed:
            raise self.stale(*changed)

    def check_data(self, plan: Plan, digests: Mapping[str, InputDigest], beside: Mapping[str, str]) -> None:
        """Every input, byte for byte, and where its parts are cut."""
        changed = []
        then = self.data["inputs"]
        for name in sorted({*then, *digests}):
            now = inputs_of(digests[name]) if name in digests else None
            if now != then.get(name):
                changed.append(f"the rows of `{name}` changed{_rows(then.get(name), now)}")
        for name in sorted({*self.data["beside"], *beside}):
            if self.data["beside"].get(name) != beside.get(name):
                changed.append(f"{name} changed")
        if not changed and approval_digest(plan, digests, beside) != self.data["approval"]:
            changed.append("the value of a variable changed")
        if changed:
            raise self.stale(*changed)

    def check_org(self, organization_id: str, described: Described) -> None:
        """The org is the approved one, and its objects still look the same."""
        wanted = self.data["org"]["organization_id"]
        if organization_id != wanted:
            raise self.stale(f"it is for org {wanted}, and {organization_id} answered")
        then, now = self.data["describe"], described.fingerprints()
        if changed := sorted(name for name in {*then, *now} if then.get(name) != now.get(name)):
            # One that has no description may be new to the org, to the user, or to an earlier release that did not ask for it.
            raise self.stale(
                *(
                    f"{n} looks different in the org" if n in then else f"{n} was not looked at by the plan"
                    for n in changed
                )
            )

    def check_unused(self, state_dir: Path) -> None:
        """No run used it up; asked before the org is."""
        if (run := applied_by(state_dir, self.digest)) is not None:
            raise self._used(state_dir, run)

    def _used(self, state_dir: Path, run: str) -> StaleError:
        stopped = can_go_on(state_dir, run)
        return StaleError(
            f"this plan was applied already, by {run}{', which did not end' if stopped else ''}", code="LP0762", where=str(self.path),
            hint="a saved plan runs once; to send rows again, plan again",
            next_commands=[f"loadplan status {run}", *([f"loadplan resume {run}"] if stopped else [])],
        )  # fmt: skip

    def claim(self, state_dir: Path, run: str) -> None:
        """Record, before anything is sent, that this plan is `run`'s. The caller holds the lock of its org. Raises `StaleError` when
        another has it."""
        self.check_unused(state_dir)
        write_claim(state_dir, self.digest, run, begun=False)

    def stale(self, *what: str) -> StaleError:
        """Exit 6, with everything that differs."""
        return StaleError(
            f"the saved plan is stale: {what[0]}" + (f" (and {len(what) - 1} more)" if len(what) > 1 else ""),
            code="LP0761", where=str(self.path), details=what[1:], hint="nothing was sent; make the plan again and have it approved",
            next_commands=[f"loadplan plan {self._plan()} -o {shlex.quote(_org(self.data))} --out {shlex.quote(str(self.path))}"],
        )  # fmt: skip

    def _plan(self) -> str:
        """The plan's file as one types it here."""
        file = Path(str(self.data.get("plan_file", "PLAN")))
        if self.root is not None:
            file = self.root / file
            with contextlib.suppress(ValueError):
                file = file.relative_to(Path.cwd())
        return shlex.quote(str(file))


def _rows(then: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> str:
    if then is None or now is None:
        return ""
    if then["rows"] == now["rows"]:
        return f": as many as then ({now['rows']:,}), with other contents"
    return f": {then['rows']:,} rows then, {now['rows']:,} now"


def _org(data: Mapping[str, Any]) -> str:
    org = data.get("org")
    return str(org.get("name", "ORG")) if isinstance(org, Mapping) else "ORG"
