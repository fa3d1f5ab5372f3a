"""`loadplan.lean.dataclass` does what the standard one does; it is only made in less time."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import pickle
import pkgutil
from dataclasses import FrozenInstanceError, field
from typing import Any

import loadplan
import pytest
from loadplan.lean import dataclass


def classes(make: Any) -> dict[str, type]:
    """The same classes by either `dataclass`."""

    @make(frozen=True)
    class Frozen:
        name: str
        rows: int = 0
        beside: bytes = field(default=b"", compare=False, repr=False)

    @make
    class Open:
        """Has its own words."""

        names: list[str] = field(default_factory=list)

    @make(frozen=True)
    class Alone:
        value: Any

    @make(frozen=True)
    class Empty: ...

    @make(frozen=True)
    class Child(Frozen):
        child: bool = True

    @make(frozen=True)
    class Own:
        value: float

        def __eq__(self, other: object) -> bool:
            return other.__class__ is self.__class__

        def __hash__(self) -> int:
            return 7

        def __repr__(self) -> str:
            return "own"

    @make(slots=True)
    class Slots:
        value: int

    return {c.__name__: c for c in (Frozen, Open, Alone, Empty, Child, Own, Slots)}


LEAN, PLAIN = classes(dataclass), classes(dataclasses.dataclass)
GIVEN: list[tuple[str, tuple[Any, ...]]] = [
    ("Frozen", ("a",)),
    ("Frozen", ("a", 1)),
    ("Frozen", ("a", 1, b"other")),
    ("Frozen", ("b", 1)),
    ("Open", ()),
    ("Open", (["x"],)),
    ("Alone", ((),)),
    ("Alone", (((),),)),
    ("Empty", ()),
    ("Child", ("a",)),
    ("Child", ("a", 0, b"", False)),
    ("Own", (1.0,)),
    ("Own", (2.0,)),
    ("Slots", (3,)),
]


@pytest.mark.parametrize(("name", "given"), GIVEN)
def test_looks_like_the_standard_one(name: str, given: tuple[Any, ...]) -> None:
    lean, plain = LEAN[name](*given), PLAIN[name](*given)
    assert repr(lean) == repr(plain)
    assert dataclasses.asdict(lean) == dataclasses.asdict(plain)
    assert dataclasses.replace(lean) == lean
    assert copy.copy(lean) == lean
    assert lean.__match_args__ == plain.__match_args__


def test_compares_like_the_standard_one() -> None:
    lean, plain = [LEAN[n](*g) for n, g in GIVEN], [PLAIN[n](*g) for n, g in GIVEN]
    for i in range(len(GIVEN)):
        for j in range(len(GIVEN)):
            assert (lean[i] == lean[j]) == (plain[i] == plain[j]), (GIVEN[i], GIVEN[j])
            if lean[i] == lean[j] and lean[i].__hash__ is not None:
                assert hash(lean[i]) == hash(lean[j])
    assert lean[0] != plain[0]


def test_open_ones_have_no_hash() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(LEAN["Open"]())


@pytest.mark.parametrize("name", ["Frozen", "Child"])
def test_frozen_ones_stay_as_they_are(name: str) -> None:
    made = LEAN[name]("a")
    for attribute in ("name", "beside", "unknown"):
        with pytest.raises(FrozenInstanceError):
            setattr(made, attribute, 1)
        with pytest.raises(FrozenInstanceError):
            delattr(made, attribute)
    assert made == LEAN[name]("a")


@dataclass(frozen=True)
class Travels:
    name: str
    within: tuple[int, ...] = ()


def test_goes_through_a_pickle() -> None:
    assert pickle.loads(pickle.dumps(Travels("a", (1,)))) == Travels("a", (1,))


@dataclass
class Ring:
    next: Any = None


def test_a_circle_can_be_shown() -> None:
    ring = Ring()
    ring.next = ring
    assert repr(ring) == "Ring(next=...)"


def test_every_frozen_class_of_loadplan_refuses_changes() -> None:
    found = 0
    for module in pkgutil.walk_packages(loadplan.__path__, "loadplan."):
        if module.name.endswith("__main__"):
            continue
        for kind in vars(importlib.import_module(module.name)).values():
            if isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind.__module__ == module.name:
                standard = kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
                assert not standard or kind.__setattr__ is not object.__setattr__
                found += kind.__setattr__ is not object.__setattr__
    assert found > 120
