"""The operations a step may ask for: one row each, with what it needs and what it may do.

A registry is a literal dict; the schema's allowed values are tested equal to its keys.
Bulk API 2.0 Developer Guide, "Create a Job" (ingest) and "Create a Query Job".
"""

from __future__ import annotations

from enum import StrEnum

from loadplan.lean import dataclass


class Kind(StrEnum):
    INGEST = "ingest"
    QUERY = "query"


@dataclass(frozen=True)
class OperationFacts:
    """`repeatable`: sending the same rows twice ends in the same records, so an unknown outcome may be repeated.
    `destructive`: rows disappear. `id_only`: the file holds only the `Id` column. `needs_id`: rows are addressed
    by `Id`. `permission`: the name under `allow:` in orgs.yaml that covers it."""

    kind: Kind
    repeatable: bool = False
    destructive: bool = False
    id_only: bool = False
    needs_id: bool = False
    needs_external_id: bool = False
    permission: str = ""
    symbol: str = ""


OPERATIONS: dict[str, OperationFacts] = {
    "insert": OperationFacts(Kind.INGEST, permission="insert", symbol="+"),
    "update": OperationFacts(Kind.INGEST, repeatable=True, needs_id=True, permission="update", symbol="~"),
    "upsert": OperationFacts(Kind.INGEST, repeatable=True, needs_external_id=True, permission="upsert", symbol="±"),
    "delete": OperationFacts(
        Kind.INGEST, destructive=True, id_only=True, needs_id=True, permission="delete", symbol="-"
    ),
    "hardDelete": OperationFacts(
        Kind.INGEST, destructive=True, id_only=True, needs_id=True, permission="hardDelete", symbol="!"
    ),
    "query": OperationFacts(Kind.QUERY, repeatable=True, permission="query", symbol="<"),
    "queryAll": OperationFacts(Kind.QUERY, repeatable=True, permission="query", symbol="<"),
}
