"""The times of a run as a drawing: one row a step, its jobs in lanes, gates as diamonds, stops cut short. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from loadplan.lean import dataclass
from loadplan.reports import svg
from loadplan.reports.timing import Span, StepTime, Timing, Work, duration, lanes

WIDTH, TOOK, LANE, PAD, AXIS = 968.0, 96.0, 12.0, 6.0, 26.0
MOST_JOBS = 60
"""Jobs of a step that are drawn one by one; of more, each lane is drawn in cells, and the step has the title."""
CELL = 2.0
"""Pixels that share a colour then."""
MOST_LANES = 25
"""Lanes of a step beyond these are drawn one over the other in the last."""
STEPS = (
    0.1,
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1_800,
    3_600,
    7_200,
    10_800,
    21_600,
    43_200,
    86_400,
)


@dataclass(frozen=True)
class Scale:
    """Time to x. Each stop takes as much room as it lasted, but no more than a twentieth of the rest."""

    start: datetime
    end: datetime
    stops: tuple[tuple[datetime, datetime], ...]
    left: float

    @property
    def right(self) -> float:
        return WIDTH - TOOK

    @property
    def _cut(self) -> float:
        busy = (self.end - self.start - sum((b - a for a, b in self.stops), timedelta())).total_seconds()
        return max(busy / 20, 0.001)

    def _seconds(self, at: datetime) -> float:
        seconds = (at - self.start).total_seconds()
        for begin, end in self.stops:
            if at > begin:
                length = (end - begin).total_seconds()
                inside = min(1.0, (at - begin).total_seconds() / length)
                seconds -= inside * (length - min(length, self._cut))
        return seconds

    @property
    def length(self) -> float:
        """Seconds that are drawn."""
        return self._seconds(self.end) or 1.0

    def x(self, at: datetime) -> float:
        at = min(max(at, self.start), self.end)
        return self.left + self._seconds(at) / self.length * (self.right - self.left)

    def ticks(self) -> list[tuple[datetime, str]]:
        """About eight round times outside of the stops, and what to write at them."""
        span = (self.end - self.start).total_seconds()
        step = next((s for s in STEPS if self.length / s <= 8), 86_400.0 * (1 + self.length // (8 * 86_400)))
        short = span < 60
        begin = self.start if short else self.start.replace(hour=0, minute=0, second=0, microsecond=0)
        first = 0 if short else int((self.start - begin).total_seconds() // step) + 1
        found: list[tuple[datetime, str]] = []
        last = -100.0
        for n in range(first, first + int(span // step) + 2):
            at = begin + timedelta(seconds=n * step)
            if at > self.end or any(a < at < b for a, b in self.stops) or self.x(at) - last < 55:
                continue
            last = self.x(at)
            found.append((at, f"{n * step:g} s" if short else f"{at:%H:%M}" if step >= 60 else f"{at:%H:%M:%S}"))
        return found


def draw_gantt(
    timing: Timing, steps: Sequence[str], *, name: str, describe: Callable[[Work], str] | None = None
) -> str:
    """The drawing as markup, for these steps in this order. `describe` is what a pointer shows for a job."""
    names = max((len(svg.shorten(step, 23)) for step in steps), default=0)
    scale = Scale(timing.start, timing.end, timing.stops, 20 + 7.0 * names)
    rows: list[str] = []
    y = AXIS
    for number, step in enumerate(steps):
        drawn, height = _row(timing.steps[step], scale, y, step in timing.path, describe or _describe)
        stripe = [svg.element("rect", x=0.0, y=y, width=WIDTH, height=height, cls="stripe")]
        rows += (stripe if number % 2 else []) + drawn
        y += height
    grid = [
        svg.element("line", x1=scale.x(at), x2=scale.x(at), y1=AXIS - 4, y2=y, cls="grid")
        + svg.text(
            scale.x(at), AXIS - 10, words, "tick", text_anchor="middle" if scale.x(at) > scale.left + 20 else "start"
        )
        for at, words in scale.ticks()
    ]
    cuts = [
        svg.group(
            [svg.element("rect", x=scale.x(a), y=AXIS - 4, width=max(2.0, scale.x(b) - scale.x(a)), height=y - AXIS + 4)],
            title=f"not running for {duration((b - a).total_seconds())}", cls="stop",
        )
        for a, b in timing.stops
    ]  # fmt: skip
    return svg.picture(WIDTH, y + 4, [*grid, *rows, *cuts], label=name, cls="gantt")


def _row(
    step: StepTime, scale: Scale, y: float, critical: bool, describe: Callable[[Work], str]
) -> tuple[list[str], float]:
    found = lanes(step.works)
    height = max(1, min(len(found), MOST_LANES)) * LANE + 2 * PAD
    middle = y + height / 2 + 4
    name = svg.text(
        scale.left - 10, middle, svg.shorten(step.step, 23), "name critical" if critical else "name", text_anchor="end"
    )
    parts = [svg.group([name], title=step.step)]
    for lane, works in enumerate(found):
        top = y + PAD + min(lane, MOST_LANES - 1) * LANE
        if len(step.works) > MOST_JOBS:
            spans = sorted((s for w in works for s in w.spans), key=lambda s: s.start)
            parts.append(
                svg.group(_joined(spans, scale, top), title=f"{len(step.works):,} jobs of {step.step}", cls="work")
            )
            continue
        for work in works:
            bars = [bar for span in work.spans for bar in _bar(span, scale, top)]
            parts.append(svg.group(bars, title=describe(work), cls="work"))
    for gate in step.gates:
        x, half = scale.x(gate.at), 5.5
        mid = y + height / 2
        corners = f"M{svg.number(x)} {svg.number(mid - half)}l{half} {half}l-{half} {half}l-{half} -{half}z"
        parts.append(
            svg.group(
                [svg.element("path", d=corners)],
                title=f"gate of {step.step}: {gate.verdict}",
                cls=f"gate {gate.verdict}",
            )
        )
    took = duration(step.took) if step.took is not None else "not ended" if step.works else "not started"
    parts.append(svg.text(scale.right + 12, middle, took, "took"))
    return parts, height


def _bar(span: Span, scale: Scale, top: float) -> list[str]:
    begin = scale.x(span.start)
    return [_rect(begin, max(1.0, scale.x(span.end) - begin), top, span.kind, " open" if span.is_open else "")]


def _rect(x: float, width: float, top: float, kind: str, more: str = "") -> str:
    cls = f"bar k-{kind.replace(' ', '-')}{more}"
    return svg.element("rect", x=x, y=top + 1.5, width=width, height=LANE - 3, cls=cls)


def _joined(spans: Sequence[Span], scale: Scale, top: float) -> list[str]:
    """The bars of one lane with many jobs: every two pixels have the colour of what took most of their time."""
    cells: dict[int, dict[str, float]] = {}
    for span in spans:
        begin, end = scale.x(span.start) - scale.left, scale.x(span.end) - scale.left
        for cell in range(int(begin // CELL), int(end // CELL) + 1):
            inside = min(end, (cell + 1) * CELL) - max(begin, cell * CELL)
            if inside > 0:
                found = cells.setdefault(cell, {})
                found[span.kind] = found.get(span.kind, 0.0) + inside
    runs: list[tuple[int, int, str]] = []
    for cell in sorted(cells):
        kind = max(cells[cell], key=lambda k: cells[cell][k])
        if runs and runs[-1][1] == cell and runs[-1][2] == kind:
            runs[-1] = (runs[-1][0], cell + 1, kind)
        else:
            runs.append((cell, cell + 1, kind))
    return [_rect(scale.left + a * CELL, (b - a) * CELL, top, kind) for a, b, kind in runs]


def _describe(work: Work) -> str:
    what = f"{work.step}: preparing its rows" if not work.part else f"{work.step} part {work.part}"
    if work.attempt > 1:
        what += f", attempt {work.attempt}"
    what += f", job {work.job}" if work.job else ""
    spans = "; ".join(f"{s.kind} {duration(s.seconds)}" + (" so far" if s.is_open else "") for s in work.spans)
    return f"{what}: {spans}"
