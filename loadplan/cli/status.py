"""`loadplan status`: where a run stands, from its folder; nothing is asked of the org."""

from __future__ import annotations

from pathlib import Path

import click

from loadplan.cli.console import Console
from loadplan.cli.options import common, project_root, state_folder, state_option


@click.command("status")
@click.argument("run", required=False)
@state_option
@common
def command(console: Console, run: str | None, state_dir: Path | None) -> int:
    """Show where RUN (default: the newest) stands, step by step."""
    from loadplan.cli.standing import standing
    from loadplan.run.folder import find_run

    found = standing(find_run(state_folder(state_dir, project_root(Path.cwd())), run))
    steps = [
        {
            "step": s.id,
            "state": s.state,
            "sent": s.counts.sent,
            "successful": s.counts.successful,
            "failed": s.counts.failed,
            "unprocessed": s.counts.unprocessed,
            "jobs": [{"job": a.job, "state": a.state or a.phase, "phase": a.phase} for a in s.attempts],
        }
        for s in found.run.steps.values()
    ]
    if console.as_json:
        console.json({**found.line(), "steps": steps})
        return 0
    line = found.line()
    console.result(f"{line['run']}  org {line['org']}  {line['result']}")
    for s, step in zip(steps, found.run.steps.values(), strict=True):
        console.result(
            f"  {s['step']:22} {s['state']:10} sent {s['sent']:>9,}  ok {s['successful']:>9,}  failed {s['failed']:>7,}"
            f"  unprocessed {s['unprocessed']:>7,}"
        )
        for a in step.attempts:
            if not a.is_final:
                console.result(f"      {a.job or 'no job yet'} {a.state or a.phase}")
    if found.run.ended is None:
        console.message(f"next: loadplan resume {line['run']}")
    elif found.run.exit:
        console.message(f"next: loadplan retry {line['run']}")
    return 0
