"""Plaincheck: whether a step's source may be looked at in one fast pass, and the pass. The only problem it tells is a key that
stands twice; any other is left to the careful reader."""

from __future__ import annotations

from dataclasses import replace

from loadplan.diagnostics import Diagnostic, has_errors
from loadplan.lean import dataclass
from loadplan.plan.model import DELIMITERS, LINE_ENDINGS, FileSource, Step
from loadplan.sources.base import InputDigest, Tick
from loadplan.sources.countedpath import CountedPath
from loadplan.sources.encode import row_encoder
from loadplan.sources.plainrepeats import SuspectRows
from loadplan.sources.plainscan import NotPlainError, RepeatsError, Wanted, scan
from loadplan.sources.rawrecords import TooLongError
from loadplan.sources.rawshape import RawShape, compile_raw
from loadplan.sources.repeats import find_repeats
from loadplan.sources.rowcode import RowFaultError
from loadplan.sources.shape import Shape

_DELIMITERS = frozenset(DELIMITERS.values())


@dataclass(frozen=True)
class PlainCheck:
    """What the fast pass found: the digest of the source, how many of its rows are sent and how many different keys they have,
    and what is to be said of keys that stand twice."""

    digest: InputDigest
    sent: int
    distinct: int
    repeats: tuple[Diagnostic, ...] = ()


def plain_check(step: Step, header: tuple[str, ...], shape: Shape, tick: Tick | None = None) -> PlainCheck | None:
    """What the fast pass found, when nothing but keys is wrong with the rows beyond doubt; with the source's ranges when it can be sent
    as it stands. None when the careful reader has to look."""
    # With both, which rows are sent is for the careful reader to say: the fast pass would count other ones.
    both = step.limit is not None and step.dedupe != "error"
    if both or not is_plain(step.source) or has_errors(shape.diagnostics):
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
    try:
        digest, sent = scan(step.source.file if tick is None else CountedPath.of(step.source.file, tick), wanted)
    except RepeatsError as found:
        return _with_repeats(step.source, shape, wanted, found)
    except (NotPlainError, OSError):
        return None
    return PlainCheck(digest, sent, sent)


def _with_repeats(source: FileSource, shape: Shape, wanted: Wanted, found: RepeatsError) -> PlainCheck | None:
    """Which keys do stand twice. None when the file is another one by now."""
    rows = SuspectRows(source.file, wanted, found.keys.repeated())
    try:
        repeats = find_repeats(rows, shape, source.path, rows.suspects)
    except (OSError, ValueError, RowFaultError, TooLongError):
        return None
    if rows.sha256 != found.digest.sha256:
        return None
    digest = replace(found.digest, ranges=(), header="") if has_errors(repeats) else found.digest
    return PlainCheck(digest, found.sent, found.keys.distinct(), tuple(repeats))


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
