"""`dataclass`, for programs that make many of them and then live for a second.

The standard one writes and compiles up to six functions for each class: with the 170 classes of an `apply` these were three tenths of
its start. Here only `__init__` is compiled, and the other methods are shared by all classes. What they do is the same: equality and
hash over the fields that compare, a `repr` of the fields that are shown, and a frozen class refuses to be changed. Classes with `slots`
or an order are left to the standard one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls: type | None = None, /, *, frozen: bool = False, eq: bool = True, **others: Any) -> Any:
        """As `dataclasses.dataclass`, which documents what may be given."""

        def made(cls: type) -> type:
            if others or not eq:
                return dataclasses.dataclass(cls, frozen=frozen, eq=eq, **others)
            return _made(cls, frozen)

        return made if cls is None else made(cls)


T = TypeVar("T")


def _made(cls: type[T], frozen: bool) -> type[T]:
    own = dict(vars(cls))
    told = cls.__doc__
    # Where there are no words, the standard one would have the signature taken apart for some.
    cls.__doc__ = told or cls.__name__
    cls = dataclasses.dataclass(repr=False, eq=False)(cls)
    cls.__doc__ = told
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    methods = _compared([f.name for f in fields if f.compare])
    if frozen:
        methods |= {"__setattr__": _set, "__delattr__": _delete}
    else:
        methods["__hash__"] = None
    methods["__repr__"] = _shown
    for name, method in methods.items():
        if name not in own:
            setattr(cls, name, method)
    return cls


def _compared(names: list[str]) -> dict[str, Any]:
    values: Callable[[Any], Any] = attrgetter(*names) if names else lambda _: ()

    def equal(self: Any, other: object) -> Any:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return values(self) == values(other)

    def hashed(self: Any) -> int:
        return hash(values(self))

    return {"__eq__": equal, "__hash__": hashed}


@recursive_repr()
def _shown(self: Any) -> str:
    shown = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in dataclasses.fields(self) if f.repr)
    return f"{self.__class__.__qualname__}({shown})"


def _set(self: Any, name: str, value: object) -> None:
    # `__init__` comes by once for each field.
    if name in self.__dict__ or name not in self.__dataclass_fields__:
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
    self.__dict__[name] = value


def _delete(_: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
