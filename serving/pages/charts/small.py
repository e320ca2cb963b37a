"""Which pictures fit into a line of text or a cell: shapes of tiers, meters, sparks, bars of reasons?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from serving.languages import gettext
from serving.pages.charts.drawing import WIDTH, drawing, short, tag

_SHAPES = (
    '<circle cx="8" cy="8" r="5.5" class="line"/>',
    '<circle cx="8" cy="8" r="5.5" class="line"/><path d="M8 2.5a5.5 5.5 0 0 1 0 11z" class="fill"/>',
    '<path d="M8 1.8 15 14H1z" class="fill"/>',
    '<path d="M8 .8 15.2 8 8 15.2.8 8z" class="fill"/>',
)
"""A ring, a half-filled ring, a triangle, a diamond: told apart without any colour."""


def shape(level: int) -> Markup:
    """The shape of a tier, 0 (best) to 3."""
    return Markup(f'<svg class="shape" viewBox="0 0 16 16" aria-hidden="true">{bare_shape(level)}</svg>')


def bare_shape(level: int) -> Markup:
    """The same within a picture, 16 by 16."""
    return Markup(_SHAPES[level])


def ageing(parts: Sequence[Mapping[str, Any]], title: str) -> Markup:
    """One bar, a part for each age band, and below it what each part is; `parts` have label, share, text,
    and `to` where a list stands behind them."""
    pieces, left, step = [], 0.0, WIDTH / len(parts)
    for place, part in enumerate(parts):
        wide, at = part["share"] * WIDTH, place * step
        if wide > 0:
            pieces.append(
                tag("rect", class_=f"age{place}", x=left, y=0, width=max(wide - 1.5, 0.5), height=18, rx=2)
            )
        left += wide
        pieces.append(tag("rect", class_=f"age{place}", x=at, y=31, width=10, height=10, rx=2))
        told = tag("rect", class_="hit", x=at - 3, y=26, width=step - 6, height=36, rx=3)
        told += tag("text", part["label"], class_="quiet", x=at + 16, y=40)
        told += tag("text", part["text"], x=at + 16, y=57)
        named = f"{part['label']}: {part['text']}"
        pieces.append(tag("a", told, href=part["to"], aria_label=named) if part.get("to") else told)
    return drawing(pieces, 62, title, "ageing")


def meter(used: float, places: float, label: str) -> Markup:
    """How much of something is used; over the end it says so by its shape."""
    share = min(used / places, 1.0) if places else 1.0
    kind = "over" if used > places else "full" if used == places else "part"
    return Markup(
        '<svg class="meter {}" viewBox="0 0 160 10" role="img" aria-label="{}" preserveAspectRatio="none">'
        '<rect class="track" width="160" height="10" rx="5"/><rect class="value" width="{}" height="10" rx="5"/></svg>'
    ).format(kind, label, short(share * 160))


def spark(values: Sequence[float], label: str) -> Markup:
    """A small line of values from first to last, with a dot on the last."""
    if len(values) < 2:
        return Markup('<span class="quiet">{}</span>').format(gettext("too few values for a trend"))
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    points = [
        (4 + 112 * n / (len(values) - 1), 24 - 20 * (value - low) / span) for n, value in enumerate(values)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return Markup(
        '<svg class="spark" viewBox="0 0 120 28" role="img" aria-label="{}"><polyline points="{}"/>'
        '<circle cx="{}" cy="{}" r="2.5"/></svg>'
    ).format(label, line, *map(short, points[-1]))


def reason_bar(contribution: float, most: float) -> Markup:
    """How far a reason raises (to the right) or lowers (to the left) the chance."""
    share = 48 * min(abs(contribution) / most, 1.0) if most else 0.0
    raises = contribution > 0
    return Markup(
        '<svg class="reason {}" viewBox="0 0 100 12" aria-hidden="true"><path class="axis" d="M50 0v12"/>'
        '<rect x="{}" y="2" width="{}" height="8" rx="1"/></svg>'
    ).format("raises" if raises else "lowers", short(50 if raises else 50 - share), short(share))


def rhythm(counts: Sequence[int], labels: Sequence[str], title: str) -> Markup:
    """How often money came on each of some days: bars from zero, each with its count."""
    most, wide = max(counts, default=0) or 1, 240
    step = wide / len(counts)
    pieces: list[Any] = []
    for n, (count, label) in enumerate(zip(counts, labels, strict=True)):
        tall = 44 * count / most
        pieces.append(
            tag(
                "rect",
                tag("title", f"{label}: {count}"),
                class_="bar",
                x=n * step + 1,
                y=50 - tall,
                width=step - 2,
                height=tall,
            )
        )
        if len(counts) <= 7 or n in (0, 9, 19, 29):
            pieces.append(tag("text", label, class_="quiet", x=(n + 0.5) * step, y=64, text_anchor="middle"))
    return drawing(pieces, 68, title, "rhythm", wide)
