"""SQL sources are off unless orgs.yaml says otherwise, for one org or for all."""

from __future__ import annotations

from pathlib import Path

import pytest
from loadplan.errors import InvalidInputError
from loadplan.salesforce.sql_permission import sql_sources_allowed

ORGS = """\
version: 1
{top}orgs:
  yes: {{auth: {{flow: sf-cli, alias: a}}, sql_sources: true}}
  no: {{auth: {{flow: sf-cli, alias: a}}, sql_sources: false}}
  silent: {{auth: {{flow: sf-cli, alias: a}}}}
"""


@pytest.mark.parametrize(
    ("top", "expected"),
    [
        ("", {"yes": True, "no": False, "silent": False, "embedded": False, None: False}),
        ("sql_sources: false\n", {"yes": True, "no": False, "silent": False, "embedded": False, None: False}),
        ("sql_sources: true\n", {"yes": True, "no": False, "silent": True, "embedded": True, None: True}),
    ],
)
def test_the_orgs_own_entry_decides_before_the_top_of_the_file(
    tmp_path: Path, top: str, expected: dict[str | None, bool]
) -> None:
    """An org without a word of its own, and one that the file does not know, follow the top."""
    (tmp_path / "orgs.yaml").write_text(ORGS.format(top=top), encoding="utf-8")
    assert {org: sql_sources_allowed(org, tmp_path) for org in expected} == expected


def test_without_the_file_nothing_is_allowed(tmp_path: Path) -> None:
    """A project that has said nothing has not said yes."""
    assert not sql_sources_allowed("embedded", tmp_path)


@pytest.mark.parametrize("text", ["version: 1\nsql_sources: 'true'\norgs: {}\n", "sql_sources: true\n", "{", ""])
def test_a_broken_file_allows_nothing(tmp_path: Path, text: str) -> None:
    """A text is not a yes."""
    (tmp_path / "orgs.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInputError):
        sql_sources_allowed(None, tmp_path)
