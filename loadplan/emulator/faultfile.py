"""Trouble from a file, for `emulator serve --faults FILE`.

The file is JSON: `{"rules": [{"kind": "upload", "effect": "drop after", "nth": 1, "status": 503, "body": "…"}]}`. `kind` and
`effect` are those of `faults.Rule`; `nth` counts from 1 and null means every time; `status` and `body` serve the effect `status`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .faults import _KINDS, Faults, Rule

KINDS = frozenset({kind for kind, _, _ in _KINDS} | {"close", "abort", "any", "other"})
EFFECTS = frozenset({"drop before", "drop after", "status", "truncate", "expire"})
_KEYS = {"kind", "effect", "nth", "status", "body"}


def load_faults(path: Path) -> Faults:
    """The faults a file describes. Raises ValueError naming the rule and what is wrong with it."""
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is not a JSON file: {error}") from error
    if not isinstance(data, dict) or not isinstance(data.get("rules"), list) or set(data) != {"rules"}:
        raise ValueError(f'{path} must be {{"rules": [...]}}')
    return Faults(*(_rule(path, number, rule) for number, rule in enumerate(data["rules"], 1)))


def _rule(path: Path, number: int, rule: Any) -> Rule:
    where = f"{path}, rule {number}"
    if not isinstance(rule, dict) or set(rule) - _KEYS:
        raise ValueError(f"{where}: keys are {', '.join(sorted(_KEYS))}")
    if rule.get("kind") not in KINDS:
        raise ValueError(f"{where}: kind must be one of {', '.join(sorted(KINDS))}")
    if rule.get("effect") not in EFFECTS:
        raise ValueError(f"{where}: effect must be one of {', '.join(sorted(EFFECTS))}")
    nth, status = rule.get("nth", 1), rule.get("status", 503)
    if (nth is not None and (not isinstance(nth, int) or nth < 1)) or not isinstance(status, int):
        raise ValueError(f"{where}: nth counts from 1 (or null), status is a number")
    return Rule(rule["kind"], rule["effect"], nth, status, str(rule.get("body", "")).encode())
