"""Field-level security: which fields the user may not see, and which not change. Decides nothing of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class SecurityError(ValueError):
    """Field-level security names a field that no object has."""


class Secured:
    """`hidden` and `read_only` are `Object.Field` names in any case; raises SecurityError for one that no object has."""

    def __init__(self, hidden: Sequence[str], read_only: Sequence[str], raws: dict[str, dict[str, Any]]) -> None:
        known = {f"{name}.{field['name']}".lower() for name, raw in raws.items() for field in raw.get("fields", ())}
        self.hidden, self.read_only = ({entry.lower() for entry in names} for names in (hidden, read_only))
        for entry in (*hidden, *read_only):
            if entry.lower() not in known:
                raise SecurityError(
                    f"field-level security names {entry!r}, and no object has that field; write Object.Field"
                )

    def hidden_of(self, name: str) -> frozenset[str]:
        """Lower-case names of the fields of an object that the user may not see."""
        return frozenset(entry.partition(".")[2] for entry in self.hidden if entry.startswith(f"{name.lower()}."))

    def rights(self, name: str, entry: dict[str, Any]) -> dict[str, Any]:
        """The description of a field, without the rights that are taken away."""
        fixed = f"{name}.{entry['name']}".lower() in self.read_only
        return {**entry, "createable": False, "updateable": False} if fixed else entry
