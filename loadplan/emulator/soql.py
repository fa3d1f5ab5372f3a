"""A subset of SOQL: reads a query into a plain value. What it means over the tables is in select.py; no records here.

Grammar: SOQL and SOSL Reference, "SOQL SELECT Syntax". What is left out, and refused by name: TYPEOF,
HAVING, WITH DATA CATEGORY, USING SCOPE, and functions that are not in soqlfunctions.py.
"""

from __future__ import annotations

import re

from .dates import is_date_word
from .soqlfunctions import AGGREGATES, DATE_FUNCTIONS
from .soqltext import check_escapes, check_moment
from .soqltree import Compare, Group, Literal, Query, Word
from .wire import ApiError

_TOKEN = re.compile(
    r"(?P<string>'(?:[^'\\]|\\.)*')|(?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))"
    r"|(?P<date>\d{4}-\d\d-\d\d)(?![\w:])|(?P<number>[+-]?(?:\d+(?:\.\d+)?|\.\d+))(?![\w.])"
    r"|(?P<word>[A-Za-z_][\w.]*(?::\d+)?)|(?P<sign><=|>=|!=|<>|[=<>(),])",
    re.ASCII,
)
_JOINTS = ("AND", "OR")
_COMPARISONS = ("=", "!=", "<>", "<", ">", "<=", ">=", "LIKE", "IN", "NOT", "INCLUDES", "EXCLUDES")
_MODES = ("SECURITY_ENFORCED", "USER_MODE", "SYSTEM_MODE")
_LOCKS = ("VIEW", "REFERENCE", "UPDATE")
_CLAUSES = ("WHERE", "ORDER", "LIMIT", "OFFSET", "GROUP", "HAVING", "WITH", "USING", "FOR", "ALL", "UPDATE")
_LARGEST = 2**31 - 1
_LONGEST = 100_000
_DEEPEST = 50
_LEVELS = 5


class Parser:
    """One pass over the tokens. Raises ApiError MALFORMED_QUERY."""

    def __init__(self, text: str) -> None:
        if len(text) > _LONGEST:
            text = f"SOQL statements cannot be longer than {_LONGEST} characters."
            raise ApiError(400, "MALFORMED_QUERY", text)
        self.text = text
        self.depth = 0
        self.tokens: list[tuple[str, str, int]] = []
        place = 0
        while place < len(text):
            if text[place].isspace():
                place += 1
                continue
            match = _TOKEN.match(text, place)
            if match is None:
                raise _bad(re.split(r"[\s,()]", text[place:], maxsplit=1)[0] or text[place])
            self.tokens.append((str(match.lastgroup), match[0], place))
            place = match.end()
        self.at = 0

    # tokens

    def peek(self, ahead: int = 0) -> str:
        """The next word in capitals; empty at the end."""
        place = self.at + ahead
        return self.tokens[place][1].upper() if place < len(self.tokens) else ""

    def take(self, *wanted: str) -> tuple[str, str, int]:
        """The next token, of those wanted."""
        if self.at >= len(self.tokens):
            raise _bad("'<EOF>'")
        kind, text, place = self.tokens[self.at]
        if wanted and text.upper() not in wanted:
            raise _bad(text)
        self.at += 1
        return kind, text, place

    def skip(self, word: str) -> bool:
        """Take a word if it is the next."""
        if self.peek() != word:
            return False
        self.at += 1
        return True

    def name(self) -> Word:
        """A field, an object or a path."""
        kind, text, place = self.take()
        if kind != "word" or text.endswith(".") or ":" in text:
            raise _bad(text)
        return Word(text, place)

    # clauses

    def whole(self) -> Query:
        """The query and nothing after it."""
        query = self.query()
        if self.at < len(self.tokens):
            raise _bad(self.tokens[self.at][1])
        return query

    def query(self) -> Query:
        """A query, in brackets or not."""
        self.take("SELECT")
        fields, children, count = self._fields()
        self.take("FROM")
        name = self.name()
        alias = self._alias()
        if self.peek() == "USING":
            raise _unknown("USING SCOPE")
        where = self._conditions() if self.skip("WHERE") else None
        if self.skip("WITH"):  # the one user of the embedded org may do what its settings let it do, whatever the mode
            if self.peek() not in _MODES:
                raise _unknown(f"WITH {self.take()[1]}")
            self.take()
        group = self._group() if self.skip("GROUP") else ()
        order = self._order() if self.skip("ORDER") else ()
        limit = self._number() if self.skip("LIMIT") else None
        offset = self._number() if self.skip("OFFSET") else 0
        lock = self.take(*_LOCKS)[1].upper() if self.skip("FOR") else ""
        if self.skip("UPDATE"):
            self.take("TRACKING", "VIEWSTAT")
        all_rows = self.skip("ALL") and bool(self.take("ROWS"))
        shown: tuple[Word, ...] = ()
        if group or any(word.function for word in fields):
            fields, shown = [], tuple(fields)
        if group and not shown:
            raise _bad("GROUP")
        if shown and children:
            text = "Grouped query cannot use child relationships in the SELECT list"
            raise ApiError(400, "MALFORMED_QUERY", text)
        if any(word.alias for word in fields):
            raise ApiError(400, "MALFORMED_QUERY", "only aggregate expressions use field aliasing")
        return Query(
            self.text, tuple(fields), name, alias, where, order, limit, offset, count, shown, group, all_rows, lock,
            tuple(children),
        )  # fmt: skip

    def _group(self) -> tuple[Word, ...]:
        self.take("BY")
        if self.peek() in ("ROLLUP", "CUBE") and self.peek(1) == "(":
            raise _unknown(f"GROUP BY {self.peek()}")
        keys = [self._function(DATE_FUNCTIONS)]
        while self.skip(","):
            keys.append(self._function(DATE_FUNCTIONS))
        if self.peek() == "HAVING":
            raise _unknown("HAVING")
        return tuple(keys)

    def _function(self, known: tuple[str, ...]) -> Word:
        """A field, or one of the functions of a field."""
        name = self.name()
        if self.peek() != "(":
            return name
        function = name.upper()
        if function not in known:
            raise _unknown(
                f"the function {name}()" if function not in (*AGGREGATES, *DATE_FUNCTIONS) else f"{name}() here"
            )
        self.take("(")
        inner = self.name()
        if self.peek() == "(":
            raise _unknown(f"the function {inner}()")
        self.take(")")
        return Word(inner, inner.at, function)

    def _alias(self) -> str:
        self.skip("AS")
        if self.at < len(self.tokens) and self.tokens[self.at][0] == "word" and self.peek() not in _CLAUSES:
            return self.name()
        return ""

    def _number(self) -> int:
        kind, text, _ = self.take()
        if kind != "number" or not text.isdigit():
            raise _bad(text)
        if int(text) > _LARGEST:
            raise ApiError(400, "MALFORMED_QUERY", f"numeric value out of range: {text}")
        return int(text)

    def _fields(self) -> tuple[list[Word], list[Query], bool]:
        if self.peek() == "COUNT" and self.peek(1) == "(" and self.peek(2) == ")":
            self.at += 3
            return [], [], True
        names: list[Word] = []
        children: list[Query] = []
        while True:
            if self.peek() == "(" and self.peek(1) == "SELECT":
                children.append(self._child())
            else:
                names.append(self._field())
            if not self.skip(","):
                return names, children, False

    def _child(self) -> Query:
        """A query in the field list, in its brackets."""
        self.depth += 1
        if self.depth > _LEVELS:
            raise ApiError(
                400, "MALFORMED_QUERY", f"SOQL relationship subqueries cannot go deeper than {_LEVELS} levels"
            )
        self.take("(")
        found = self.query()
        self.take(")")
        self.depth -= 1
        if found.count or found.shown:
            raise _unknown("aggregate functions in a subquery of the field list")
        return found

    def _field(self) -> Word:
        if self.peek() == "FIELDS" and self.peek(1) == "(":
            place = self.take()[2]
            self.take("(")
            which = self.take("ALL", "CUSTOM", "STANDARD")[1].upper()
            self.take(")")
            return Word(f"FIELDS({which})", place)
        name = self._function((*AGGREGATES, *DATE_FUNCTIONS))
        following = self.peek()
        if name.function:
            alias = str(self.name()) if following not in (",", "FROM", "") and self.tokens[self.at][0] == "word" else ""
            return Word(name, name.at, name.function, alias)
        if name.upper() == "TYPEOF" and following not in (",", "FROM"):
            raise _unknown("TYPEOF")
        if following not in (",", "FROM", "") and self.tokens[self.at][0] == "word":
            return Word(name, name.at, "", str(self.name()))
        return name

    def _order(self) -> tuple[tuple[Word, bool, bool], ...]:
        self.take("BY")
        keys: list[tuple[Word, bool, bool]] = []
        while True:
            name = self._function((*AGGREGATES, *DATE_FUNCTIONS))
            down = self.skip("DESC")
            if not down:
                self.skip("ASC")
            last = self.take("FIRST", "LAST")[1].upper() == "LAST" if self.skip("NULLS") else down
            keys.append((name, down, last))
            if not self.skip(","):
                return tuple(keys)

    # conditions

    def _conditions(self) -> Compare | Group:
        """Conditions joined by one of AND and OR: Salesforce wants brackets where both occur."""
        parts = [self._one()]
        joint = self.peek()
        while joint in _JOINTS and self.skip(joint):
            parts.append(self._one())
        if self.peek() in _JOINTS:
            raise _bad(self.tokens[self.at][1])
        return parts[0] if len(parts) == 1 else Group(joint.lower(), tuple(parts))

    def _one(self) -> Compare | Group:
        self.depth += 1
        if self.depth > _DEEPEST:
            text = "Query is either selecting too many fields or the filter conditions are too complicated."
            raise ApiError(400, "QUERY_TOO_COMPLICATED", text)
        try:
            return self._simple()
        finally:
            self.depth -= 1

    def _simple(self) -> Compare | Group:
        if self.skip("NOT"):
            return Group("not", (self._one(),))
        if self.skip("("):
            inner = self._conditions()
            self.take(")")
            return inner
        name = self._function(DATE_FUNCTIONS)
        operator = self.take(*_COMPARISONS)[1].upper()
        if operator == "NOT":
            self.take("IN")
            operator = "NOT IN"
        if operator in ("IN", "NOT IN", "INCLUDES", "EXCLUDES"):
            return Compare(name, operator, self._listed(semi="IN" in operator.split()))
        return Compare(name, "!=" if operator == "<>" else operator, self._value())

    def _listed(self, *, semi: bool) -> tuple[Literal, ...] | Query:
        self.take("(")
        found: tuple[Literal, ...] | Query
        if semi and self.peek() == "SELECT":
            found = self.query()
        else:
            values = [self._value()]
            while self.skip(","):
                values.append(self._value())
            found = tuple(values)
        self.take(")")
        return found

    def _value(self) -> Literal:
        kind, text, _ = self.take()
        if kind == "string":
            check_escapes(text)
            return Literal("string", text[1:-1])
        if kind == "number":
            return Literal("number", float(text))
        if kind in ("date", "datetime"):
            check_moment(kind, text)
            return Literal(kind, text)
        upper = text.upper()
        if kind == "word" and upper in ("NULL", "TRUE", "FALSE"):
            return Literal("null") if upper == "NULL" else Literal("boolean", upper == "TRUE")
        if kind == "word" and is_date_word(upper):
            return Literal("word", upper)
        raise _bad(text)


def _bad(token: str) -> ApiError:
    return ApiError(400, "MALFORMED_QUERY", f"unexpected token: {token}")


def _unknown(what: str) -> ApiError:
    return ApiError(400, "MALFORMED_QUERY", f"Implementation restriction: the embedded org does not know {what}")


def parse(text: str) -> Query:
    """Read a query; raises ApiError 400 MALFORMED_QUERY."""
    return Parser(text).whole()
