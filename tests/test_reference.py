"""The page of error codes says what `loadplan explain` says."""

from __future__ import annotations

from support.generate_reference import PAGE, error_codes_markdown


def test_the_committed_page_of_error_codes_equals_the_generated_text() -> None:
    """A change of a code without `python tests/support/generate_reference.py` fails here."""
    assert PAGE.read_text(encoding="utf-8") == error_codes_markdown()
