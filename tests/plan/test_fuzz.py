"""Whatever a plan's author writes, what comes out is diagnostics with a place and a known code, never an exception."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loadplan.codes import CODES
from loadplan.diagnostic_formats import RENDERERS
from loadplan.diagnostics import has_errors, in_order
from loadplan.plan.graph import compile_graph
from loadplan.plan.load import check_plan

QUICK = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

VALID: dict[str, Any] = {
    "version": 1,
    "name": "fuzz",
    "description": "{{ region }}{% if full and share > 0 %} in full{% endif %}",
    "vars": {
        "region": {"type": "string", "values": ["emea", "amer"], "default": "emea"},
        "since": {"type": "date", "default": "2026-01-01"},
        "many": {"type": "list", "default": ["a", "b"]},
        "share": {"type": "number", "default": 0.5},
        "full": {"type": "boolean", "default": True},
    },
    "api_version": "66.0",
    "defaults": {
        "upload": "staged",
        "csv": {"delimiter": "COMMA", "line_ending": "LF"},
        "parts": {"max_rows": 1000, "max_bytes": "9MB"},
        "poll": {"first": "2s", "factor": 1.5, "max": "30s", "deadline": "24h"},
        "retry": {"max_attempts": 3, "codes": ["UNABLE_TO_LOCK_ROW"], "backoff": {"first": "30s", "factor": 2}},
        "gate": {"max_failed_rows": 0},
    },
    "steps": {
        "accounts": {
            "object": "Account",
            "operation": "upsert",
            "external_id": "Key__c",
            "source": "a.csv",
            "columns": {
                "Key__c": "id",
                "Name": {"column": "n", "empty": "#N/A"},
                "Rating": {"value": "{{ region }}"},
                "Code__c": {"template": '{{ row.a }}-{{ row["b c"] }}'},
                "Status__c": {"column": "st", "map": {"A": "Active"}, "default": "Open"},
            },
            "lookups": {"Parent.Key__c": "p"},
            "where": {"all": [{"column": "n", "is": "present"}, {"not": {"column": "st", "in": ["X", "Y"]}}]},
        },
        "contacts": {
            "object": "Contact",
            "operation": "upsert",
            "external_id": "Key__c",
            "source": {"path": "a.csv", "delimiter": ";", "null": ["NULL"]},
            "lookups": {"Account.Key__c": "account"},
            "limit": 10,
            "dedupe": "first",
        },
        "tasks": {"object": "Task", "operation": "insert", "source": "a.csv", "lookups": {"Contact:Who.Key__c": "c"}},
        "stale": {
            "operation": "query",
            "soql": "SELECT Id FROM Case WHERE Name IN {{ many | soql_in }} AND D < {{ since | soql_date }}",
            "output": "out/{{ region }}.csv",
            "gate": {"max_rows": 5},
            "max_records": 100,
        },
        "purge": {"object": "Case", "operation": "delete", "source": {"step": "stale"}, "depends_on": ["tasks"]},
    },
}

ODD: list[Any] = [
    None, True, False, 0, -1, 3.5, 1e300, 10**30, "", " ", "x" * 5000, "{{", "{{ x }}", "{{ region", "{{ region | nope }}",
    "{% if region %}a", "{{ region > 3 }}", "{{ many < region }}", "{{ region | soql_in }}", "{{ row.x }}", "'{{ region | soql_str }}'",
    "\0", "\u202e", "é🎉", "..", "/", "/etc/passwd", "../x", "a/../../b", ".git/config", "a" * 300 + ".csv", "nan", "1_000", "٣", "01",
    "2s", "9" * 40 + "MB", "9999999999d", "Upsert", "query", "delete", "Who:Contact.X", "A.B.C", "Id", "accounts", "stale", "*", [],
    [None], [[]], ["a", "a"], {}, {"a": None}, {"": 1}, {"step": "stale"}, {"column": None}, {"path": None}, {"not": {"not": {}}},
    {"value": [1]}, {"template": 5}, {"type": "number", "values": ["x", None, [1]], "default": {}}, {"all": []}, "a\nb", "\t",
]  # fmt: skip
KEYS = [
    "",
    " ",
    "null",
    "row",
    "operation",
    "steps",
    "vars",
    "source",
    "Account.Key__c",
    "Who:Contact.X",
    "é",
    "x" * 300,
    "{{ a }}",
    "<<",
]


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [p for k, v in inner for p in [(*at, k), *paths(v, (*at, k))]]


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """The valid plan after one to five random changes."""
    plan = copy.deepcopy(VALID)
    for _ in range(draw(st.integers(1, 5))):
        every = paths(plan)
        if not every:
            break
        *above, last = draw(st.sampled_from(every))
        holder: Any = plan
        for key in above:
            holder = holder[key]
        change = draw(st.sampled_from(["drop", "replace", "rename", "add", "move"]))
        if change == "drop":
            del holder[last]
        elif change == "replace" or isinstance(holder, list):
            holder[last] = copy.deepcopy(draw(st.sampled_from(ODD)))
        elif change == "rename":
            holder[draw(st.sampled_from(KEYS) | st.just(str(last)[:-1]) | st.just(str(last).upper()))] = holder.pop(
                last
            )
        elif change == "add":
            holder[draw(st.sampled_from(KEYS))] = copy.deepcopy(draw(st.sampled_from(ODD)))
        else:
            *_, other = draw(st.sampled_from(every))
            holder[str(other)] = copy.deepcopy(holder[last])
    return plan


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one data file."""
    found = tmp_path_factory.mktemp("project")
    (found / "orgs.yaml").write_text("version: 1\norgs: {}\n", encoding="utf-8")
    (found / "a.csv").write_text("id,n\n1,x\n", encoding="utf-8")
    return found


def check(folder: Path, text: bytes, variables: dict[str, str] | None = None) -> None:
    path = folder / "plan.yaml"
    path.write_bytes(text)
    plan, _, problems = check_plan(path, variables=variables)
    assert (plan is None) == has_errors(problems)
    assert problems == in_order(problems)
    for problem in problems:
        assert problem.code in CODES
        assert problem.summary
        assert problem.hint or problem.code == "LP0901", problem
        assert problem.place.file in {str(path), "command line"}
    for render in RENDERERS.values():
        assert isinstance(render(problems), str)
    if plan is not None:
        compile_graph(plan)


def test_the_plan_that_is_changed_is_sound(folder: Path) -> None:
    """Without a change there is nothing to say."""
    path = folder / "plan.yaml"
    path.write_text(json.dumps(VALID), encoding="utf-8")
    assert check_plan(path)[2] == []


@QUICK
@given(plan=mutated())
def test_a_changed_plan_gives_only_diagnostics(folder: Path, plan: Any) -> None:
    """Parts dropped, replaced by odd values, renamed, doubled or moved."""
    check(folder, json.dumps(plan, ensure_ascii=False).encode("utf-8", "surrogatepass"))


PIECES = [
    "version: 1\n", "name: x\n", "steps:\n", "  a:\n", "    object: Account\n", "    operation: insert\n", "    source: a.csv\n",
    "    ", "  ",
    "- ", ": ", "{", "}", "[", "]", '"', "'", "|\n", ">\n", "&a ", "*a", "!x ", "<<: ", "#", "\t", "\r\n", "\n", "? ", "---\n",
    "...\n", "{{ x }}", "é", "🎉", "\x85", "null", "~", "1e9", "%", "@", "`", "\\", "vars: {x: {type: list}}\n", "    lookups: {",
]  # fmt: skip


@QUICK
@given(text=st.lists(st.sampled_from(PIECES), max_size=40).map("".join) | st.text(max_size=60))
def test_any_text_gives_only_diagnostics(folder: Path, text: str) -> None:
    """Pieces of YAML in any order, and text that is none."""
    check(folder, text.encode("utf-8", "surrogatepass"))


@QUICK
@given(
    kind=st.sampled_from(["string", "number", "boolean", "date", "datetime", "list"]),
    default=st.sampled_from(ODD),
    values=st.sampled_from(ODD),
    given_value=st.text(max_size=20) | st.sampled_from([o for o in ODD if isinstance(o, str)]),
    use=st.sampled_from(
        ["{{ v }}", "{{ v | soql_str }}", "{{ v | soql_in }}", "{% if v > 1 %}a{% endif %}", "{{ v | upper }}", "{{ 'a' in v }}"]
    ),
)  # fmt: skip
def test_any_variable_gives_only_diagnostics(
    folder: Path, kind: str, default: Any, values: Any, given_value: str, use: str
) -> None:
    """Odd defaults, odd allowed values and odd given values, used in every way."""
    spec = {"type": kind, "default": default, "values": values}
    plan = {
        **VALID,
        "vars": {"v": spec},
        "description": use,
        "steps": {"q": {"operation": "query", "soql": f"SELECT {use}"}},
    }
    check(folder, json.dumps(plan, ensure_ascii=False).encode(), {"v": given_value})
