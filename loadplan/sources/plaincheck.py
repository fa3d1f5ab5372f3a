"""Plaincheck: whether a step's source may be looked at in one fast pass, and the pass. Decides nothing about problems."""

from __future__ import annotations

import contextlib

from loadplan.diagnostics import has_errors
from loadplan.plan.model import DELIMITERS, LINE_ENDINGS, FileSource, Step
from loadplan.sources.base import InputDigest
from loadplan.sources.encode import row_encoder
from loadplan.sources.plainscan import NotPlainError, Wanted, scan
from loadplan.sources.rawshape import RawShape, compile_raw
from loadplan.sources.shape import Shape

_DELIMITERS = frozenset(DELIMITERS.values())


def plain_check(step: Step, header: tuple[str, ...], shape: Shape) -> tuple[InputDigest, int] | None:
    """The digest of the step's source and how many of its rows are sent, when nothing is wrong with them beyond doubt; with
    its ranges when it can be sent as it stands. None when the careful reader has to look."""
    if not is_plain(step.source) or has_errors(shape.diagnostics):
        return None
    assert isinstance(step.source, FileSource)
    raw = compile_raw(step, header, step.source.delimiter)
    if raw is None:
        return None
    simple = takes_every_row(step) and raw.picks is not None and not step.masks
    key = _key_column(raw)
    if shape.key_of is not None and raw.key_index is None and raw.key_column is None:
        return None
    wanted = Wanted(
        header=header, delimiter=step.source.delimiter, key=key, by_key=shape.sent_key is not None, ids=shape.keys_are_ids,
        prefix=row_encoder(DELIMITERS[step.csv.delimiter], LINE_ENDINGS[step.csv.line_ending])(shape.header)
        if simple and goes_as_it_stands(step, raw) else None,
        line_ending=LINE_ENDINGS[step.csv.line_ending], max_rows=step.parts.max_rows, max_bytes=step.parts.max_bytes,
        unique=step.dedupe == "error", limit=step.limit, shape=None if simple else raw,
    )  # fmt: skip
    with contextlib.suppress(NotPlainError, OSError):
        return scan(step.source.file, wanted)
    return None


def is_plain(source: object) -> bool:
    """A file whose bytes are already those of a CSV that Salesforce reads; `compile_raw` knows its encoding and quotes."""
    return (
        isinstance(source, FileSource)
        and source.format in {"csv", "tsv"}
        and source.compression is None
        and source.delimiter in _DELIMITERS
    )


def goes_as_it_stands(step: Step, raw: RawShape) -> bool:
    """Every column and every row is sent, unchanged and in source order, in the dialect of the file; no row waits for a
    parent of its own step, or for an id."""
    assert isinstance(step.source, FileSource)
    return (
        raw.is_identity
        and not step.source.null
        and DELIMITERS[step.csv.delimiter] == step.source.delimiter
        and not step.ids
        and step.hierarchy is None
    )


def takes_every_row(step: Step) -> bool:
    return step.where is None and step.limit is None and step.dedupe == "error"


def _key_column(raw: RawShape) -> int | None:
    """The source column that holds the key as it is compared, for rows of which nothing but the order of columns changes."""
    if raw.key_index is not None and raw.picks is not None:
        at = raw.picks[raw.key_index]
        assert isinstance(at, int)  # a key is carried unchanged, so it is no constant
        return at
    return raw.key_column
