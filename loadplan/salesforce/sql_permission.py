"""Whether `sql` sources may run: orgs.yaml decides, never the plan. The default is no."""

from __future__ import annotations

from pathlib import Path

from loadplan.errors import InvalidInputError


def sql_sources_allowed(org: str | None, root: Path) -> bool:
    """What orgs.yaml at the project root says: the entry of `org` where it has the key, else the key at the top.

    Raises InvalidInputError on a file that cannot be used: a broken file allows nothing."""
    path = root / "orgs.yaml"
    if not path.is_file():
        return False
    from loadplan.plan.document import read_document
    from loadplan.plan.schema import check_schema

    document, problems = read_document(path)
    problems = problems or check_schema(document, "orgs") if document else problems
    if document is None or problems:
        raise InvalidInputError(f"{path.name} cannot be used", problems)
    entry = document.data["orgs"].get(org, {}) if org is not None else {}
    return bool(entry.get("sql_sources", document.data.get("sql_sources", False)))
