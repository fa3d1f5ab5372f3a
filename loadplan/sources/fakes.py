"""Fakes: plausible values in place of real ones. The same digest and value give the same fake; nothing is random.

What a value becomes is told by the field's name where that says enough (names of people and companies, streets, cities),
else by the value itself: an e-mail address, a URL, an ISO date, true or false. Any other text keeps its shape: letters
become letters of the same case, digits digits, and all else stays. The word lists are our own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words(
    "Ada Alan Amara Anna Anton Aylin Bela Bruno Carla Cem Chloe Clara Dalia Daniel Diego Dora Edgar Elena Elif Emil Eva Farah "
    "Felix Filip Fiona Frida Gabriel Greta Hana Hugo Ida Ines Ivo Jana Joel Jonas Julia Kaya Kira Lara Leo Lina Luca Maja "
    "Marco Mia Mila Nadia Nils Nora Olga Omar Oskar Paula Pavel Rosa Ruben Sara Selma Simon Sofia Tara Theo Vera Yara Zoe"
)
LAST_NAMES = _words(
    "Abel Adler Albers Amsel Arndt Bachmann Baker Barros Beck Berger Bianchi Blum Bond Brandt Carter Cortez Costa Dahl Decker "
    "Dietz Duarte Ebert Egger Falk Ferreira Fischer Forster Gallo Garner Gomez Haas Hansen Harper Heller Horvat Iversen Jansen "
    "Keller Kern Klein Kovac Lang Larsen Lind Lorenz Marin Mercer Moreau Nagy Novak Olsen Ortega Peters Pohl Quinn Ricci "
    "Romero Sailer Silva Simic Sommer Turner Varga Vogel Weber Winter Ziegler"
)
STREETS = _words(
    "Acorn Alder Beech Birch Bridge Brook Canal Cedar Chapel Cherry Church Corner Elm Field Forest Garden Green Harbour Hazel "
    "Hill Lake Lark Linden Maple Market Meadow Mill North Oak Orchard Park Pine Quarry River Rose School South Spring Station "
    "Stone Sunny Tower Valley Willow"
)
STREET_KINDS = _words("Street Road Lane Way Avenue")
CITIES = _words(
    "Alderton Ashby Birkhaven Bramford Brightwater Clayport Crestwick Dunmore Eastvale Elmstead Fairbrook Fernhill Glenrock "
    "Greyport Hartwell Highmoor Kingsmere Lakefield Larkridge Maplewood Millbrook Northam Oakdale Pinecrest Redcliff Rivermouth "
    "Southbay Stonebridge Thornbury Westbourne Whitfield Yarrow"
)
COMPANIES = _words(
    "Amber Anchor Arrow Atlas Beacon Bluebird Bright Cobalt Compass Copper Crown Delta Ember Falcon Granite Harvest Heron Iris "
    "Juniper Kestrel Lantern Meridian Nimbus Northern Onyx Orbit Pioneer Quartz Ridge Saffron Summit Tidal Vector Willow"
)
COMPANY_KINDS = _words("Works Trading Foods Logistics Systems Partners Textiles Energy Tools Media")

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+", re.ASCII)
_URL = re.compile(r"(https?://)\S+", re.ASCII | re.IGNORECASE)
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:([T ])(\d\d):(\d\d)(:\d\d)?(.*))?", re.ASCII)
_COUNTRY_CODE = re.compile(r"\+\d{1,3}(?=\D)", re.ASCII)
_NUMBER = re.compile(r"\d+")

Fake = Callable[[str, bytes], str]
"""From a value and the 32 bytes that stand for it to its fake."""


class Dice:
    """Numbers drawn from a digest, the same ones in the same order each time."""

    def __init__(self, digest: bytes) -> None:
        self._digest = digest
        self._bytes = iter(digest)

    def number(self, below: int) -> int:
        """A number from 0 up to, not including, `below` (at most 65,536)."""
        return (self._byte() << 8 | self._byte()) % below

    def one_of(self, words: Sequence[str]) -> str:
        return words[self.number(len(words))]

    def _byte(self) -> int:
        found = next(self._bytes, None)
        if found is None:
            self._digest = hashlib.sha256(self._digest).digest()
            self._bytes = iter(self._digest)
            found = next(self._bytes)
        return found


def fake_of(field: str) -> Fake:
    """How values of this field are faked. `field` is a sent field or a lookup's header."""
    name = re.sub(r"__c$|_", "", field.rpartition(".")[2].casefold())
    kind = next((kind for ending, kind in _BY_NAME if name.endswith(ending)), _other)

    def fake(value: str, digest: bytes) -> str:
        return _address(value, digest) or kind(value, digest)

    return fake


def _address(value: str, digest: bytes) -> str:
    """A fake e-mail address or URL, in whatever field it stands; empty for any other value. Both lead nowhere."""
    if "@" in value and _EMAIL.fullmatch(value):
        dice = Dice(digest)
        local = f"{dice.one_of(FIRST_NAMES)}.{dice.one_of(LAST_NAMES)}.{digest[-5:].hex()}"
        return f"{local.lower()}@masked.invalid"
    if "://" in value and (url := _URL.fullmatch(value)):
        return f"{url[1]}{Dice(digest).one_of(COMPANIES).lower()}-{digest[-5:].hex()}.invalid"
    return ""


def _other(value: str, digest: bytes) -> str:
    dice = Dice(digest)
    if value.lower() in {"true", "false"}:
        return _styled(dice.one_of(("true", "false")), value)
    if date := _DATE.fullmatch(value):
        return _date(date, dice)
    return _shape(value, dice)


def _first_name(value: str, digest: bytes) -> str:
    return _styled(Dice(digest).one_of(FIRST_NAMES), value)


def _last_name(value: str, digest: bytes) -> str:
    return _styled(Dice(digest).one_of(LAST_NAMES), value)


def _city(value: str, digest: bytes) -> str:
    return _styled(Dice(digest).one_of(CITIES), value)


def _company(value: str, digest: bytes) -> str:
    dice = Dice(digest)
    return _styled(f"{dice.one_of(COMPANIES)} {dice.one_of(COMPANY_KINDS)}", value)


def _street(value: str, digest: bytes) -> str:
    """Line by line: a street of our own, with a number of as many digits where the line has one, before or after."""
    dice = Dice(digest)
    return "\n".join([_street_line(line, dice) for line in value.split("\n")])


def _street_line(line: str, dice: Dice) -> str:
    if not line.strip():
        return line
    street = _styled(f"{dice.one_of(STREETS)} {dice.one_of(STREET_KINDS)}", line)
    number = _NUMBER.search(line)
    if number is None:
        return street
    digits = _shape(number[0], dice)
    return f"{digits} {street}" if number.start() == 0 else f"{street} {digits}"


_BY_NAME: tuple[tuple[str, Fake], ...] = (
    ("firstname", _first_name), ("middlename", _first_name), ("givenname", _first_name), ("nickname", _first_name),
    ("lastname", _last_name), ("surname", _last_name), ("familyname", _last_name), ("maidenname", _last_name),
    ("street", _street), ("address", _street), ("city", _city), ("company", _company), ("companyname", _company),
    ("accountname", _company), ("name", _company),
)  # fmt: skip
"""The endings of field names, without `__c` and underscores. The first that fits decides."""


def _styled(word: str, like: str) -> str:
    """The word in capitals or small letters where the value is."""
    if like.isupper() and len(like) > 1:
        return word.upper()
    return word.lower() if like.islower() else word


def _date(found: re.Match[str], dice: Dice) -> str:
    """The year stays: an age remains plausible."""
    text = f"{found[1]}-{dice.number(12) + 1:02d}-{dice.number(28) + 1:02d}"
    if found[4] is None:
        return text
    text += f"{found[4]}{dice.number(24):02d}:{dice.number(60):02d}"
    return text + (f":{dice.number(60):02d}" if found[7] else "") + (found[8] or "")


def _shape(value: str, dice: Dice) -> str:
    kept = _COUNTRY_CODE.match(value)
    out = [kept[0]] if kept else []
    in_number = False
    for letter in value[kept.end() if kept else 0 :]:
        if letter.isdecimal():
            # A leading zero stays (a trunk prefix, a padded code); no other number gets one.
            first = not in_number
            out.append("0" if first and letter == "0" else str(dice.number(9) + 1 if first else dice.number(10)))
        elif letter.isalpha():
            out.append(chr((65 if letter.isupper() else 97) + dice.number(26)))
        else:
            out.append(letter)
        in_number = letter.isdecimal()
    return "".join(out)
