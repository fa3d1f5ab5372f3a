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
    value before the save it looks at."""

    fields: frozenset[str]
    earlier: frozenset[str]
    part: Part

    def holds(self, row: Row) -> bool:
        """Whether it is true; BLANK is not."""
        return self.part(row) is True


def compile_formula(text: str, fields: Mapping[str, str]) -> Formula:
    """Read a formula; `fields` maps lower-case names to those of the object. Raises FormulaError."""
    reader = _Reader(_COMMENT.sub(" ", text), fields)
    part = reader.expression(0)
    reader.end()
    return Formula(frozenset(reader.used), frozenset(reader.earlier), part)


class _Reader:
    def __init__(self, text: str, fields: Mapping[str, str]) -> None:
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

    def expression(self, power: int) -> Part:
        if power == len(_POWERS):
            return self.value()
        left = self.expression(power + 1)
        while self.peek() in _POWERS[power] and self.tokens[self.at][0] == "sign":
            sign = self.take()[1]
            left = operation(sign, left, self.expression(power + 1))
        return left

    def value(self) -> Part:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise FormulaError("it is nested too deeply")
        try:
            return self._value()
        finally:
            self.depth -= 1

    def _value(self) -> Part:
        kind, text = self.take()
        if kind == "text":
            plain = re.sub(r"\\(.)", lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), text[1:-1])
            return lambda row: plain or None
        if kind == "number":
            number = float(text)
            return lambda row: number
        if text == "(":
            inner = self.expression(0)
            self.take(")")
            return inner
        if text == "!":
            return negated(self.value())
        if text == "-":
            return operation("-", lambda row: 0.0, self.value())
        if kind != "name":
            raise FormulaError(f"unexpected {text!r}")
        return self._call(text) if self.peek() == "(" else self._name(text)

    def _name(self, text: str) -> Part:
        constant = {"true": True, "false": False, "null": None}
        if text.lower() in constant and text.lower() not in self.fields:
            value = constant[text.lower()]
            return lambda row: value
        name = self.fields.get(text.lower())
        if name is None:
            raise FormulaError(f"the object has no field {text!r}")
        self.used.add(name)
        return lambda row: row.values.get(name)

    def _call(self, text: str) -> Part:
        name = text.upper()
        self.take("(")
        if name in ("ISCHANGED", "PRIORVALUE"):
            return self._earlier(name)
        parts: list[Part] = []
        while self.peek() != ")":
            parts.append(self.expression(0))
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
        return make(parts)

    def _earlier(self, name: str) -> Part:
        kind, text = self.take()
        field = self.fields.get(text.lower()) if kind == "name" else None
        if field is None:
            raise FormulaError(f"{name} takes the name of a field")
        self.take(")")
        self.used.add(field)
        self.earlier.add(field)
        if name == "PRIORVALUE":
            return lambda row: row.values.get(field) if row.is_new else row.before.get(field)
        return lambda row: not row.is_new and row.values.get(field) != row.before.get(field)


FUNCTIONS = (*sorted([*KNOWN, "ISCHANGED", "PRIORVALUE"]),)
