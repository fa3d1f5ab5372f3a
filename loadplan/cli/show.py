"""`loadplan show`: what a saved plan says, also when it can no longer be applied."""

from __future__ import annotations

from pathlib import Path

import click

from loadplan.cli.console import Console
from loadplan.cli.options import common, project_root, state_folder, state_option


@click.command("show")
@click.argument("file", type=click.Path(path_type=Path))
@state_option
@common
def command(console: Console, file: Path, state_dir: Path | None) -> int:
    """Show the saved plan in FILE: what was approved, for which org. Asks no org, and works on a stale plan."""
    import json

    from loadplan.review.saved import FORMAT, applied_by, read_saved, seal
    from loadplan.review.text import as_text

    data = read_saved(file)
    if console.as_json:
        console.json(data)
        return 0
    whole = data.get("sha256") == seal(data)
    if whole and data["format"] == FORMAT:
        console.result(as_text(data["document"], console.result_style))
    else:  # another version wrote it, or somebody changed it: what is there, as it is there
        console.result(json.dumps(data.get("document", data), indent=1, ensure_ascii=False))
    console.message("")
    console.message(f"saved by loadplan {data.get('tool', '?')}, sha256:{data.get('sha256', '?')}")
    if not whole:
        console.message(
            f"{console.style('warning', 'yellow')}: its seal does not fit what it holds; it cannot be applied"
        )
    run = applied_by(state_folder(state_dir, project_root(Path.cwd())), str(data.get("sha256")))
    if run is not None:
        console.message(f"applied by {run}; it cannot be applied again")
    elif whole:
        console.message(f"next: loadplan apply {file}")
    return 0
