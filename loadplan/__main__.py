"""`python -m loadplan` and the `loadplan` command."""

from __future__ import annotations

import signal
import sys
from types import FrameType


def main() -> None:
    """Run the command line and exit with its code."""
    from loadplan.cli.main import Terminated, run

    def terminate(_: int, __: FrameType | None) -> None:
        raise Terminated

    # SIGTERM would end the process without a word and with another exit code than a shell shows.
    signal.signal(signal.SIGTERM, terminate)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
