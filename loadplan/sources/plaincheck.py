"""Plaincheck: whether a step's source may be looked at in one fast pass, and the pass. Decides nothing about problems."""

from __future__ import annotations

import codecs
import contextlib

from loadplan.diagnostics import has_errors
from loadplan.plan.model import DELIMITERS, LINE_ENDINGS, FileSource, FromColumn, Step
from loadplan.sources.base import InputDigest
from loadplan.sources.encode import row_encoder
from loadplan.sources.plainscan import NotPlainError, Wanted, scan
from loadplan.sources.shape import Shape

_DELIMITERS = frozenset(DELIMITERS.values())


def plain_check(step: Step, header: tuple[str, ...], shape: Shape) -> InputDigest | None:
    """The digest of the step's source when nothing is wrong with its rows beyond doubt, with its ranges when it can be sent
    as it stands; None when the careful reader has to look."""
    if not is_plain(step.source) or has_errors(shape.diagnostics) or not _takes_every_row(step):
        return None
    assert isinstance(step.source, FileSource)
    key = _key_index(step, header, shape)
    if key is None and shape.key_of is not None:
        return None
    wanted = Wanted(
        header=header, delimiter=step.source.delimiter, key=key, by_key=shape.sent_key is not None, ids=shape.keys_are_ids,
        prefix=row_encoder(DELIMITERS[step.csv.delimiter], LINE_ENDINGS[step.csv.line_ending])(shape.header)
        if sends_all(step, header) else None,
        line_ending=LINE_ENDINGS[step.csv.line_ending], max_rows=step.parts.max_rows, max_bytes=step.parts.max_bytes,
    )  # fmt: skip
    with contextlib.suppress(NotPlainError, OSError):
        return scan(step.source.file, wanted)
    return None


def is_plain(source: object) -> bool:
    """A file whose bytes are already those of a CSV that Salesforce reads."""
    return (
        isinstance(source, FileSource)
        and source.format in {"csv", "tsv"}
        and source.compression is None
        and not source.null
        and source.quote == '"'
        and source.delimiter in _DELIMITERS
        and _is_utf8(source.encoding)
    )


def sends_all(step: Step, header: tuple[str, ...]) -> bool:
    """Every column is sent, unchanged and in source order, under whatever name, in the dialect of the file."""
    assert isinstance(step.source, FileSource)
    if DELIMITERS[step.csv.delimiter] != step.source.delimiter:
        return False
    looked_up = [look.column for look in step.lookups]
    if step.columns is None:
        sent = ["Id"] if step.facts.id_only else [name for name in header if name not in looked_up]
    else:
        plain = [c.column for c in step.columns if isinstance(c, FromColumn) and is_untouched(c)]
        if len(plain) < len(step.columns):
            return False
        sent = plain
    return (*sent, *looked_up) == header


def is_untouched(column: FromColumn) -> bool:
    """A plain rename."""
    return column.values is None and column.empty is None


def _takes_every_row(step: Step) -> bool:
    may_fail = any(isinstance(c, FromColumn) and c.values is not None for c in step.columns or ())
    return step.where is None and step.limit is None and step.dedupe == "error" and not may_fail


def _key_index(step: Step, header: tuple[str, ...], shape: Shape) -> int | None:
    """The source column that holds the key as it is compared; None when no single one does."""
    if shape.key_of is None:
        return None
    if not (step.facts.needs_id or step.facts.needs_external_id):
        return header.index(step.key) if step.key in header else None
    target = "Id" if step.facts.needs_id else step.external_id
    if step.columns is None:
        return header.index(target) if target in header else None
    fed = next((c for c in step.columns if c.field == target), None)
    return header.index(fed.column) if isinstance(fed, FromColumn) and is_untouched(fed) else None


def _is_utf8(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding).name in {"utf-8", "utf-8-sig", "ascii"}
    except LookupError:
        return False
