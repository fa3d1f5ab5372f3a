"""Which column a row error about a missing parent is about. Pure; the org's words stay as they are.

Salesforce names the parent's field and object and leaves the list of fields empty: "Foreign key external ID: X not found for field
Legacy_Id__c in entity Account". Whoever mends the row needs the column of the source instead.
"""

from __future__ import annotations

import re

from loadplan.plan.model import Step

_MISSING = re.compile(r"Foreign key external ID: .* not found for field (\w+) in entity", re.DOTALL | re.IGNORECASE)


def blamed(step: Step, fields: tuple[str, ...], message: str) -> tuple[tuple[str, ...], str]:
    """The fields and the message of a row error, with the step's lookups by that field and their source columns where the org
    names none."""
    found = _MISSING.search(message)
    if fields or found is None:
        return fields, message
    lookups = [*step.lookups, *([step.hierarchy.lookup] if step.hierarchy and step.hierarchy.lookup else [])]
    meant = [lookup for lookup in lookups if lookup.field.lower() == found[1].lower()]
    if not meant:
        return fields, message
    columns = " or ".join(f"`{lookup.column}`" for lookup in meant)
    return tuple(lookup.header for lookup in meant), f"{message} (source column {columns})"
