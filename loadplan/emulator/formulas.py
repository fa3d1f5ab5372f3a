"""Formulas of validation rules: a small part of Salesforce's language, read once into functions. Nothing is ever executed but
the operators and functions of formula_functions.py.

Salesforce Help, "Formula Operators and Functions". Empty text and null are one and the same (BLANK); text compares with its
case; a date is a day, a dateTime a moment in UTC. What it says of records is decided in validation.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .formula_functions import KNOWN, FormulaError, Part, Row, negated, operation
from .formula_kinds import BOOLEAN, NULL, NUMBER, TEXT, UNKNOWN, of_call, of_operation

_TOKEN = re.compile(
    r"\s*(?:(?P<text>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')|(?P<number>\d+(?:\.\d+)?|\.\d+)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>&&|\|\||<=|>=|<>|!=|==|[=<>+\-*/&(),!^]))"
)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_DEEPEST = 40
_POWERS: tuple[tuple[str, ...], ...] = (
    ("||",), ("&&",), ("=", "==", "<>", "!="), ("<", ">", "<=", ">="), ("&",), ("+", "-"), ("*", "/"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Formula:
    """`holds(row)` is whether the formula is true; `fields` are those it names, as the object spells them, `earlier` those whose
    value before the save it looks at; `kind` is one of formula_kinds.py."""

    fields: frozenset[str]
    earlier: frozenset[str]
    part: Part
    kind: str = UNKNOWN

    def holds(self, row: Row) -> bool:
        """Whether it is true; BLANK is not."""
        return self.part(row) is True


def compile_formula(text: str, fields: Mapping[str, str], kinds: Mapping[str, str] | None = None) -> Formula:
    """Read a formula; `fields` maps lower-case names to those of the object, `kinds` those to the kinds of their values where they are
    known. Raises FormulaError."""
    reader = _Reader(_COMMENT.sub(" ", text), fields, kinds or {})
    part, kind = reader.expression(0)
    reader.end()
    return Formula(frozenset(reader.used), frozenset(reader.earlier), part, kind)


Typed = tuple[Part, str]
"""How a piece is computed, and the kind of its value."""


class _Reader:
    def __init__(self, text: str, fields: Mapping[str, str], kinds: Mapping[str, str]) -> None:
        self.kinds = kinds
        self.fields, self.used, self.earlier, self.depth, self.at = fields, set[str](), set[str](), 0, 0
        self.tokens: list[tuple[str, str]] = []
        place = 0
        while text[place:].strip():
            match = _TOKEN.match(text, place)
            if match is None:
                raise FormulaError(f"unexpected {text[place:].strip()[0]!r}")
            self.tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
            place = match.end()

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def take(self, wanted: str = "") -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise FormulaError(f"it ends where {wanted or 'a value'!r} is wanted")
        kind, text = self.tokens[self.at]
        if wanted and text != wanted:
            raise FormulaError(f"{wanted!r} is wanted where {text!r} stands")
        self.at += 1
        return kind, text

    def end(self) -> None:
        if self.at < len(self.tokens):
            raise FormulaError(f"unexpected {self.peek()!r}")

    def expression(self, power: int) -> Typed:
        if power == len(_POWERS):
            return self.value()
        left, kind = self.expression(power + 1)
        while self.peek() in _POWERS[power] and self.tokens[self.at][0] == "sign":
            sign = self.take()[1]
            right, other = self.expression(power + 1)
            left, kind = operation(sign, left, right), of_operation(sign, kind, other)
        return left, kind

    def value(self) -> Typed:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise FormulaError("it is nested too deeply")
        try:
            return self._value()
        finally:
            self.depth -= 1

    def _value(self) -> Typed:
        kind, text = self.take()
        if kind == "text":
            plain = re.sub(r"\\(.)", lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), text[1:-1])
            return lambda row: plain or None, TEXT
        if kind == "number":
            number = float(text)
            return lambda row: number, NUMBER
        if text == "(":
            inner = self.expression(0)
            self.take(")")
            return inner
        if text == "!":
            part, kind = self.value()
            return negated(part), of_call("NOT", [kind])
        if text == "-":
            part, kind = self.value()
            return operation("-", lambda row: 0.0, part), of_operation("-", NUMBER, kind)
        if kind != "name":
            raise FormulaError(f"unexpected {text!r}")
        return self._call(text) if self.peek() == "(" else self._name(text)

    def _name(self, text: str) -> Typed:
        constant = {"true": True, "false": False, "null": None}
        if text.lower() in constant and text.lower() not in self.fields:
            value = constant[text.lower()]
            return lambda row: value, NULL if value is None else BOOLEAN
        name = self.fields.get(text.lower())
        if name is None:
            raise FormulaError(f"the object has no field {text!r}")
        self.used.add(name)
        return lambda row: row.values.get(name), self.kinds.get(text.lower(), UNKNOWN)

    def _call(self, text: str) -> Typed:
        name = text.upper()
        self.take("(")
        if name in ("ISCHANGED", "PRIORVALUE"):
            return self._earlier(name)
        parts: list[Part] = []
        kinds: list[str] = []
        while self.peek() != ")":
            part, kind = self.expression(0)
            parts.append(part)
            kinds.append(kind)
            if self.peek() != ")":
                self.take(",")
                if self.peek() == ")":
                    raise FormulaError(f"{name} lacks a value behind its last comma")
        self.take(")")
        found = KNOWN.get(name)
        if found is None:
            raise FormulaError(f"{text} is no function that the embedded org knows: {', '.join(FUNCTIONS)}")
        least, most, make = found
        if not least <= len(parts) <= (most or len(parts)):
            raise FormulaError(
                f"{name} takes {least if least == most else f'at least {least}'} values, not {len(parts)}"
            )
        return make(parts), of_call(name, kinds)

    def _earlier(self, name: str) -> Typed:
        kind, text = self.take()
        field = self.fields.get(text.lower()) if kind == "name" else None
        if field is None:
            raise FormulaError(f"{name} takes the name of a field")
        self.take(")")
        self.used.add(field)
        self.earlier.add(field)
        if name == "PRIORVALUE":
            part: Part = lambda row: row.values.get(field) if row.is_new else row.before.get(field)  # noqa: E731
            return part, self.kinds.get(text.lower(), UNKNOWN)
        return lambda row: not row.is_new and row.values.get(field) != row.before.get(field), BOOLEAN


FUNCTIONS = (*sorted([*KNOWN, "ISCHANGED", "PRIORVALUE"]),)
