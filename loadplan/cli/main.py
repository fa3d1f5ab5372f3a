"""The parser and the error handler: one function per command elsewhere, one exit code here.

Commands are imported only when they are asked for, so that `loadplan --help` answers at once.
"""

from __future__ import annotations

import importlib
import os
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from loadplan.cli.console import Console, ReaderGoneError
from loadplan.errors import BUG_EXIT_CODE, InterruptedRunError, InvalidInputError, LoadplanError
from loadplan.version import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("loadplan.cli.init", "Write a working project: plan, data, orgs.yaml, CI workflow."),
    "validate": ("loadplan.cli.validate", "Check plans offline: shape and meaning, every problem in one pass."),
    "fmt": ("loadplan.cli.fmt", "Write plans in the one style; comments and meaning stay."),
    "graph": ("loadplan.cli.graph", "Show a plan's steps, edges and waves."),
    "plan": ("loadplan.cli.plan", "Show what apply would do, and save it for approval; nothing is sent."),
    "show": ("loadplan.cli.show", "Show a saved plan."),
    "diff": ("loadplan.cli.diff", "What a change of plans and data means, with a risk class."),
    "apply": ("loadplan.cli.apply", "Run a plan against an org."),
    "resume": ("loadplan.cli.resume", "Go on where a run stopped; nothing is sent twice."),
    "retry": ("loadplan.cli.retry", "Send only the rows a run left over, then go on."),
    "resolve": ("loadplan.cli.resolve", "Decide what became of a part whose outcome is unknown (exit 5)."),
    "adopt": ("loadplan.cli.adopt", "Rebuild a run whose folder was lost, from the org's jobs."),
    "abort": ("loadplan.cli.abort", "Abort a run's open jobs in the org."),
    "runs": ("loadplan.cli.runs", "List runs."),
    "status": ("loadplan.cli.status", "Where a run stands."),
    "report": ("loadplan.cli.report", "Make a run's report page, runbook, audit and summary again."),
    "import": ("loadplan.cli.import_", "Make a plan from what SFDMU, CumulusCI or Data Loader have."),
    "org": ("loadplan.cli.org", "Ask an org who you are, and snapshot its objects."),
    "emulator": ("loadplan.cli.emulator", "Serve the embedded org to other programs."),
    "schema": ("loadplan.cli.schema", "Print a JSON Schema."),
    "explain": ("loadplan.cli.explain", "Explain an error code."),
    "completion": ("loadplan.cli.completion", "Print a shell completion script."),
    "version": ("loadplan.cli.version", "Print the version."),
}


class LazyGroup(click.Group):
    """A group whose commands are modules that are imported on use; `--help` needs only the table above."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, help_text) in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands by their names, from the table alone."""
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(name, help=about) for name, (_, about) in COMMANDS.items() if name.startswith(incomplete)
        ]
        return found or click.Command.shell_complete(self, ctx, incomplete)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS:
            from loadplan.diagnostics import did_you_mean

            hint = did_you_mean(args[0], COMMANDS)
            ctx.fail(f"no such command `{args[0]}`" + (f"; {hint}" if hint else ""))
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 done · 1 something left over · 2 bad input, nothing sent · 3 org refused · 4 locked · "
    "5 a person must decide · 6 inputs changed · 7 jobs still running · 9 this machine · 130 interrupted.",
)
@click.version_option(__version__, prog_name="loadplan", message="%(prog)s %(version)s")
def cli() -> None:
    """loadplan runs YAML load plans against Salesforce over Bulk API 2.0: gated, resumable, reconciled to the last row.

    Start with: loadplan init my-project
    """


class Terminated(KeyboardInterrupt):
    """SIGTERM outside a run, which has its own way to end (`signals`)."""


def run(argv: Sequence[str]) -> int:
    """Run one command; the exit code. Never raises: a bug prints one line, the traceback with -vv."""
    console = Console.from_environment(os.environ)
    try:
        result = cli.main(args=list(argv), prog_name="loadplan", standalone_mode=False, obj=console)
    except click.ClickException as error:
        console.error(f"error: {_in_our_words(error)}")
        context = getattr(error, "ctx", None)
        console.error(f"next: {context.command_path if context else 'loadplan'} --help")
        return 2
    except LoadplanError as error:
        console.show_error(error, or_else=_next(error, argv))
        return 128 + error.signal_number if isinstance(error, InterruptedRunError) else error.exit_code
    except (KeyboardInterrupt, click.Abort) as error:
        console.error("interrupted")
        # A run may have begun: typed again, the command would begin another.
        again = "loadplan status" if _runs(argv) else shlex.join(["loadplan", *argv])
        console.error(f"next: {again}")
        # click turns what it catches into an Abort.
        return 143 if isinstance(error, Terminated) or isinstance(error.__cause__, Terminated) else 130
    except ReaderGoneError:
        return 141
    except Exception as error:
        console.show_bug(error)
        return BUG_EXIT_CODE
    return result if isinstance(result, int) else 0


def _in_our_words(error: click.ClickException) -> str:
    """What click complains about, as the other messages say it."""
    match error:
        case click.MissingParameter() if error.param is not None and error.ctx is not None:
            return f"{error.param.get_error_hint(error.ctx).strip(chr(39))} is missing"
        case click.NoSuchOption():
            close = " or ".join(f"`{o}`" for o in sorted(error.possibilities or ()))
            return f"there is no option `{error.option_name}`" + (f"; did you mean {close}?" if close else "")
        case _:
            return error.format_message()


def _runs(argv: Sequence[str]) -> bool:
    return bool(argv) and argv[0] in {"apply", "resume", "retry", "abort"}


def _next(error: LoadplanError, argv: Sequence[str]) -> str:
    """What to type when an error does not say: its explanation, else the help of the command."""
    code = error.code
    if code is None and isinstance(error, InvalidInputError) and error.diagnostics:
        code = error.diagnostics[0].code
    if code is not None:
        return f"loadplan explain {code}"
    return f"loadplan {argv[0]} --help" if argv and argv[0] in COMMANDS else "loadplan --help"
