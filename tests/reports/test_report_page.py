"""The HTML report: one file that says everything, asks for nothing and shows no row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import browser
from support.pages import Tree, assert_sound, words
from support.reported import SECRET, many, read, small
from support.story import Story

MOST = 300_000
"""Bytes of the page of sixty steps."""
needs_browser = pytest.mark.skipif(
    browser.find() is None, reason="no Chromium on this machine (apt-get install chromium)"
)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Five steps, and everything that can happen to them."""
    return small(tmp_path_factory.mktemp("small"))  # type: ignore[return-value]


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Sixty steps."""
    return many(tmp_path_factory.mktemp("many"))


def page(told: Story) -> str:
    return read(told)[0].read_text(encoding="utf-8")


def test_the_page_says_what_happened_from_the_verdict_to_the_next_command(told: Story) -> None:
    """Verdict, equation, steps, critical path, errors with causes, gates, pages, incidents, what was used, files, next."""
    text = words(page(told))
    for said in (
        "Failed (exit 1)", "30 rows left over, 1 gate shut, 1 step not started",
        "sent 2,538 = successful 2,510 + failed 28 + unprocessed 0",
        "Critical path: accounts", "Required fields are missing: [LastName]",
        "Likely cause: a field that the object needs is empty in these rows. What to do: fill it",
        "29 rows did not land, the gate allows 0", "999 rows in 4 pages; the job counts 999: they agree", "resume by tester",
        "Not running for 7 h", "2,550 150,000,000 (0.00%)", "retry/contacts.csv", f"loadplan retry {told.run_folder.id}",
        "held by contacts", "Rows that were sent again",
    ):  # fmt: skip
        assert said in text, said


def test_no_value_of_a_row_stands_in_the_page(told: Story, long: Story) -> None:
    """Names, addresses and keys are in the rows and the org's messages; the page has placeholders."""
    for text in (page(told), page(long)):
        assert SECRET not in text
        assert "no address" not in text
        assert "Company" not in text
    assert "Name &#39;…&#39; is &lt;reserved&gt;" in page(told)


def test_text_of_a_plan_or_an_org_stays_text(told: Story) -> None:
    """A description with markup, a message with angle brackets: none becomes an element."""
    assert "Customers &amp; their people &lt;from the ERP&gt;" in page(told)
    tree = Tree(page(told))
    assert {t for t, _ in tree.tags} & {"script", "from", "reserved", "iframe", "object", "form"} == set()
    assert [a for _, attributes in tree.tags for a in attributes if a.startswith("on") or a == "style"] == []


@pytest.mark.parametrize("which", ["told", "long"])
def test_the_page_is_sound_and_can_be_read_without_eyes(which: str, request: pytest.FixtureRequest) -> None:
    """Elements are closed in order, headings skip no level, tables have captions and heads, drawings names, links ends."""
    assert_sound(page(request.getfixturevalue(which)))


def test_links_of_the_page_lead_to_files_of_the_run_folder(told: Story) -> None:
    """Also the retry file."""
    file, _ = read(told)
    links = [a["href"] or "" for a in Tree(page(told)).named("a")]
    beside = [link for link in links if not link.startswith("#")]
    assert "retry/contacts.csv" in beside
    assert [link for link in beside if not (file.parent / link).is_file()] == []


def test_sixty_steps_are_folded_and_small(long: Story) -> None:
    """What needs attention is open, the rest is one click away; the page weighs less than a picture."""
    text = page(long)
    assert len(text.encode()) < MOST
    shown = words(re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL))
    assert "load_41 upsert Account partial" in shown
    assert "load_00 upsert Account succeeded" not in shown
    assert "41 steps without anything left over" in text
    assert "18 steps not started" in text


@pytest.mark.parametrize("killed", [1, 5, 30, 50])
def test_a_run_that_was_killed_has_a_page_too(killed: int, tmp_path: Path) -> None:
    """Wherever it was: what is open is drawn as open, nothing is called done, and the page says how to go on."""
    told = small(tmp_path, killed=killed, resumed=False)
    text = page(told)
    tree = Tree(text)
    assert (tree.open, tree.wrong) == ([], [])
    said = words(text)
    assert "Not ended" in said
    assert f"Next: loadplan resume {told.run_folder.id}" in said
    assert "gate of accounts: open" not in text
    assert bool(re.search(r'class="bar k-[a-z-]+ open"', text)) == (killed == 50)


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2.1 between two colours in hex."""

    def light(colour: str) -> float:
        full = "".join(c * 2 for c in colour) if len(colour) == 3 else colour
        parts = [int(full[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_paper(scheme: str, told: Story) -> None:
    """4.5 to 1 for every colour of text on the papers it is used on (WCAG AA), 3 to 1 for bars that carry a meaning alone."""
    style = page(told).partition("<style>")[2]
    part = style.partition("@media (prefers-color-scheme: dark)")[0 if scheme == "light" else 2]
    colours = dict(re.findall(r"--([\w-]+): #([0-9a-f]+)", part.partition("svg.dag")[0]))
    pairs = [
        (ink, paper) for ink in ("ink", "quiet", "good", "bad", "warn", "idle", "link") for paper in ("paper", "stripe")
    ]
    pairs += [
        ("good", "good-paper"),
        ("bad", "bad-paper"),
        ("warn", "warn-paper"),
        ("quiet", "idle-paper"),
        ("quiet", "good-paper"),
    ]
    pairs += [("ink", "bad-paper"), ("ink", "warn-paper"), ("quiet", "bad-paper"), ("quiet", "warn-paper")]
    assert [p for p in pairs if contrast(colours[p[0]], colours[p[1]]) < 4.5] == []
    bars = [
        b
        for b in ("prepare", "upload", "progress", "download", "backoff")
        if contrast(colours[b], colours["paper"]) < 3
    ]
    assert bars == []


@needs_browser
@pytest.mark.browser
@pytest.mark.parametrize("which", ["told", "long"])
def test_a_browser_without_network_asks_for_nothing_and_complains_of_nothing(
    which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """No request, no line on the console, in light and in dark."""
    file, _ = read(request.getfixturevalue(which))
    for scheme in ("0", "1"):
        seen = browser.visit(file, tmp_path, more=[f"--blink-settings=preferredColorScheme={scheme}"])
        assert (seen.asked, seen.console) == ((), ())
        assert "Critical path" in seen.tree


@needs_browser
@pytest.mark.browser
def test_the_browser_test_would_see_a_request_and_a_complaint(told: Story, tmp_path: Path) -> None:
    """A page with an image and a script is caught; in the report's own policy both are refused."""
    bad = tmp_path / "bad.html"
    bad.write_text('<img src="http://example.org/x.png"><script>console.error("oh")</script>', encoding="utf-8")
    seen = browser.visit(bad, tmp_path)
    assert seen.asked == ("http://example.org/x.png",)
    assert len(seen.console) == 1
    bad.write_text(page(told).replace("<main", f"{bad.read_text(encoding='utf-8')}<main"), encoding="utf-8")
    seen = browser.visit(bad, tmp_path)
    assert seen.asked == ()
    assert len(seen.console) == 2
    assert all("Content Security Policy" in line for line in seen.console)


def test_what_a_run_renders_is_compiled_while_it_waits(tmp_path: Path) -> None:
    """After `warm` no template is compiled any more, whatever the pages show."""
    from jinja2 import Environment
    from loadplan.reports import render

    render.warm()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Environment, "compile", lambda *_, **__: pytest.fail("a template was compiled"))
        for name in render.TEMPLATES:
            assert render._texts().get_template(name)
        for name in render.PAGES:
            assert render._pages().get_template(name)
    called = re.compile(r'render(?:_html)?\("([\w.]+)"')
    sources = (Path(render.__file__).parent).glob("*.py")
    used = {name for file in sources for name in called.findall(file.read_text(encoding="utf-8"))}
    assert used - {"saved.html.j2"} == {*render.TEMPLATES, *render.PAGES}
