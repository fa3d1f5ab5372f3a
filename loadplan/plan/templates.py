"""Templates in a few leaf values: variables, filters and conditionals, nothing else. The plan's only door to jinja2.

jinja2 only reads the text; what it read is checked against a whitelist and worked out by `template_values`, node by node.
No code is generated, so there is nothing to escape from; size, depth, work and the length of the result are bounded while
they grow.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from loadplan.diagnostics import did_you_mean
from loadplan.lean import dataclass
from loadplan.plan.model import Cell, Text
from loadplan.plan.soql import Quote, quote_after
from loadplan.plan.sql_text import open_after
from loadplan.plan.template_values import FILTERS, SOQL_FILTERS, SQL_FILTERS, TemplateError, Work

MAX_TEMPLATE, MAX_NODES, MAX_NESTING = 16_384, 4_000, 40
_MARKS = ("{{", "{%", "{#")
_PARTS = "a template may hold variables, filters and conditionals"
_WORDS = {
    "Getattr": "`.`", "Getitem": "`[…]`", "Call": "a call `()`", "For": "a loop", "Test": "`is`", "Concat": "`~`", "List": "a list",
    "Tuple": "a list", "Dict": "a map", "Add": "`+`", "Sub": "`-`", "Mul": "`*`", "Div": "`/`", "FloorDiv": "`//`", "Mod": "`%`",
    "Pow": "`**`", "Neg": "`-`", "Pos": "`+`", "Assign": "`set`", "AssignBlock": "`set`", "Macro": "a macro", "Include": "`include`",
    "Import": "`import`", "FromImport": "`import`", "Block": "a block", "Extends": "`extends`", "With": "`with`",
    "CallBlock": "a call", "FilterBlock": "a filter block", "Slice": "`[…]`",
}  # fmt: skip
"""What an author wrote -> the syntax that is refused."""
_ALLOWED = frozenset(
    {
        "Template", "Output", "TemplateData", "Name", "Const", "Filter", "CondExpr", "If", "Compare", "Operand", "And", "Or",
        "Not",
    }
)  # fmt: skip
_ROW = re.compile(r"\{\{\s*row(?:\.([A-Za-z_]\w*)|\[\s*(?:\"([^\"]+)\"|'([^']+)')\s*\])\s*\}\}")
_NAME = re.compile(r"[A-Za-z_]\w*")
Fault = tuple[str, str, str, int]
"""Message, hint, a word of the template that shows where, and how many others like it come before: a `TemplateError`."""
RESERVED = frozenset({"and", "or", "not", "in", "is", "if", "else", "elif", "true", "false", "none"})
"""Words that a template cannot use as the name of a variable."""


def is_template(text: str) -> bool:
    return "{" in text and any(mark in text for mark in _MARKS)


def names_in(text: str) -> frozenset[str]:
    """The variables a template uses. Raises `TemplateError` on syntax that is not allowed."""
    if not is_template(text):
        return frozenset()
    _, names, wrong = _parse(text)
    _raise_first(wrong)
    return names


def words_in(text: str) -> frozenset[str]:
    """Every word that may be a variable, also of a template that is refused."""
    return frozenset(_NAME.findall(text)) if is_template(text) else frozenset()


def faults(text: str, *, soql: bool = False, sql: bool = False) -> list[TemplateError]:
    """Everything that is wrong with a template whatever its variables are."""
    if not is_template(text):
        return []
    try:
        tree, _, wrong = _parse(text)
    except TemplateError as error:
        return [error]
    found = list(wrong)
    if (soql or sql) and not found:
        walk = _Literals(SOQL) if soql else _Literals(SQL)
        end = walk.body(tree.body, walk.language.outside)
        unclosed: list[Fault] = [("a quote in the query is never closed", "close it", "", 0)]
        found = walk.found or (unclosed if end not in {walk.language.outside, "\n"} else [])
    return [TemplateError(*f) for f in found]


def render(text: str, variables: Mapping[str, object], *, soql: bool = False, sql: bool = False) -> str:
    """The text with its variables filled in. In SOQL every variable must pass a `soql_*` filter, outside of quotes;
    in SQL an `sql_*` one.

    Raises `TemplateError` on refused syntax, an unknown variable, a filter that does not fit, or too long a result."""
    if not is_template(text):
        return text
    for fault in faults(text, soql=soql, sql=sql):
        raise fault
    return Work(variables).render(_parse(text)[0])


def _raise_first(wrong: Sequence[Fault]) -> None:
    if wrong:
        raise TemplateError(*wrong[0])


@cache
def _environment() -> Any:
    from jinja2 import Environment

    # Only its parser is used: autoescape belongs to rendering, which never happens here.
    return Environment(autoescape=False)


@lru_cache(maxsize=4096)
def _parse(text: str) -> tuple[Any, frozenset[str], tuple[Fault, ...]]:
    """The tree, the names of its variables, and what in it is not allowed. Raises `TemplateError` when there is no tree."""
    from jinja2 import TemplateSyntaxError, nodes

    if len(text) > MAX_TEMPLATE:
        raise TemplateError(f"the template is longer than {MAX_TEMPLATE:,} characters", "shorten it")
    try:
        tree = _environment().parse(text)
    except TemplateSyntaxError as error:
        raise TemplateError(
            f"not a template: {error.message}", "a value stands in `{{ … }}`, a condition in `{% if … %}`"
        ) from None
    except (RecursionError, ValueError, OverflowError, MemoryError):
        raise TemplateError("not a template: nested too deeply, or a number too long", "shorten it") from None
    names: set[str] = set()
    wrong: dict[Fault, None] = {}
    queue: list[tuple[Any, int]] = [(tree, 0)]
    for count, (node, depth) in enumerate(queue):
        if depth > MAX_NESTING or count > MAX_NODES:
            raise TemplateError("the template is nested too deeply, or has too many parts", "shorten it")
        wrong.update(dict.fromkeys(_node_faults(node, nodes)))
        if isinstance(node, nodes.Name):
            names.add(node.name)
        queue.extend((child, depth + 1) for child in node.iter_child_nodes())
    return tree, frozenset(names), tuple(wrong)


def _node_faults(node: Any, nodes: Any) -> Iterator[Fault]:
    kind = type(node).__name__
    if kind not in _ALLOWED:
        near = getattr(node, "attr", "") if kind == "Getattr" else ""
        yield f"{_WORDS.get(kind, f'`{kind}`')} is not allowed; {_PARTS}", "remove it", near, 0
    elif isinstance(node, nodes.Filter):
        if node.name not in FILTERS:
            hint = did_you_mean(node.name, FILTERS) or f"filters: {', '.join(sorted(FILTERS))}"
            yield f"there is no filter `{node.name}`", hint, node.name, 0
        elif node.args or node.kwargs or node.dyn_args or node.dyn_kwargs or node.node is None:
            yield f"filter `{node.name}` takes nothing in brackets", f"write `| {node.name}`", node.name, 0
    elif isinstance(node, nodes.CondExpr) and node.expr2 is None:
        yield "an `if` without `else` has no value", "add `else`", "if", 0


# -- queries -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Language:
    """What must be known of the language around a value. `outside` is the state outside of quotes, `after` the state after a
    text."""

    name: str
    filters: frozenset[str]
    outside: Hashable
    after: Callable[[str, Any], Hashable]


SOQL = _Language("SOQL", SOQL_FILTERS, Quote.OUTSIDE, quote_after)
SQL = _Language("SQL", SQL_FILTERS, "", open_after)


class _Literals:
    """One walk over a template in a query, from its first word to its last: what could change the query around it."""

    def __init__(self, language: _Language) -> None:
        self.language = language
        self.found: list[Fault] = []
        self.seen: Counter[str] = Counter()

    def body(self, body: list[Any], state: Hashable) -> Hashable:
        """The state of quoting after `body`."""
        from jinja2 import nodes

        for node in body:
            if isinstance(node, nodes.Output):
                for part in node.nodes:
                    state = self._part(part, state, nodes)
            elif isinstance(node, nodes.If):
                state = self._branches(node, state, nodes)
        return state

    def _part(self, part: Any, state: Hashable, nodes: Any) -> Hashable:
        if isinstance(part, nodes.TemplateData):
            return self.language.after(part.data, state)
        if state == self.language.outside:
            self._check(part, nodes)
        else:
            literal = f"{self.language.name.lower()}_str"
            hint = f"remove the quotes around it: `{literal}` writes its own; for LIKE put the `%` into the variable"
            self._say("a value stands inside quotes", hint, part, nodes)
        self._pass(part, nodes)
        return state

    def _branches(self, node: Any, state: Hashable, nodes: Any) -> Hashable:
        ends = set()
        for condition in (node, *node.elif_):
            self._pass(condition.test, nodes)
            ends.add(self.body(condition.body, state))
        ends.add(self.body(node.else_, state))
        if len(ends) == 1:
            return ends.pop()
        self.found.append(("a quote is opened or closed in one branch only", "close it in every branch", "if", 0))
        return self.language.outside  # what follows cannot be judged

    def _check(self, node: Any, nodes: Any) -> None:
        if isinstance(node, nodes.CondExpr):
            self._check(node.expr1, nodes)
            self._check(node.expr2, nodes)
        elif not (isinstance(node, nodes.Filter) and node.name in self.language.filters):
            name = next((n.name for n in _names(node, nodes)), "name")
            text, day, number, listed = (
                f"{self.language.name.lower()}_{what}" for what in ("str", "date", "number", "in")
            )
            hint = f"write `{{{{ {name} | {text} }}}}`, or {day}, {number}, {listed}"
            summary = (
                f"a value in {self.language.name} must pass {text}, {day}, {number} or {listed} as its last filter"
            )
            self._say(summary, hint, node, nodes)

    def _say(self, summary: str, hint: str, node: Any, nodes: Any) -> None:
        name = next((n.name for n in _names(node, nodes)), "")
        self.found.append((summary, hint, name, self.seen[name]))

    def _pass(self, node: Any, nodes: Any) -> None:
        self.seen.update(n.name for n in _names(node, nodes))


def _names(node: Any, nodes: Any) -> Iterator[Any]:
    if isinstance(node, nodes.Name):
        yield node
    yield from node.find_all(nodes.Name)


# -- templates of a row --------------------------------------------------------------------------------------------


def row_pieces(text: str) -> tuple[Text | Cell, ...]:
    """A row template (`"{{ row.country }}-{{ row.id }}"`) as texts and cells in turn. Raises `TemplateError`."""
    pieces: list[Text | Cell] = []
    at = 0
    for found in _ROW.finditer(text):
        if found.start() > at:
            pieces.append(Text(text[at : found.start()]))
        pieces.append(Cell(next(g for g in found.groups() if g)))
        at = found.end()
    if at < len(text):
        pieces.append(Text(text[at:]))
    for piece in pieces:
        if isinstance(piece, Text) and is_template(piece.text):
            hint = 'write `{{ row.name }}` or `{{ row["a name"] }}`; for filters make the column in the source'
            raise TemplateError("a row template holds only columns of the row", hint)
    return tuple(pieces)


__all__ = [
    "RESERVED", "TemplateError", "faults", "is_template", "names_in", "render", "row_pieces", "words_in",
]  # fmt: skip
