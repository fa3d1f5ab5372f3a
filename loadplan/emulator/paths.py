"""The names of a query against the schema: objects, fields, relationships over several levels and of several objects, FIELDS().

Knows which tables are joined for them. Values and conditions are in select.py.
"""

from __future__ import annotations

from dataclasses import replace

from .schema import Field, ObjectType, Schema
from .schemaload import FIELD_DEFAULTS
from .soqltree import Query, Word
from .tables import COMPOUND, table_name
from .wire import ApiError

_HELP = (
    "If you are attempting to use a custom {0}, be sure to append the '__{1}' after the {2} name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)
_WINDOW = 32
"""Characters of a long query that an error quotes before the word that is wrong."""
_MOST_OF_FIELDS = 200
Path = tuple[Field, ...]
_TYPE = Field(
    {**FIELD_DEFAULTS, "name": "Type", "label": "Type", "length": 255, "updateable": False, "createable": False}
)
"""The field of a polymorphic relationship that says which object a record is of."""


class Paths:
    """A query whose names are resolved as they are asked for. Raises ApiError in Salesforce's words."""

    def __init__(self, schema: Schema, query: Query, *, bulk: bool) -> None:
        self.schema, self.query, self.bulk = schema, query, bulk
        found = schema.find(query.object)
        if found is None:
            text = f"sObject type '{query.object}' is not supported. " + _HELP.format("object", "c", "entity")
            raise self.pointed("INVALID_TYPE", query.object, text)
        self.kind: ObjectType = found
        self.query = replace(query, fields=self._expanded(query))
        self.joins: dict[tuple[str, ...], str] = {}
        self.sources: list[str] = [f"{table_name(found)} t"]

    def pointed(self, code: str, word: Word, text: str) -> ApiError:
        """An error with the query quoted around a word, and a caret under it."""
        whole, place = self.query.text, word.at
        before = whole[:place]
        row, column = before.count("\n") + 1, place - (before.rfind("\n") + 1) + 1
        start = max(0, place - _WINDOW)
        line = f"\n{whole[start:]}\n{' ' * (place - start)}^\nERROR at Row:{row}:Column:{column}\n"
        return ApiError(400, code, line + text)

    def _expanded(self, query: Query) -> tuple[Word, ...]:
        """The field list with FIELDS() replaced by the names it stands for."""
        if not any(name.endswith(")") for name in query.fields):
            return query.fields
        names: list[Word] = []
        for name in query.fields:
            which = name[7:-1] if name.endswith(")") else ""
            if which in ("ALL", "CUSTOM"):
                if self.bulk:
                    text = f"FIELDS({which}) is not supported in Bulk Query, FIELDS(STANDARD) is"
                    raise ApiError(400, "MALFORMED_QUERY", text)
                if query.limit is None or query.limit > _MOST_OF_FIELDS:
                    text = f"The SOQL FIELDS function must have a LIMIT of at most {_MOST_OF_FIELDS}"
                    raise ApiError(400, "MALFORMED_QUERY", text)
            for entry in self.kind.visible if which else ():
                if which == "ALL" or (which == "CUSTOM") == bool(entry.raw["custom"]):
                    names.append(Word(entry.name, name.at))
            if not which:
                names.append(name)
        if not names:
            text = "'FIELDS(...)' expansion function must result in at least one field being selected."
            raise ApiError(400, "MALFORMED_QUERY", text)
        return tuple(names)

    def check_twice(self, fields: list[Path]) -> None:
        """Refuse a field that is selected twice."""
        seen: set[tuple[str, ...]] = set()
        for path in fields:
            names = tuple(entry.name for entry in path)
            if names in seen:
                shown = [str(entry.relationship) for entry in path[:-1]] + [path[-1].name]
                raise ApiError(400, "INVALID_FIELD", f"duplicate field selected: {'.'.join(shown)}")
            seen.add(names)

    def path(self, name: Word) -> Path:
        """The fields of `A.B.C`, lookups first; raises ApiError INVALID_FIELD."""
        kind: ObjectType = self.kind
        path: list[Field] = []
        *steps, last = name.split(".")
        if steps and steps[0].lower() in (self.kind.name.lower(), self.query.alias.lower() or None):
            steps = steps[1:]
        for number, step in enumerate(steps):
            lookup = kind.relationships.get(step.lower())
            if lookup is None:
                text = f"Didn't understand relationship '{step}' in field path. "
                raise self.pointed(
                    "INVALID_FIELD", name, text + _HELP.format("relationship", "r", "custom relationship")
                )
            path.append(lookup)
            if number == len(steps) - 1 and len(lookup.reference_to) > 1:
                return (*path, self._of_any(lookup, last, name))
            target = self.target(lookup)
            if target is None:
                raise self._no_column(next(iter(lookup.reference_to), "Name"), last, name)
            kind = target
        found = kind.field(last)
        if found is None:
            raise self._no_column(kind.name, last, name)
        return (*path, found)

    def _of_any(self, lookup: Field, last: str, name: Word) -> Field:
        """A field of a polymorphic relationship: of any of its objects, or their Type."""
        if last.lower() == "type":
            return _TYPE
        for target in self._targets(lookup):
            found = target.field(last)
            if found is not None:
                return found
        raise self._no_column("Name", last, name)

    def _no_column(self, owner: str, last: str, name: Word) -> ApiError:
        text = f"No such column '{last}' on entity '{owner}'. " + _HELP.format("field", "c", "custom field")
        return self.pointed("INVALID_FIELD", name, text)

    def target(self, lookup: Field) -> ObjectType | None:
        """The object a relationship leads to; of several, the user, else the first that the org has."""
        names = ("User", *lookup.reference_to) if "User" in lookup.reference_to else lookup.reference_to
        return next((found for name in names if (found := self.schema.find(name))), None)

    def _targets(self, lookup: Field) -> list[ObjectType]:
        return [found for name in lookup.reference_to if (found := self.schema.find(name))]

    def place(self, path: Path) -> str:
        """The SQL column at the end of a path; joins what lies between."""
        last = path[-1]
        if last.type in COMPOUND:
            return "NULL"
        lookups = path[:-1]
        if not lookups or len(lookups[-1].reference_to) < 2:
            return f'{self.alias(lookups)}."{last.name}"'
        targets = self._targets(lookups[-1])
        if last is _TYPE:
            own = f'{self.alias(lookups[:-1])}."{lookups[-1].name}"'
            cases = "".join(f" when '{target.prefix}' then '{target.name}'" for target in targets)
            return f"(case substr({own},1,3){cases} end)"
        places = [
            f'{self.alias(lookups, target)}."{found.name}"' for target in targets if (found := target.field(last.name))
        ]
        return places[0] if len(places) == 1 else f"coalesce({','.join(places)})"

    def alias(self, lookups: Path, target: ObjectType | None = None) -> str:
        """The SQL name of the table that lookups lead to, joined when it is first asked for."""
        if not lookups:
            return "t"
        found = target or self.target(lookups[-1])
        assert found is not None
        key = (*(lookup.name for lookup in lookups), found.name)
        if key not in self.joins:
            outer = self.alias(lookups[:-1])
            alias = f"r{len(self.joins) + 1}"
            self.joins[key] = alias
            self.sources.append(f'left join {table_name(found)} {alias} on {alias}."Id"={outer}."{lookups[-1].name}"')
        return self.joins[key]
