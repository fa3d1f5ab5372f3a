"""`python -m loadplan` and the `loadplan` command."""

from __future__ import annotations

import signal
import sys
from io import TextIOWrapper
from types import FrameType


def main() -> None:
    """Run the command line and exit with its code."""
    from loadplan.cli.main import Terminated, run

    def terminate(_: int, __: FrameType | None) -> None:
        raise Terminated

    # SIGTERM would end the process without a word and with another exit code than a shell shows.
    signal.signal(signal.SIGTERM, terminate)
    # What a file holds may be no text that the terminal's encoding has, half of a pair for instance: it is shown escaped (in JSON, too,
    # that is the right spelling), where Python would stop in the middle of the output.
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
