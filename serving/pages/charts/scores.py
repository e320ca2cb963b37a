"""How did a score come about? From the base rate through each reason to the chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from serving.languages.formats import percent
from serving.pages.charts.drawing import WIDTH, drawing, tag

_ODDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98, 0.99)


def waterfall(steps: Sequence[Mapping[str, Any]], title: str) -> Markup:
    """From the base rate through each reason to the chance; `steps` have label, from, to (log-odds), kind."""
    low = min(min(step["from"], step["to"]) for step in steps) - 0.35
    high = max(max(step["from"], step["to"]) for step in steps) + 0.35
    longest = max(len(step["label"]) for step in steps)
    left, right, tall = max(232.0, 20 + 7.0 * longest), WIDTH - 74, 26

    def x(odds: float) -> float:
        return left + (right - left) * (odds - low) / (high - low)

    pieces: list[Any] = []
    bottom, last = 24 + tall * len(steps), -100.0
    for p in _ODDS:
        at = math.log(p / (1 - p))
        if low < at < high and x(at) - last >= 42:
            last = x(at)
            pieces.append(tag("path", class_="grid", d=f"M{x(at):.1f} 20V{bottom}"))
            pieces.append(tag("text", percent(p), class_="quiet", x=x(at), y=13, text_anchor="middle"))
    for row, step in enumerate(steps):
        y, (a, b) = 24 + row * tall, (x(step["from"]), x(step["to"]))
        pieces.append(tag("text", step["label"], x=left - 12, y=y + 16, text_anchor="end"))
        if step["kind"] in ("base", "result"):
            pieces.append(tag("circle", class_=step["kind"], cx=b, cy=y + 12, r=6))
        else:
            pieces.append(
                tag(
                    "rect",
                    class_=step["kind"],
                    x=min(a, b),
                    y=y + 4,
                    width=max(abs(b - a), 1.5),
                    height=16,
                    rx=1,
                )
            )
        if row + 1 < len(steps):
            pieces.append(tag("path", class_="joint", d=f"M{b:.1f} {y + 20}V{y + tall + 4}"))
        pieces.append(
            tag("text", step["text"], class_="value", x=max(a, b) + (12 if a == b else 8), y=y + 16)
        )
    return drawing(pieces, bottom + 6, title, "waterfall")


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
