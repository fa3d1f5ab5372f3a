"""Compiled templates: kept across processes where Python keeps compiled modules, and never taken for another text."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from jinja2 import Environment
from loadplan.reports.compiled import environment

compiled: list[str] = []


@pytest.fixture(autouse=True)
def counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Bytecode is written, below the test's own folder, and what is compiled is told."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "cache"))
    compiled.clear()
    real = Environment._generate

    def generate(self: Environment, source: object, name: str | None, *rest: object, **more: object) -> str:
        compiled.append(str(name))
        return real(self, source, name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Environment, "_generate", generate)


def rendered(text: str = "a {{ x }}", **settings: bool) -> str:
    """In an environment of its own, as another process has it."""
    return environment(Path("/templates"), lambda _: text, **settings).get_template("t.md.j2").render(x="<")


def test_a_template_is_compiled_once() -> None:
    """The second process takes what the first has kept."""
    assert [rendered(), rendered()] == ["a <", "a <"]
    assert compiled == ["t.md.j2"]


def test_another_text_and_other_settings_are_compiled_again() -> None:
    """Whatever lies there."""
    assert [rendered(), rendered("b {{ x }}"), rendered("b {{ x }}", autoescape=True)] == ["a <", "b <", "b &lt;"]
    assert len(compiled) == 3


def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    """As if nothing were there."""
    rendered()
    (kept,) = (p for p in (tmp_path / "cache").rglob("*") if p.is_file())
    for damage in (b"", kept.read_bytes()[:40], b"x" * 400):
        kept.write_bytes(damage)
        assert rendered() == "a <"
    assert len(compiled) == 4


def test_nothing_is_written_where_bytecode_is_switched_off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """PYTHONDONTWRITEBYTECODE holds for templates, too."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert rendered() == "a <"
    assert not (tmp_path / "cache").exists()


def test_a_folder_that_cannot_be_written_is_no_trouble(tmp_path: Path) -> None:
    """The template is compiled each time."""
    (tmp_path / "cache").touch()
    assert [rendered(), rendered()] == ["a <", "a <"]
    assert len(compiled) == 2
