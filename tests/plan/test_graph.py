"""Who waits for whom: edges that are declared, derived, or impossible."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from loadplan.errors import InvalidInputError
from loadplan.plan.graph import Graph, compile_graph
from loadplan.plan.graph_text import RENDERERS
from loadplan.plan.model import Lookup, Plan, Step, StepSource


def step(name: str, obj: str, *lookups: str, operation: str = "upsert", after: tuple[str, ...] = ()) -> Step:
    found = []
    for header in lookups:
        kind, _, rest = header.rpartition(":")
        relationship, _, field = rest.partition(".")
        found.append(Lookup(header, "c", relationship, field, kind or None))
    return Step(name, operation, obj, external_id="Key__c", lookups=tuple(found), depends_on=after)


def plan(*steps: Step) -> Plan:
    here = Path("plan.yaml")
    return Plan("demo", here, here.parent, here.parent, b"", "", "66.0", {s.id: s for s in steps})


def edges(graph: Graph) -> set[tuple[str, str, str]]:
    return {(e.parent, e.child, e.reason) for e in graph.edges}


def test_a_lookup_waits_for_the_step_that_loads_its_object() -> None:
    """Also a custom relationship, and one that names its object."""
    graph = compile_graph(
        plan(
            step("tasks", "Task", "Contact:Who.Key__c"),
            step("contacts", "Contact", "Account.Key__c", "Region__r.Key__c"),
            step("accounts", "Account"),
            step("regions", "Region__c"),
        )
    )
    assert edges(graph) == {
        ("contacts", "tasks", "lookup"),
        ("accounts", "contacts", "lookup"),
        ("regions", "contacts", "lookup"),
    }
    assert graph.order == ("accounts", "regions", "contacts", "tasks")
    assert graph.waves == (("accounts", "regions"), ("contacts",), ("tasks",))
    assert graph.parents("contacts") == ("accounts", "regions")
    assert graph.children("contacts") == ("tasks",)


def test_a_step_waits_for_its_source_and_for_what_it_names() -> None:
    """Both are edges, and a step without any keeps the order of the plan."""
    purge = Step("purge", "delete", "Case", source=StepSource("stale"), depends_on=("free",))
    graph = compile_graph(plan(Step("stale", "query"), step("free", "Lead"), purge))
    assert edges(graph) == {("stale", "purge", "source"), ("free", "purge", "depends_on")}


ACCOUNTS_LAST = (step("accounts", "Account", after=("contacts",)), step("contacts", "Contact", "Account.Key__c"))


def test_a_circle_names_its_path_and_the_lookup_to_move() -> None:
    """A parent that is said to come later, and no other step that loads its object first, is an error."""
    with pytest.raises(InvalidInputError) as caught:
        compile_graph(plan(*ACCOUNTS_LAST))
    (problem,) = caught.value.diagnostics
    assert problem.code == "LP0218"
    assert (
        "accounts -> contacts -> accounts" in problem.summary or "contacts -> accounts -> contacts" in problem.summary
    )
    assert "move lookup `Account.Key__c` of `contacts` into a second pass" in problem.hint
    assert "depends_on: [accounts, contacts]" in problem.hint


def test_two_objects_that_point_at_each_other_are_a_circle() -> None:
    """Nobody can be first, whatever the order in the file."""
    with pytest.raises(InvalidInputError, match="wait for each other"):
        compile_graph(
            plan(step("accounts", "Account", "Contact:Main__r.Key__c"), step("contacts", "Contact", "Account.Key__c"))
        )


def test_a_declared_circle_names_the_dependencies() -> None:
    """Without a lookup in the circle, one of the depends_on must go."""
    with pytest.raises(InvalidInputError) as caught:
        compile_graph(plan(step("a", "Lead", after=("b",)), step("b", "Case", after=("a",))))
    assert caught.value.diagnostics[0].hint.startswith("remove one of these dependencies: ")


@pytest.mark.parametrize("after", [("accounts", "contacts"), ("contacts",)])
def test_a_second_pass_breaks_the_circle(after: tuple[str, ...]) -> None:
    """Accounts first, contacts next, the lookup of the accounts last."""
    graph = compile_graph(
        plan(
            step("primary_contact", "Account", "Contact:Primary_Contact__r.Key__c", after=after),
            step("contacts", "Contact", "Account.Key__c"),
            step("accounts", "Account"),
        )
    )
    assert graph.order == ("accounts", "contacts", "primary_contact")
    assert ("accounts", "contacts", "lookup") in edges(graph)


def test_a_lookup_into_the_steps_own_object_is_no_edge() -> None:
    """A step never waits for itself."""
    assert compile_graph(plan(step("accounts", "Account", "Parent.Key__c"))).edges == ()


def test_deletes_go_child_first() -> None:
    """A contact is deleted before its account, by what is known of standard objects and by the plan's lookups."""
    graph = compile_graph(
        plan(step("accounts", "Account", operation="delete"), step("contacts", "Contact", operation="delete"))
    )
    assert graph.order == ("contacts", "accounts")
    assert edges(graph) == {("contacts", "accounts", "delete order")}


def test_a_declared_order_of_deletes_is_kept() -> None:
    """The derived rule never contradicts the author."""
    graph = compile_graph(
        plan(
            step("contacts", "Contact", operation="delete", after=("accounts",)),
            step("accounts", "Account", operation="delete"),
        )
    )
    assert graph.order == ("accounts", "contacts")


def test_each_rendering_shows_steps_and_reasons() -> None:
    """Text, mermaid and dot name the lookup; JSON has every part."""
    found = plan(step("accounts", "Account"), step("contacts", "Contact", "Account.Key__c"))
    graph = compile_graph(found)
    text = {name: render(found, graph) for name, render in RENDERERS.items()}
    assert "after accounts (lookup Account.Key__c)" in text["text"]
    assert 's0 -->|"Account.Key__c"| s1' in text["mermaid"]
    assert '"accounts" -> "contacts" [label="Account.Key__c"];' in text["dot"]
    data = json.loads(text["json"])
    assert data["waves"] == [["accounts"], ["contacts"]]
    assert data["edges"] == [
        {"parent": "accounts", "child": "contacts", "reason": "lookup", "detail": "Account.Key__c"}
    ]
