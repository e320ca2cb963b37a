"""How did a score come about? From the base rate through each reason to the chance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from serving.languages.formats import percent
from serving.pages.charts.drawing import WIDTH, drawing, tag

NARROW = 340
_ODDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98, 0.99)


def waterfall(steps: Sequence[Mapping[str, Any]], title: str) -> Markup:
    """From the base rate through each reason to the chance; `steps` have label, from, to (log-odds), kind.

    Drawn twice, of which a screen shows one: labels beside the bars, and on a phone above them.
    """
    return _beside(steps, title) + _above(steps, title)


def _beside(steps: Sequence[Mapping[str, Any]], title: str) -> Markup:
    lines = [_lines(step["label"]) for step in steps]
    longest = max(len(line) for label in lines for line in label)
    left, tall = 20 + 7.0 * max(longest, 18), 28
    bars = _Bars(steps, left, WIDTH - 74)
    pieces = [
        tag(
            "text",
            line,
            x=left - 12,
            y=24 + row * tall + 16 - 6 * (len(label) - 1) + 12 * n,
            text_anchor="end",
        )
        for row, label in enumerate(lines)
        for n, line in enumerate(label)
    ]
    tops = [24 + row * tall for row in range(len(steps))]
    return drawing([*bars.drawn(tops, tall), *pieces], tops[-1] + tall + 6, title, "waterfall wide")


def _above(steps: Sequence[Mapping[str, Any]], title: str) -> Markup:
    tall = 42
    bars = _Bars(steps, 10, NARROW - 66)
    pieces = [tag("text", step["label"], x=2, y=36 + row * tall) for row, step in enumerate(steps)]
    tops = [38 + row * tall for row in range(len(steps))]
    return drawing([*bars.drawn(tops, tall), *pieces], tops[-1] + 28, title, "waterfall slim", NARROW)


class _Bars:
    """The bars of a waterfall between two sides, with the chances that they stand for behind them."""

    def __init__(self, steps: Sequence[Mapping[str, Any]], left: float, right: float) -> None:
        ends = [odds for step in steps for odds in (step["from"], step["to"])]
        self.steps, self.left, self.right = steps, left, right
        self.low, self.high = min(ends) - 0.35, max(ends) + 0.35

    def x(self, odds: float) -> float:
        return self.left + (self.right - self.left) * (odds - self.low) / (self.high - self.low)

    def drawn(self, tops: Sequence[int], tall: int) -> Iterator[Markup]:
        """The grid, then each step from its top, 20 units high, joined to the next one."""
        yield from self._grid(tops[-1] + 24)
        for row, (step, top) in enumerate(zip(self.steps, tops, strict=True)):
            a, b = self.x(step["from"]), self.x(step["to"])
            if row + 1 < len(self.steps):
                yield tag("path", class_="joint", d=f"M{b:.1f} {top + 20}V{top + tall + 4}")
            if step["kind"] in ("base", "result"):
                yield tag("circle", class_=step["kind"], cx=b, cy=top + 12, r=6)
            else:
                wide = max(abs(b - a), 1.5)
                yield tag("rect", class_=step["kind"], x=min(a, b), y=top + 4, width=wide, height=16, rx=1)
            behind = max(a, b) + (12 if a == b else 8)
            yield tag("text", step["text"], class_="value", x=behind, y=top + 16)

    def _grid(self, bottom: int) -> Iterator[Markup]:
        last = -100.0
        for p in _ODDS:
            at = math.log(p / (1 - p))
            if self.low < at < self.high and self.x(at) - last >= 42:
                last = self.x(at)
                yield tag("path", class_="grid", d=f"M{last:.1f} 20V{bottom}")
                yield tag("text", percent(p), class_="quiet", x=last, y=13, text_anchor="middle")


def _lines(label: str) -> list[str]:
    """A label in one line, or in two of about the same length: more room for the bars."""
    spaces = [place for place, letter in enumerate(label) if letter == " "]
    if len(label) <= 26 or not spaces:
        return [label]
    middle = min(spaces, key=lambda place: abs(place - len(label) / 2))
    return [label[:middle], label[middle + 1 :]]


def outcomes(found: Mapping[str, Any], score: float, texts: Mapping[str, str], title: str) -> Markup:
    """Which scores were counted (a band), what share came true (a dot with its range), and this score (a triangle).

    `found` has from_chance, to_chance, share, low, high; `texts` says `counted`, `true` and `score`.
    """
    left, right = 12, 388

    def x(share: float) -> float:
        return left + (right - left) * share

    def beside(share: float) -> dict[str, Any]:
        at = min(max(x(share), left + 62), right - 62)
        return {"x": at, "text_anchor": "middle"}

    pieces = [
        tag("rect", class_="band", x=x(found["from_chance"]), y=40,
            width=max(x(found["to_chance"]) - x(found["from_chance"]), 2.0), height=34),
        tag("path", class_="axis", d=f"M{left} 74H{right}"),
        *(tag("text", percent(share / 100), class_="quiet", x=x(share / 100), y=114,
              text_anchor="start" if share == 0 else "end" if share == 100 else "middle")
          for share in (0, 25, 50, 75, 100)),
        *(tag("path", class_="axis", d=f"M{x(share):.1f} 74v4") for share in (0, 0.25, 0.5, 0.75, 1)),
        tag("path", class_="whisker", d=f"M{x(found['low']):.1f} 57H{x(found['high']):.1f}"),
        tag("circle", class_="true", cx=x(found["share"]), cy=57, r=5.5),
        tag("text", texts["true"], y=34, **beside(found["share"])),
        tag("path", class_="score", d=f"M{x(score):.1f} 74l-6 10h12z"),
        tag("text", texts["score"], y=98, **beside(score)),
    ]  # fmt: skip
    return drawing(pieces, 120, title, "outcomes", 400)


def course(points: Sequence[Mapping[str, Any]], title: str) -> Markup:
    """A chance from day to day on a scale from 0 to 100 %; `points` have at (0 to 1), chance, day and text."""
    left, right, top, bottom = 50, 380, 16, 92

    def place(point: Mapping[str, Any]) -> tuple[float, float]:
        return left + (right - left) * point["at"], bottom - (bottom - top) * point["chance"]

    pieces = [tag("path", class_="grid", d=f"M{left} {y:.1f}H{right}") for y in (top, (top + bottom) / 2)]
    pieces += [tag("path", class_="axis", d=f"M{left} {bottom}H{right}")]
    for share, y in ((1, top), (0.5, (top + bottom) / 2), (0, bottom)):
        told = percent(share)
        pieces.append(tag("text", told, class_="quiet", x=left - 8, y=y + 4, text_anchor="end"))
    placed = [place(point) for point in points]
    pieces.append(tag("polyline", class_="line", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in placed)))
    for point, (x, y) in zip(points, placed, strict=True):
        pieces.append(tag("circle", tag("title", point["text"]), class_="point", cx=x, cy=y, r=3))
    pieces.append(tag("circle", class_="result", cx=placed[-1][0], cy=placed[-1][1], r=5))
    pieces.append(tag("text", points[0]["day"], class_="quiet", x=left, y=bottom + 18))
    last = tag("text", points[-1]["day"], class_="quiet", x=right, y=bottom + 18, text_anchor="end")
    return drawing([*pieces, last], bottom + 24, title, "course", 400)


def shift(before: float, then: float, low: float, high: float) -> Markup:
    """From one chance (a ring) to another (a dot) with its range, from 0 to 100 %; the words stand beside it."""

    def x(share: float) -> float:
        return 6 + 148 * share

    kind = "raises" if then > before else "lowers"
    return Markup(
        '<svg class="shift" viewBox="0 0 160 18" aria-hidden="true"><path class="axis" d="M6 9H154M6 5v8M154 5v8"/>'
        '<path class="whisker" d="M{} 9H{}"/><circle class="before" cx="{}" cy="9" r="4"/>'
        '<circle class="{}" cx="{}" cy="9" r="4.5"/></svg>'
    ).format(f"{x(low):.1f}", f"{x(high):.1f}", f"{x(before):.1f}", kind, f"{x(then):.1f}")
