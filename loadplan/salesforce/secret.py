"""A secret that never shows itself: where to find it, and its value only when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from loadplan.errors import OrgError

_FILE_HINT = "paths are relative to orgs.yaml; the file holds the secret and nothing else"


class Secret:
    """`{env: NAME}`, `{file_env: NAME}` or `{file: path}`. `repr` and `str` are `***`; `reveal` reads it."""

    __slots__ = ("_environ", "_folder", "_spec")

    def __init__(self, spec: Mapping[str, str] | str, environ: Mapping[str, str], folder: Path) -> None:
        self._spec, self._environ, self._folder = spec, environ, folder

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def reveal(self) -> str:
        """The value. Raises `OrgError` naming the variable or file that is missing."""
        if isinstance(self._spec, str):
            return self._spec
        if "env" in self._spec:
            return self._variable(self._spec["env"])
        name = self._spec.get("file")
        shown = name or f"the file that {self._spec['file_env']} names"
        # What a variable holds is never shown: somebody may have put the secret itself there.
        path = self._folder / Path(name or self._variable(self._spec["file_env"])).expanduser()
        try:
            value = path.read_text(encoding="utf-8").strip()
        except (OSError, ValueError, RuntimeError) as error:
            why = getattr(error, "strerror", None) or "it is not the path of a text file"
            raise OrgError(
                f"a secret cannot be read from {shown}: {why.lower()}", code="LP0406", hint=_FILE_HINT
            ) from None
        if not value:
            raise OrgError(f"a secret cannot be read from {shown}: it is empty", code="LP0406", hint=_FILE_HINT)
        return value

    def _variable(self, name: str) -> str:
        value = self._environ.get(name, "")
        if not value:
            raise OrgError(
                f"the environment variable {name} is not set", code="LP0406",
                hint=f"export {name}=… in the shell, or add it to the job's secrets",
            )  # fmt: skip
        return value.strip()
