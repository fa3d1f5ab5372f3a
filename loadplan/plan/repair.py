"""What can still be checked of a plan with mistakes: a copy without its broken parts. Pure.

The copy has the schema's shape, so that variables, templates, paths and rules can be looked at in the same pass. What a hint
proposes (`did you mean …`) is taken for granted. The copy remembers what was left out (`Document.broken`), so that nothing is
said to be missing that its author wrote. It is never run.
"""

from __future__ import annotations

from typing import Any

from loadplan.diagnostics import Diagnostic, closest
from loadplan.plan.document import Document, KeyPath
from loadplan.plan.operations import OPERATIONS
from loadplan.plan.schema import look_at


def repaired(document: Document) -> tuple[Document | None, list[Diagnostic]]:
    """(the document without its broken parts, what is wrong with its shape). None when there is nothing to look at."""
    if not isinstance(document.data, dict):
        return None, look_at(document, "plan").problems
    problems: dict[Diagnostic, None] = {}
    # What is left out may be what another rule of the schema needed, and a guessed operation brings rules of its own.
    for _ in range(8):
        shape = look_at(document, "plan")
        problems.update(dict.fromkeys(shape.problems))
        guesses = _guessed(document, shape.faulty)
        if not problems and not document.broken:
            return document, []
        if not shape.faulty:
            break
        faulty = shape.faulty - set(shape.meant) - {(*g, "operation") for g in guesses}
        document = document.without(faulty, renamed=shape.meant)
        for path, word in guesses.items():
            document.data["steps"][path[1]]["operation"] = word
    else:
        return None, list(problems)
    return _stand_ins(document.without(())), list(problems)


def _steps(document: Document) -> dict[str, Any]:
    steps = document.data.get("steps")
    return steps if isinstance(steps, dict) else {}


def _guessed(document: Document, faulty: set[KeyPath]) -> dict[KeyPath, str]:
    """The operations that were surely meant: what the hint proposes, the rules take for granted."""
    found: dict[KeyPath, str] = {}
    for name, step in _steps(document).items():
        path: KeyPath = ("steps", name)
        if (*path, "operation") in faulty and isinstance(step.get("operation"), str):
            meant = closest(step["operation"], OPERATIONS)
            if meant:
                found[path] = meant[0]
    return found


def _stand_ins(document: Document) -> Document:
    """Harmless values for what the model cannot do without. Each is marked as broken."""
    broken: set[KeyPath] = set()
    data = document.data
    for key, value in (("name", "unnamed"), ("steps", {})):
        if key not in data:
            data[key] = value
            broken.add((key,))
    for name, step in data["steps"].items():
        if "operation" not in step:
            step["operation"] = "query" if "soql" in step else "upsert" if "external_id" in step else "insert"
            broken.add(("steps", name, "operation"))
    return document.without((), broken)
