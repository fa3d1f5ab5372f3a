"""`python -m loadplan` and the `loadplan` command."""

from __future__ import annotations

import gc
import signal
import sys
from io import TextIOWrapper
from types import FrameType

_OBJECTS = 200_000
"""Made and kept between two looks for garbage."""


def main() -> None:
    """Run the command line and exit with its code."""
    # Modules, classes and a plan stay to the end. To look through them for garbage every few hundred objects, and once more at the
    # exit, takes a third of a second and finds none.
    gc.set_threshold(_OBJECTS)
    from loadplan.cli.main import Terminated, run

    def terminate(_: int, __: FrameType | None) -> None:
        raise Terminated

    # SIGTERM would end the process without a word and with another exit code than a shell shows.
    signal.signal(signal.SIGTERM, terminate)
    # What a file holds may be no text that the terminal's encoding has, half of a pair for instance: it is shown escaped (in JSON, too,
    # that is the right spelling), where Python would stop in the middle of the output.
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    code = run(sys.argv[1:])
    gc.freeze()
    sys.exit(code)


if __name__ == "__main__":
    main()
