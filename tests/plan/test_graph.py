"""Who waits for whom: edges that are declared, derived, or impossible."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loadplan.errors import InvalidInputError
from loadplan.plan.edges import order_of
from loadplan.plan.graph import Graph, all_edges, compile_graph
from loadplan.plan.graph_text import RENDERERS
from loadplan.plan.model import Constant, FileSource, FromColumn, Lookup, Plan, Step, StepSource, Where


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


def test_steps_that_nothing_orders_stand_as_in_the_plan() -> None:
    graph = compile_graph(plan(step("b", "Beta__c"), step("a", "Alpha__c"), step("c", "Gamma__c")))
    assert graph.order == ("b", "a", "c")
    assert graph.waves == (("b", "a", "c"),)
    assert (graph.edges, graph.parents("a"), graph.children("a")) == ((), (), ())
    assert compile_graph(plan()) == Graph((), (), ())


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
            plan(step("accounts", "Account", "Contact__r.Key__c"), step("contacts", "Contact", "Account.Key__c"))
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
            step("primary_contact", "Account", "Contact__r.Key__c", after=after),
            step("contacts", "Contact", "Account.Key__c"),
            step("accounts", "Account"),
        )
    )
    assert graph.order == ("accounts", "contacts", "primary_contact")
    assert ("accounts", "contacts", "lookup") in edges(graph)


def test_a_lookup_into_the_steps_own_object_is_no_edge() -> None:
    """A step never waits for itself."""
    assert compile_graph(plan(step("accounts", "Account", "Parent.Key__c"))).edges == ()


def pairs(graph: Graph) -> set[tuple[str, str]]:
    return {(e.parent, e.child) for e in graph.edges}


def test_a_lookup_into_the_same_object_waits_for_the_other_step_that_loads_it() -> None:
    """Whatever stands first in the file; and never for itself."""
    children = step("children", "Account", "Parent.Key__c")
    for order in ((children, step("tops", "Account")), (step("tops", "account"), children)):
        assert pairs(compile_graph(plan(*order))) == {("tops", "children")}


def test_steps_that_all_look_into_the_object_they_load_follow_the_file() -> None:
    """Three levels of one hierarchy, or three regions: one after the other, no circle."""
    parts = [step(name, "Account", "Parent.Key__c") for name in ("a", "b", "c")]
    assert compile_graph(plan(*parts)).order == ("a", "b", "c")
    backwards = [step("a", "Account", "Parent.Key__c", after=("c",)), *parts[1:]]
    assert compile_graph(plan(*backwards)).order == ("b", "c", "a")
    assert ("a", "b") not in pairs(compile_graph(plan(*backwards)))


def test_the_author_may_put_the_step_that_looks_up_first() -> None:
    """Its parents may be in the org already, or among its own rows."""
    graph = compile_graph(plan(step("tops", "Account", after=("all",)), step("all", "Account", "Parent.Key__c")))
    assert pairs(graph) == {("all", "tops")}


def test_a_custom_field_that_is_named_after_a_standard_object_leads_to_it() -> None:
    """`Account__r` on a custom object; case does not matter; a custom object of that name is preferred."""
    graph = compile_graph(plan(step("visits", "Visit__c", "account__r.Key__c"), step("accounts", "Account")))
    assert pairs(graph) == {("accounts", "visits")}
    graph = compile_graph(
        plan(step("v", "Visit__c", "Account__r.Key__c"), step("a", "Account"), step("own", "Account__c"))
    )
    assert pairs(graph) == {("own", "v")}


def test_one_parent_for_every_row_is_waited_for_too() -> None:
    """A lookup may be written as a column with a fixed value."""
    child = Step("contacts", "insert", "Contact", columns=(Constant("Account.Key__c", "A-1"),))
    assert pairs(compile_graph(plan(child, step("accounts", "Account")))) == {("accounts", "contacts")}


def test_every_step_that_makes_the_parents_is_waited_for() -> None:
    """Two regions of accounts, one after the other: contacts may belong to either."""
    graph = compile_graph(
        plan(
            step("contacts", "Contact", "Account.Key__c"),
            step("emea", "Account"),
            step("amer", "Account", after=("emea",)),
        )
    )
    assert pairs(graph) == {("emea", "contacts"), ("amer", "contacts"), ("emea", "amer")}


ONE_FILE = FileSource("a.csv", Path("a.csv"), "csv", ",")


@pytest.mark.parametrize(
    ("second", "is_waited_for"),
    [
        ({"operation": "update"}, False),
        ({"source": ONE_FILE}, False),
        (
            {
                "columns": (FromColumn("Key__c", "id"),),
                "lookups": (Lookup("Boss__r.Key__c", "b", "Boss__r", "Key__c"),),
            },
            False,
        ),
        (
            {"columns": (FromColumn("Key__c", "id"),), "lookups": (Lookup("Parent.Key__c", "b", "Parent", "Key__c"),)},
            True,
        ),
        ({"columns": (FromColumn("Key__c", "id"), FromColumn("Name", "n"))}, True),
        ({"operation": "insert", "source": ONE_FILE}, True),
        ({"source": replace(ONE_FILE, file=Path("b.csv"))}, True),
        ({}, True),
    ],
    ids=[
        "update",
        "same rows",
        "only lookups",
        "the same lookups",
        "other columns",
        "insert",
        "other file",
        "nothing known",
    ],
)
@pytest.mark.parametrize(
    "first", [{}, {"where": Where("present", "region")}, {"limit": 5}], ids=["all", "where", "limit"]
)
def test_a_second_pass_holds_up_nobody(second: dict[str, Any], is_waited_for: bool, first: dict[str, Any]) -> None:
    """It makes no records; what makes further ones is waited for, such as the rest of a file that the first step began."""
    accounts = replace(step("accounts", "Account", "Parent.Key__c"), source=ONE_FILE, **first)
    later = replace(step("later", "Account", after=("accounts",)), **second)
    graph = compile_graph(plan(accounts, later, step("contacts", "Contact", "Account.Key__c")))
    rest_of_a_file = "source" in second and bool(first)
    assert (("later", "contacts") in pairs(graph)) == (is_waited_for or rest_of_a_file)
    assert ("accounts", "contacts") in pairs(graph)


def test_an_update_is_waited_for_only_where_nothing_makes_the_records() -> None:
    """It finds records that are there already."""
    child, update = step("contacts", "Contact", "Account.Key__c"), step("flags", "Account", operation="update")
    assert pairs(compile_graph(plan(child, update))) == {("flags", "contacts")}
    both = compile_graph(plan(child, update, step("accounts", "Account")))
    assert pairs(both) == {("accounts", "contacts")}


def test_the_second_pass_of_the_contract_gives_no_circle() -> None:
    """Accounts, contacts, then the primary contact of the accounts; tasks wait for contacts, and not for a second pass."""
    graph = compile_graph(
        plan(
            step("primary_contact", "Account", "Contact__r.Key__c", after=("accounts", "contacts")),
            step("tasks", "Task", "Contact:Who.Key__c"),
            step("contacts", "Contact", "Account.Key__c"),
            step("accounts", "Account"),
        )
    )
    assert pairs(graph) == {
        ("accounts", "contacts"), ("contacts", "tasks"), ("accounts", "primary_contact"), ("contacts", "primary_contact"),
    }  # fmt: skip


def test_a_second_pass_need_not_name_the_step_that_it_looks_up() -> None:
    """That it comes after the first pass is enough: the lookup says the rest."""
    graph = compile_graph(
        plan(
            step("accounts", "Account"),
            step("second", "Account", "Contact__r.Key__c", after=("accounts",)),
            step("contacts", "Contact", "Account.Key__c"),
        )
    )
    assert graph.order == ("accounts", "contacts", "second")


def test_second_passes_over_both_objects_do_not_wait_for_each_other() -> None:
    """Each needs the first pass of the other object only."""
    graph = compile_graph(
        plan(
            step("accounts", "Account"),
            step("contacts", "Contact"),
            step("a2", "Account", "Contact__r.Key__c", after=("accounts",)),
            step("c2", "Contact", "Account.Key__c", after=("contacts",)),
        )
    )
    assert pairs(graph) == {("accounts", "a2"), ("contacts", "a2"), ("accounts", "c2"), ("contacts", "c2")}


def test_a_second_pass_that_does_not_say_so_is_told_what_to_say() -> None:
    """The way out is one word in the plan, not another step."""
    with pytest.raises(InvalidInputError) as caught:
        compile_graph(
            plan(
                step("accounts", "Account"),
                step("second", "Account", "Contact__r.Key__c"),
                step("contacts", "Contact", "Account.Key__c"),
            )
        )
    (problem,) = caught.value.diagnostics
    assert "if `second` is a second pass over Account, say so: add `depends_on: [accounts]` to it" in problem.hint


def test_a_lookup_whose_every_parent_is_said_to_come_later_is_a_circle() -> None:
    """Leaving all of its edges out would let the child start without any parent."""
    with pytest.raises(InvalidInputError, match="wait for each other"):
        compile_graph(
            plan(
                step("contacts", "Contact", "Account.Key__c"),
                step("a", "Account", after=("contacts",)),
                step("b", "Account", after=("a",)),
            )
        )
    a, b = step("a", "Account", after=("contacts",)), step("b", "Account", after=("a",))
    with pytest.raises(InvalidInputError, match="wait for each other"):
        compile_graph(
            plan(
                step("contacts", "Contact", "Account.Key__c"), replace(a, source=ONE_FILE), replace(b, source=ONE_FILE)
            )
        )


def test_every_circle_is_told() -> None:
    """Two groups of steps that have nothing to do with each other."""
    with pytest.raises(InvalidInputError) as caught:
        compile_graph(
            plan(
                step("a", "Lead", after=("b",)),
                step("b", "Case", after=("a",)),
                step("c", "Product2", after=("e",)),
                step("d", "Asset", after=("c",)),
                step("e", "Order", after=("d",)),
            )
        )
    assert [d.summary.rpartition(": ")[2] for d in caught.value.diagnostics] == ["a -> b -> a", "c -> d -> e -> c"]


def test_more_edges_than_anyone_can_mean_are_refused() -> None:
    """400 steps on accounts that 400 steps on contacts look up."""
    steps = [step(f"a{i}", "Account") for i in range(400)]
    steps += [step(f"c{i}", "Contact", "Account.Key__c") for i in range(400)]
    with pytest.raises(InvalidInputError) as caught:
        compile_graph(plan(*steps))
    assert [d.code for d in caught.value.diagnostics] == ["LP0232"]


def test_deletes_go_child_first() -> None:
    """A contact is deleted before its account, by what is known of standard objects and by the plan's lookups."""
    graph = compile_graph(
        plan(step("accounts", "Account", operation="delete"), step("contacts", "Contact", operation="delete"))
    )
    assert graph.order == ("contacts", "accounts")
    assert edges(graph) == {("contacts", "accounts", "delete order")}


def deletes(*objects: str, more: tuple[Step, ...] = ()) -> tuple[str, ...]:
    """The order of steps that delete these objects, named after them."""
    return compile_graph(plan(*(step(o, o, operation="delete") for o in objects), *more)).order


def test_names_of_objects_are_compared_without_case() -> None:
    """Salesforce does not tell `account` from `Account`."""
    assert deletes("ACCOUNT", "contact") == ("contact", "ACCOUNT")


@pytest.mark.parametrize(
    ("above", "below"),
    [
        ("Account", "OpportunityLineItem"), ("Account", "CaseComment"), ("Pricebook2", "QuoteLineItem"), ("Account", "Task"),
        ("Project__c", "Task"), ("Campaign", "Event"), ("Task", "TaskRelation"), ("Case", "EmailMessage"), ("Visit__c", "Attachment"),
        ("Account", "Entitlement"), ("Product2", "OrderItem"),
    ],
)  # fmt: skip
def test_a_generation_that_no_step_touches_is_not_skipped(above: str, below: str) -> None:
    """Grandchildren go before grandparents, and what hangs on anything goes first."""
    assert deletes(above, below) == (below, above)
    assert deletes(below, above) == (below, above)


def test_the_lookups_of_the_plan_tell_about_its_own_objects() -> None:
    """Visit lines hang on visits, visits on accounts, though no step deletes visits."""
    more = (step("v", "Visit__c", "Account__r.Key__c"), step("l", "Visit_Line__c", "Visit__r.Key__c"))
    order = deletes("Account", "visit_line__c", more=more)
    assert order.index("visit_line__c") < order.index("Account")


def test_objects_that_point_at_each_other_are_deleted_in_any_order() -> None:
    """Neither is the other's child; what is known of standard objects decides before a lookup of the plan does."""
    more = (step("a", "A__c", "B__r.Key__c"), step("b", "B__c", "A__r.Key__c", after=("a",)), step("x", "B__c"))
    graph = compile_graph(plan(step("da", "A__c", operation="delete"), step("db", "B__c", operation="delete"), *more))
    assert not [e for e in graph.edges if e.reason == "delete order"]
    passes = (step("accounts", "Account"), step("second", "Account", "Contact__r.Key__c", after=("accounts",)))
    order = deletes("Account", "Contact", more=passes)
    assert order.index("Contact") < order.index("Account")


def test_the_order_of_deletes_never_closes_a_circle() -> None:
    """Two pairs whose declared order and whose children disagree only together."""
    graph = compile_graph(
        plan(
            step("a1", "Account", operation="delete"),
            step("c1", "Contact", operation="delete", after=("a2",)),
            step("a2", "Account", operation="delete"),
            step("c2", "Contact", operation="delete", after=("a1",)),
        )
    )
    assert set(graph.order) == {"a1", "a2", "c1", "c2"}
    assert graph.order.index("a2") < graph.order.index("c1")


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


NAMES = ["a", "b", "c", "d", "e", "f"]
STEPS = st.lists(
    st.builds(
        lambda obj, operation, headers, after: (obj, operation, headers, after),
        st.sampled_from(["Account", "Contact", "Case", "Task", "account", "Visit__c"]),
        st.sampled_from(["insert", "upsert", "update", "delete"]),
        st.lists(
            st.sampled_from(
                ["Account.K", "Contact.K", "Parent.K", "Contact__r.K", "Account__r.K", "Contact:Who.K", "Visit__r.K"]
            ),
            max_size=2,
            unique=True,
        ),
        st.sets(st.sampled_from(NAMES), max_size=2),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_a_graph_keeps_every_declared_order_and_has_no_circle(
    found: list[tuple[str, str, list[str], set[str]]],
) -> None:
    """Whatever looks up whatever: an order in which nobody waits in vain, or the circle by its name."""
    names = NAMES[: len(found)]
    steps = [
        step(name, obj, *headers, operation=operation, after=tuple(sorted((after & set(names)) - {name})))
        for name, (obj, operation, headers, after) in zip(names, found, strict=True)
    ]
    whole = plan(*steps)
    try:
        graph = compile_graph(whole)
    except InvalidInputError as error:
        for problem in error.diagnostics:
            assert problem.code == "LP0218"
            circle = problem.summary.rpartition(": ")[2].split(" -> ")
            assert circle[0] == circle[-1]
            assert set(pairwise(circle)) <= set(all_edges(whole).known)
        return
    at = {s: i for i, s in enumerate(graph.order)}
    assert set(at) == set(names)
    assert all(e.parent != e.child and at[e.parent] < at[e.child] for e in graph.edges)
    assert all((p, s.id) in pairs(graph) for s in steps for p in s.depends_on)
    assert order_of(names, graph.edges) is not None
