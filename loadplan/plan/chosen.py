"""Chosen: a plan of which only some steps run (`--step`). What a step waits for is always part of it: a gate that is left out would not
be shut, it would be gone. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from loadplan.diagnostics import did_you_mean
from loadplan.errors import UsageError
from loadplan.plan.graph import Graph, compile_graph
from loadplan.plan.model import Plan


def choose(plan: Plan, graph: Graph, names: Sequence[str]) -> tuple[Plan, Graph]:
    """The plan with the named steps and all that these wait for; `name+` means what waits for the step, too. The others are in
    `left_out`. Raises `UsageError` for a name that the plan has not."""
    wanted: set[str] = set()
    for name in names:
        step = name.removesuffix("+")
        if step not in plan.steps:
            raise UsageError(
                f"--step: the plan has no step `{step}`", hint=did_you_mean(step, plan.steps) or f"its steps: {', '.join(plan.steps)}",
                next_commands=[f"loadplan graph {plan.file}"],
            )  # fmt: skip
        wanted |= _reached({step}, graph.children) if name.endswith("+") else {step}
    return only(plan, graph, _reached(wanted, graph.parents))


def only(plan: Plan, graph: Graph, steps: Iterable[str]) -> tuple[Plan, Graph]:
    """The plan with just these of its steps, which must hold all that they wait for."""
    kept = set(steps)
    if kept >= set(plan.steps):
        return plan, graph
    left = tuple(s for s in plan.steps if s not in kept)
    narrowed = replace(plan, steps={s: step for s, step in plan.steps.items() if s in kept}, left_out=left)
    return narrowed, compile_graph(narrowed)


def _reached(steps: set[str], further: Callable[[str], Iterable[str]]) -> set[str]:
    found, open_ = set(steps), list(steps)
    while open_:
        new = set(further(open_.pop())) - found
        found |= new
        open_ += new
    return found
