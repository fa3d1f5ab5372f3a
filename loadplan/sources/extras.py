"""Extras: how a package that loadplan can do without is asked for when a source needs it. Imports none of them."""

from __future__ import annotations

from typing import NoReturn

from loadplan.sources.problems import refuse_file


def missing(package: str, extra: str, name: str, what: str) -> NoReturn:
    """Raise InvalidInputError (exit 2): source `name` needs `package`, which comes with the extra `extra`."""
    refuse_file(
        "LP0376", f"{what} needs the package `{package}`, which is not installed", name,
        hint=f"pip install 'loadplan[{extra}]'",
    )  # fmt: skip
