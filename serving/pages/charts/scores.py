"""How did a score come about? From the base rate through each reason to the chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from serving.pages.charts.drawing import WIDTH, drawing, tag

_ODDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98, 0.99)


def waterfall(steps: Sequence[Mapping[str, Any]], title: str) -> Markup:
    """From the base rate through each reason to the chance; `steps` have label, from, to (log-odds), kind."""
    low = min(min(step["from"], step["to"]) for step in steps) - 0.35
    high = max(max(step["from"], step["to"]) for step in steps) + 0.35
    left, right, tall = 232, WIDTH - 74, 26

    def x(odds: float) -> float:
        return left + (right - left) * (odds - low) / (high - low)

    pieces: list[Any] = []
    bottom, last = 24 + tall * len(steps), -100.0
    for p in _ODDS:
        at = math.log(p / (1 - p))
        if low < at < high and x(at) - last >= 42:
            last = x(at)
            pieces.append(tag("path", class_="grid", d=f"M{x(at):.1f} 20V{bottom}"))
            pieces.append(tag("text", f"{100 * p:g} %", class_="quiet", x=x(at), y=13, text_anchor="middle"))
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
