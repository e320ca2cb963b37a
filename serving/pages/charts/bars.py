"""How is money divided, and what comes in? Bars that begin at zero, in one colour per tier, each with its figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from serving.languages.formats import percent
from serving.pages.charts.drawing import WIDTH, drawing, tag
from serving.pages.charts.small import bare_shape

LABELS, FIGURES, TALL = 150, 176, 30
"""Room for names on the left and for figures on the right, and the height of a row."""
HALF = 540
"""The width of a picture that stands beside another."""


def stacked(rows: Sequence[Mapping[str, Any]], tiers: Sequence[str], title: str) -> Markup:
    """One bar per row, as long as its money, a part per tier; `rows` have label, parts (one each), text and to.

    The tiers are named once above, by shape and colour, in the order in which they stand in every bar.
    """
    most = max((sum(row["parts"]) for row in rows), default=0) or 1
    wide, pieces, left = WIDTH - LABELS - _room(rows), [], float(LABELS)
    for level, tier in _levels(tiers):
        pieces.append(tag("rect", class_=f"fill{level}", x=left, y=2, width=12, height=12, rx=2))
        pieces.append(tag("text", tier, class_="quiet", x=left + 17, y=12))
        left += 38 + 7.8 * len(tier)
    for n, row in enumerate(rows):
        y, at = 24 + n * TALL, float(LABELS)
        pieces.append(_name(row, y + 16))
        for (level, tier), part in zip(_levels(tiers), row["parts"], strict=True):
            long = wide * part / most
            if long > 0:
                told = tag("title", f"{row['label']}, {tier}: {percent(part / sum(row['parts']))}")
                size = {"x": at, "y": y + 3, "width": max(long - 1, 0.6), "height": 18}
                pieces.append(tag("rect", told, class_=f"fill{level}", **size))
            at += long
        pieces.append(tag("text", row["text"], class_="value", x=at + 8, y=y + 16))
    return drawing(pieces, 26 + TALL * len(rows), title, "stacked")


def tier_bars(rows: Sequence[Mapping[str, Any]], title: str) -> Markup:
    """One bar per tier, of the money in it, with a mark where the expected late part ends; `rows` have label, level,
    bar and late (shares of the longest bar), text and to."""
    names = 92
    wide, pieces = HALF - names - _room(rows), []
    for n, row in enumerate(rows):
        y = n * TALL
        shape = tag("g", bare_shape(row["level"]), class_="shape", transform=f"translate(0 {y + 4})")
        pieces += [shape, _name(row, y + 16, 24)]
        size = {"x": names, "y": y + 3, "height": 18}
        pieces.append(tag("rect", class_=f"fill{row['level']}", width=max(wide * row["bar"], 0.6), **size))
        if row["late"] > 0:
            end = names + wide * row["late"]
            pieces.append(tag("path", class_="expected", d=f"M{end:.1f} {y}v24"))
        pieces.append(tag("text", row["text"], class_="value", x=names + wide * row["bar"] + 10, y=y + 16))
    return drawing(pieces, TALL * len(rows), title, "tiers half", HALF)


def columns(bars: Sequence[Mapping[str, Any]], title: str) -> Markup:
    """One column per period from zero, with a whisker for its range; `bars` have label, text and
    told, and expected, p10 and p90."""
    most = max((float(bar[end]) for bar in bars for end in ("p90", "expected")), default=0) or 1
    top, bottom, step = 20, 150, (WIDTH - 8) / max(len(bars), 1)
    pieces: list[Markup] = []
    for n, bar in enumerate(bars):
        at, tall = 4 + n * step, (bottom - top) * float(bar["expected"]) / most
        low, high = (bottom - (bottom - top) * float(bar[end]) / most for end in ("p10", "p90"))
        middle = at + step / 2
        told = tag("title", bar["told"])
        pieces.append(tag("rect", told, class_="bar", x=at + 4, y=bottom - tall, width=step - 8, height=tall))
        pieces.append(
            tag(
                "path",
                class_="whisker",
                d=f"M{middle:.1f} {low:.1f}V{high:.1f}M{middle - 4:.1f} {low:.1f}h8M{middle - 4:.1f} {high:.1f}h8",
            )
        )
        pieces.append(
            tag(
                "text",
                bar["text"],
                class_="value",
                x=middle,
                y=min(high, bottom - tall) - 5,
                text_anchor="middle",
            )
        )
        pieces.append(
            tag("text", bar["label"], class_="quiet", x=middle, y=bottom + 15, text_anchor="middle")
        )
    pieces.append(tag("path", class_="zero", d=f"M4 {bottom}H{WIDTH - 4}"))
    return drawing(pieces, bottom + 22, title, "periods")


def rolls(bands: Sequence[Mapping[str, Any]], title: str) -> Markup:
    """The age bands in a row, and over each gap the share that went on into the next; `bands` have label, and
    share (0 to 1 and beyond, None where unknown) and text of what went on from it."""
    step = HALF / len(bands)
    pieces: list[Markup] = []
    for n, band in enumerate(bands):
        at = n * step
        pieces.append(tag("rect", class_=f"age{n}", x=at, y=44, width=step * 0.5, height=10, rx=2))
        pieces.append(tag("text", band["label"], class_="quiet", x=at, y=72))
        if n + 1 < len(bands):
            thick = 1 + 7 * min(band["share"] or 0, 1)
            begin, end = at + step * 0.54, at + step * 0.94
            pieces.append(tag("path", class_="flow", d=f"M{begin:.1f} 49H{end:.1f}", stroke_width=thick))
            pieces.append(
                tag(
                    "path",
                    class_="tip",
                    d=f"M{end:.1f} {49 - thick - 2:.1f}l7 {thick + 2:.1f}l-7 {thick + 2:.1f}z",
                )
            )
            pieces.append(tag("text", band["text"], x=(begin + end) / 2, y=34, text_anchor="middle"))
    return drawing(pieces, 78, title, "rolls half", HALF)


def _room(rows: Sequence[Mapping[str, Any]]) -> float:
    """What the longest figure takes, which is longer in some languages."""
    return max([FIGURES, *(16 + 8.4 * len(row["text"]) for row in rows)])


def _levels(tiers: Sequence[str]) -> list[tuple[int, str]]:
    last = max(len(tiers) - 1, 1)
    return [(round(3 * n / last), tier) for n, tier in enumerate(tiers)]


def _name(row: Mapping[str, Any], y: float, x: float = 0) -> Markup:
    label = row["label"] if len(row["label"]) <= 22 else row["label"][:21] + "…"
    text = tag("text", label, x=x, y=y)
    if row.get("to"):
        text = tag("rect", class_="hit", x=x - 3, y=y - 16, width=10 + 7 * len(label), height=24, rx=3) + text
    return (
        tag("a", text, href=row["to"], aria_label=f"{row['label']}: {row['text']}") if row.get("to") else text
    )
