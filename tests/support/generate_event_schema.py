"""Write `schemas/event.schema.json` from the event types. Run: python tests/support/generate_event_schema.py"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from pathlib import Path
from typing import Any

from loadplan.run import events

SCHEMA = Path(__file__).parents[2] / "schemas" / "event.schema.json"


def json_type(annotation: Any) -> dict[str, Any]:
    """The JSON Schema of a field's type."""
    origin = typing.get_origin(annotation)
    if origin in {types.UnionType, typing.Union}:
        options = [json_type(a) for a in typing.get_args(annotation)]
        return {"type": [o["type"] for o in options]}
    if origin is tuple:
        return {"type": "array"}
    if origin is dict:
        return {"type": "object"}
    names = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
    return {"type": names.get(annotation, "object")}


def event_schema() -> str:
    """The schema's text. New keys may be added to events, so other keys are allowed."""
    variants: list[dict[str, Any]] = []
    for name, kind in sorted(events.EVENT_TYPES.items()):
        hints = typing.get_type_hints(kind)
        properties: dict[str, Any] = {"type": {"const": name}}
        properties |= {f.name: json_type(hints[f.name]) for f in dataclasses.fields(kind)}
        about = " ".join((kind.__doc__ or "").split())
        if about == name or about.startswith(f"{name}("):
            about = ""
        variants.append(
            {
                "title": name,
                "description": about,
                "properties": properties,
                "required": ["type", "seq", "at", *list(properties)[1:]],
            }
        )
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:loadplan:event.schema.json",
        "title": "loadplan event",
        "description": "One line of the journal, and of --json. The first line of --json has the type `version`.",
        "type": "object",
        "required": ["type"],
        "properties": {
            "type": {"enum": ["version", *sorted(events.EVENT_TYPES)]},
            "seq": {"type": "integer", "minimum": 1, "description": "Its number in the journal."},
            "at": {"type": "string", "description": "RFC 3339, UTC."},
        },
        "allOf": [
            {"if": {"properties": {"type": {"const": v["title"]}}, "required": ["type"]}, "then": v} for v in variants
        ],
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(event_schema(), encoding="utf-8")
