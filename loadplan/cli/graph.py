"""`loadplan graph`: steps, edges and waves of a plan."""

from __future__ import annotations

from pathlib import Path

import click

from loadplan.cli.console import Console
from loadplan.cli.options import common, parse_variables, variables_options


@click.command("graph")
@click.argument("plan", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "mermaid", "dot", "svg", "json"]),
    default="text",
    show_default=True,
)
@variables_options
@common
def command(console: Console, plan: Path, form: str, var: tuple[str, ...], var_file: tuple[Path, ...]) -> int:
    """Show what depends on what in PLAN, and which steps may run at the same time."""
    from loadplan.plan.graph import compile_graph
    from loadplan.plan.graph_text import RENDERERS
    from loadplan.plan.load import load_plan

    loaded = load_plan(plan, variables=parse_variables(var), var_files=var_file)
    if form == "svg" and not console.as_json:
        from loadplan.reports.dag import graph_file

        console.result(graph_file(loaded, compile_graph(loaded)))
        return 0
    console.result(RENDERERS["json" if console.as_json else form](loaded, compile_graph(loaded)))
    return 0
