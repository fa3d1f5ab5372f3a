"""Queries with aggregate functions or GROUP BY, over REST: `SELECT StageName, SUM(Amount) FROM Opportunity GROUP BY StageName`.

SOQL and SOSL Reference, "GROUP BY" and "Aggregate Functions"; HAVING, ROLLUP and CUBE are not known. Reads nothing itself.
"""

from __future__ import annotations

from typing import Any

from .paths import Path
from .schema import Field
from .select import Select, is_long
from .soqlfunctions import AGGREGATES, applied, as_field, fits
from .soqltree import Word
from .tables import COMPOUND
from .values import NUMBERS
from .wire import ApiError

MOST = 2_000
"""Rows of an answer: it has no further pages."""


class Grouped(Select):
    """One such query; made and used as a Select is."""

    def grouped_statement(self) -> tuple[str, list[Any]]:
        """SQL that answers a row for each group, its columns in the order of `names`; and its values."""
        query = self.query
        if not query.group and query.limit is not None:
            raise self._refusal("Non-grouped query that uses overall aggregate functions cannot also use LIMIT")
        keys = [self._group_key(word) for word in query.group]
        shown = [self._shown(word) for word in query.shown]
        tests = [test for test in ("" if self.deleted else 't."IsDeleted"=0', self._where) if test]
        text = f"select {','.join(shown)} from {' '.join(self.sources)}"  # noqa: S608 - names of the schema, values bound
        text += f" where {' and '.join(tests)}" if tests else ""
        text += f" group by {','.join(keys)}" if keys else ""
        order = self._order or keys
        text += f" order by {','.join(order)}" if order else ""
        if query.limit is not None or query.offset:
            text += f" limit {-1 if query.limit is None else query.limit} offset {query.offset}"
        return text, list(self._values)

    def names(self) -> list[str]:
        """What the columns are called: by their alias, else a field by its name, a function by its number."""
        names: list[str] = []
        number = 0
        for word in self.query.shown:
            name = word.alias or word.rpartition(".")[2]
            if word.function and not word.alias:
                name, number = f"expr{number}", number + 1
            elif not word.alias:
                name = self.path(word)[-1].name
            if name.lower() in (known.lower() for known in names):
                raise self._refusal(f"duplicate alias: {name}")
            names.append(name)
        return names

    def kinds(self) -> list[str]:
        """The type of each column, as fields have it."""
        return [self._kind(word) for word in self.query.shown]

    def _kind(self, word: Word) -> str:
        if word.function in ("COUNT", "COUNT_DISTINCT"):
            return "int"
        if word.function and word.function not in AGGREGATES:
            return as_field(word).type
        return "double" if word.function == "AVG" else self.path(word)[-1].type

    def _refusal(self, text: str) -> ApiError:
        return ApiError(400, "MALFORMED_QUERY", text)

    def _shown(self, word: Word) -> str:
        if word.function not in AGGREGATES and _known(word) not in {_known(key) for key in self.query.group}:
            raise self.pointed("MALFORMED_QUERY", word, f"Field must be grouped or aggregated: {word.written}")
        return self._expression(word)

    def _group_key(self, word: Word) -> str:
        path = self.path(word)
        entry: Field = path[-1]
        loose = not entry.raw["groupable"] or is_long(entry) or entry.type in (*COMPOUND, *NUMBERS, "multipicklist")
        if loose and not word.function:
            raise self.pointed("INVALID_FIELD", word, f"field '{word}' can not be grouped in a query call")
        place = self._expression(word)
        return place if word.function or entry.type in ("int", "boolean") else f"{place} collate nocase"

    def _expression(self, word: Word) -> str:
        path: Path = self.path(word)
        place = self.place(path)
        if not word.function:
            return place
        if not fits(word, path[-1]):
            text = f"field {word} does not support aggregate operator {word.function}"
            raise self.pointed("MALFORMED_QUERY", word, text)
        return applied(word, place, path[-1])

    def _key(self, name: Word, down: bool, last: bool) -> str:
        if name.function not in AGGREGATES and _known(name) not in {_known(key) for key in self.query.group}:
            named = next((word for word in self.query.shown if word.alias.lower() == name.lower()), None)
            if named is None:
                raise self.pointed(
                    "MALFORMED_QUERY", name, f"Ordered field must be grouped or aggregated: {name.written}"
                )
            name = named
        return f"{self._expression(name)} {'desc' if down else 'asc'} nulls {'last' if last else 'first'}"


def _known(word: Word) -> tuple[str, str]:
    return word.lower(), word.function
