"""Masks: values made anonymous on their way out: hashed, faked or blanked. Keyed and repeatable: one key and one value give
the same masked value in every step and every run, so masked keys and masked lookups to them still meet.

An empty cell and `#N/A` hold nothing to hide and stay. `blank` sends `#N/A` in every row, so that the field is empty
afterwards; an empty cell would leave what a record already has (Bulk API 2.0 Developer Guide, "Prepare CSV Files").
The key is found in the environment or a file when it is needed; it is written nowhere and shown to nobody.
"""

from __future__ import annotations

import hashlib
import os
import re
from binascii import hexlify
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

from loadplan.diagnostics import Diagnostic, Place
from loadplan.errors import OrgError
from loadplan.lean import dataclass
from loadplan.plan.model import MaskKind, Step
from loadplan.sources.fakes import fake_of
from loadplan.sources.problems import refuse

BLANK = "#N/A"
MASK_KEY = "the mask key of "
"""How a key is called where it is compared: followed by the step."""
HASH_LENGTH = 18
"""Hex characters of a hash: 72 bits, no longer than a Salesforce id, which every text field used as a key can hold."""
SHORT_FIELDS = {"naicscode": 8, "dunsnumber": 9}
"""Standard text fields that hold less."""
SHORTEST_KEY = 16
DEFAULT_KEY = {"env": "LOADPLAN_MASK_KEY"}

_EMAIL = re.compile(rb"[^@\s]+@[^@\s]+\.[^@\s]+")
_NOTHING = frozenset({b"", BLANK.encode()})
_AT = ord("@")  # a number: asking bytes for one is five times as fast as for bytes of length 1
_CACHED = 64


@dataclass(frozen=True)
class Masker:
    """How the values of one field are masked. `of_bytes` takes and gives UTF-8. `is_bare`: what it gives never needs quotes
    in CSV, whatever the delimiter."""

    of_bytes: Callable[[bytes], bytes]
    is_bare: bool = False

    def of_text(self, text: str) -> str:
        """The masked value of a text."""
        return self.of_bytes(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


def maskers(step: Step, environ: Mapping[str, str] | None = None) -> dict[str, Masker]:
    """The masker of each masked field of the step. Raises InvalidInputError when there is no usable key."""
    how = step.masks.how if step.masks is not None else {}
    key = mask_key(step, environ) if any(kind != "blank" for kind in how.values()) else b""
    return {field: masker(kind, field, key) for field, kind in how.items()}


def key_masker(step: Step, environ: Mapping[str, str] | None = None) -> Masker | None:
    """How the key of an upsert is masked, or hashed (`idempotency`); None when it is sent as it is. Whoever looks a row up by its
    key must do the same to what is looked for. Raises InvalidInputError when there is no usable key."""
    if step.idempotency is not None:
        return key_hasher(step.idempotency.salt)
    if step.external_id is None or step.mask_of(step.external_id) is None:
        return None
    return maskers(step, environ)[step.external_id]


def key_hasher(salt: str) -> Masker:
    """A row's key as the value of an external id that is safe to repeat: SHA-256 of plan, step and key, 64 hex characters. No
    secret is in it: it hides nothing, it tells rows apart. An empty key stays empty, and is refused."""
    begun = hashlib.sha256(salt.encode("utf-8") + b"\0")

    def hashed(value: bytes) -> bytes:
        if not value:
            return value
        one = begun.copy()
        one.update(value)
        return hexlify(one.digest())

    return Masker(hashed, is_bare=True)


def masker(kind: MaskKind, field: str, key: bytes) -> Masker:
    """One masker. `field` is a sent field or a lookup's header, of which the last name counts."""
    match kind:
        case "blank":
            blank = BLANK.encode()
            return Masker(lambda value: blank, is_bare=True)
        case "hash":
            return Masker(_hasher(field, key), is_bare=True)
        case "fake":
            return Masker(_faker(field, key))


def _hasher(field: str, key: bytes) -> Callable[[bytes], bytes]:
    name = field.rpartition(".")[2]
    length = SHORT_FIELDS.get(name.casefold(), HASH_LENGTH)
    digest = _hmac(key)

    def hashed(value: bytes) -> bytes:
        if value in _NOTHING:
            return value
        short = hexlify(digest(value))[:length]
        return short + b"@masked.invalid" if _AT in value and _EMAIL.fullmatch(value) else short

    return hashed


def _faker(field: str, key: bytes) -> Callable[[bytes], bytes]:
    fake, digest = fake_of(field), _hmac(key)

    def made(value: bytes) -> bytes:
        if value in _NOTHING:
            return value
        text = value.decode("utf-8", "surrogatepass")
        return fake(text, digest(value)).encode("utf-8", "surrogatepass")

    cached = lru_cache(4096)(made)
    # Names come again and again; a long text does not, and would fill the memory.
    return lambda value: cached(value) if len(value) <= _CACHED else made(value)


def _hmac(key: bytes) -> Callable[[bytes], bytes]:
    """HMAC-SHA256 of one key (RFC 2104), its two halves begun once: half the time of `hmac.digest` for short values."""
    block = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in block))
    outer = hashlib.sha256(bytes(b ^ 0x5C for b in block))

    def digest(value: bytes) -> bytes:
        one = inner.copy()
        one.update(value)
        two = outer.copy()
        two.update(one.digest())
        return two.digest()

    return digest


# -- the key -------------------------------------------------------------------------------------------------------


def mask_key(step: Step, environ: Mapping[str, str] | None = None) -> bytes:
    """The key that `mask_key` in orgs.yaml leads to, or the variable LOADPLAN_MASK_KEY. Raises InvalidInputError, which
    names the step and the place to look, never what was found there."""
    from loadplan.salesforce.secret import Secret

    assert step.masks is not None
    orgs_file = step.masks.orgs_file
    where = _where_to_look(orgs_file)
    fields = ", ".join(f"`{f}`" for f, kind in step.masks.how.items() if kind != "blank")
    place = Place(orgs_file.name if where is not None else "environment")
    try:
        key = Secret(where or DEFAULT_KEY, os.environ if environ is None else environ, orgs_file.parent).reveal()
    except OrgError as error:
        summary = f"step {step.id}: {fields} cannot be masked without a key: {error.summary}"
        where_from = f" ({error.where})" if error.where else ""
        hint = "keep the key: another one gives other values, and loads other records"
        refuse(Diagnostic("LP0406", summary + where_from, place, hint=f"{error.hint}; {hint}" if error.hint else hint))
    if len(key) < SHORTEST_KEY:
        summary = f"step {step.id}: the key of the masks has {len(key)} characters; it needs {SHORTEST_KEY}"
        hint = "make a long one: `openssl rand -hex 32`"
        refuse(Diagnostic("LP0344", summary, place, hint=hint))
    return key.encode("utf-8")


def key_check(step: Step, environ: Mapping[str, str] | None = None) -> str | None:
    """Eight hex characters that change when the key does, None when the step needs no key. A run keeps them, to notice on
    a resume that its other rows would be masked in another way. Raises InvalidInputError when there is no usable key."""
    if step.masks is None or all(kind == "blank" for kind in step.masks.how.values()):
        return None
    return _hmac(mask_key(step, environ))(b"loadplan: is this the key of the masks?").hex()[:8]


def _where_to_look(orgs_file: Path) -> dict[str, str] | None:
    """`mask_key` of orgs.yaml, None when it says nothing."""
    from loadplan.salesforce.entries import read_orgs_file

    found: dict[str, str] | None = read_orgs_file(orgs_file).get("mask_key")
    return found
