"""A graph as text, mermaid, dot or JSON. Pure functions of plan and graph."""

from __future__ import annotations

import json
from collections.abc import Callable

from loadplan.plan.graph import Graph
from loadplan.plan.model import Plan
from loadplan.words import count


def as_text(plan: Plan, graph: Graph) -> str:
    """Waves with their steps, and each step's parents with the reason."""
    why = {(e.parent, e.child): e for e in graph.edges}
    lines = [f"{plan.name}: {count(len(graph.order), 'step')} in {count(len(graph.waves), 'wave')}"]
    for number, wave in enumerate(graph.waves, 1):
        lines.append(f"wave {number}")
        for name in wave:
            step = plan.steps[name]
            lines.append(f"  {step.facts.symbol} {name:24} {step.operation:10} {step.object or ''}".rstrip())
            for parent in graph.parents(name):
                edge = why[parent, name]
                lines.append(f"      after {parent} ({edge.reason}{f' {edge.detail}' if edge.detail else ''})")
    return "\n".join(lines)


def as_mermaid(plan: Plan, graph: Graph) -> str:
    """A mermaid flowchart, as GitHub renders it."""
    names = {s: f"s{i}" for i, s in enumerate(graph.order)}
    lines = ["flowchart TD"]
    for step_id in graph.order:
        step = plan.steps[step_id]
        lines.append(f'  {names[step_id]}["{step_id}<br/>{step.operation} {step.object or ""}"]')
    for edge in graph.edges:
        lines.append(f'  {names[edge.parent]} -->|"{edge.detail or edge.reason}"| {names[edge.child]}')
    return "\n".join(lines)


def as_dot(plan: Plan, graph: Graph) -> str:
    """Graphviz dot."""
    lines = [f"digraph {json.dumps(plan.name)} {{", "  rankdir=TB; node [shape=box];"]
    for step_id in graph.order:
        step = plan.steps[step_id]
        label = json.dumps(f"{step_id}\n{step.operation} {step.object or ''}")
        lines.append(f"  {json.dumps(step_id)} [label={label}];")
    for edge in graph.edges:
        lines.append(
            f"  {json.dumps(edge.parent)} -> {json.dumps(edge.child)} [label={json.dumps(edge.detail or edge.reason)}];"
        )
    return "\n".join([*lines, "}"])


def as_json(plan: Plan, graph: Graph) -> str:
    """Steps in order, edges with reasons, waves."""
    steps = [
        {
            "step": s,
            "operation": plan.steps[s].operation,
            "object": plan.steps[s].object,
            "parents": list(graph.parents(s)),
        }
        for s in graph.order
    ]
    edges = [{"parent": e.parent, "child": e.child, "reason": e.reason, "detail": e.detail} for e in graph.edges]
    return json.dumps(
        {"plan": plan.name, "steps": steps, "edges": edges, "waves": [list(w) for w in graph.waves]}, indent=2
    )


RENDERERS: dict[str, Callable[[Plan, Graph], str]] = {
    "text": as_text,
    "mermaid": as_mermaid,
    "dot": as_dot,
    "json": as_json,
}
