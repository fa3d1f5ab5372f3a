"""Sending: a plan and its files in a folder, and what would reach Salesforce: the problems found before anything is sent, or
the bytes and rows of the parts. No org is needed, because what is found or written here is found or written before one is
asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from loadplan.diagnostics import Diagnostic
from loadplan.errors import InvalidInputError
from loadplan.plan.load import check_plan
from loadplan.plan.model import DELIMITERS, Plan, Source, Step
from loadplan.sources.base import Reader
from loadplan.sources.check import StepCheck, check_step
from loadplan.sources.parts import PartFile, cut_parts
from loadplan.sources.records import NO_LIMITS, RecordSplitter
from loadplan.sources.registry import open_source

HEAD = "version: 1\nname: demo\nsteps:\n"
UPSERT = "object: Account\noperation: upsert\nexternal_id: Key__c\nsource: a.csv\n"
INSERT = "object: Account\noperation: insert\nsource: a.csv\n"


@dataclass(frozen=True)
class Sending:
    """One plan in `folder`."""

    folder: Path

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Files beside the plan; texts are UTF-8, their line breaks as given."""
        for name, data in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data.encode() if isinstance(data, str) else data)

    def plan(self, *steps: str) -> tuple[Plan | None, list[Diagnostic]]:
        """Load a plan whose steps `a`, `b`, … have these bodies. It begins at line 5, each step after a line of its own."""
        text = HEAD
        for name, body in zip("abcdefgh", steps, strict=False):
            text += f"  {name}:\n" + "".join(f"    {line}\n" for line in body.splitlines())
        self.write(
            {"plan.yaml": text, "orgs.yaml": "version: 1\norgs: {}\n"} if not self._has_orgs else {"plan.yaml": text}
        )
        found, _, problems = check_plan(self.folder / "plan.yaml")
        return found, problems

    @property
    def _has_orgs(self) -> bool:
        return (self.folder / "orgs.yaml").is_file()

    def step(self, body: str) -> Step:
        """The step of a plan that is right."""
        plan, problems = self.plan(body)
        assert plan is not None, problems
        return plan.steps["a"]

    def check(self, body: str) -> StepCheck:
        """Everything that is found in the data before anything is sent."""
        step = self.step(body)
        reader = self._open(step.source)
        try:
            return check_step(step, reader)
        finally:
            reader.close()

    def found(self, *steps: str) -> list[Diagnostic]:
        """The problems of the plan, or of the data of its steps when it has none."""
        plan, problems = self.plan(*steps)
        if plan is None:
            return problems
        found = list(problems)
        for step in plan.steps.values():
            try:
                reader = self._open(step.source)
            except InvalidInputError as error:
                found += error.diagnostics
                continue
            try:
                found += check_step(step, reader).diagnostics
            finally:
                reader.close()
        return found

    def places(self, *steps: str) -> list[tuple[str, str, int, int]]:
        """Code, file, line and column of each problem."""
        return [(d.code, Path(d.place.file).name, d.place.line, d.place.column) for d in self.found(*steps)]

    def parts(self, body: str) -> list[PartFile]:
        """The parts that would be sent."""
        step = self.step(body)
        reader = self._open(step.source)
        try:
            return cut_parts(step, reader, self.folder / "parts")[0]
        finally:
            reader.close()

    def bytes(self, body: str) -> bytes:
        """What would be sent, all parts one after the other."""
        return b"".join(part.path.read_bytes() for part in self.parts(body))

    def rows(self, body: str) -> list[dict[str, str]]:
        """The rows that would be sent, read back as the receiver reads them."""
        delimiter = DELIMITERS[self.step(body).csv.delimiter]
        rows = []
        for part in self.parts(body):
            splitter = RecordSplitter([part.path.read_bytes().decode()], delimiter, '"', NO_LIMITS)
            first = splitter.first()
            assert first is not None
            for _, cells in splitter.rest(len(first[1])):
                assert isinstance(cells, list), cells
                rows.append(dict(zip(first[1], cells, strict=True)))
        return rows

    def column(self, body: str, field: str) -> list[str]:
        """What would be sent in one field."""
        return [row[field] for row in self.rows(body)]

    def _open(self, source: Source | None) -> Reader:
        assert source is not None
        return open_source(source, resolve_step=lambda step: [])


def shown(value: object) -> str:
    """A value as YAML, in one line."""
    return json.dumps(value, ensure_ascii=False)
