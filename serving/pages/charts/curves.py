"""How does one figure follow another, and how sure is it? Curves on two axes, and differences with their ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from serving.languages.formats import percent
from serving.pages.charts.drawing import WIDTH, drawing, tag

LEFT, NAMES, TOP, BOTTOM = 46, 176, 14, 236
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


def _shares() -> list[tuple[float, str]]:
    """The shares that are written at an axis."""
    return [(share, percent(share)) for share in SHARES]


def curve(
    series: Sequence[Mapping[str, Any]],
    title: str,
    across: str,
    ticks: Sequence[tuple[float, str]] = (),
    mark: tuple[float, float, str] | None = None,
    most: float = 1.0,
    width: int = WIDTH,
) -> Markup:
    """Shares of 1 (up, to `most`) by something (across): `series` have label, points ((x, y), …) and kind, a class.

    Every line is named at its end; `ticks` stand at values across, `mark` at one point with its words.
    """
    ticks, right = ticks or _shares(), width - NAMES
    far = max([x for line in series for x, _ in line["points"]] + [x for x, _ in ticks])

    def place(x: float, y: float) -> tuple[float, float]:
        return LEFT + (right - LEFT) * x / (far or 1), BOTTOM - (BOTTOM - TOP) * min(y, most) / most

    pieces: list[Markup] = []
    for share in SHARES:
        y = place(0, share * most)[1]
        pieces.append(tag("path", class_="zero" if share == 0 else "grid", d=f"M{LEFT} {y:.1f}H{right}"))
        told = percent(share * most)
        pieces.append(tag("text", told, class_="quiet", x=LEFT - 6, y=y + 4, text_anchor="end"))
    for x, told in ticks:
        at = place(x, 0)[0]
        pieces.append(tag("path", class_="tick", d=f"M{at:.1f} {BOTTOM}v4"))
        pieces.append(tag("text", told, class_="quiet", x=at, y=BOTTOM + 17, text_anchor="middle"))
    pieces.append(
        tag("text", across, class_="quiet", x=(LEFT + right) / 2, y=BOTTOM + 34, text_anchor="middle")
    )
    ends = _apart([place(*line["points"][-1])[1] for line in series])
    for line, end in zip(series, ends, strict=True):
        points = [place(x, y) for x, y in line["points"]]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        pieces.append(tag("polyline", class_=f"line {line['kind']}", points=path))
        if line.get("dots"):
            pieces += [
                tag("circle", tag("title", told), class_=f"dot {line['kind']}", cx=x, cy=y, r=4)
                for (x, y), told in zip(points, line["dots"], strict=True)
            ]
        pieces.append(
            tag("text", line["label"], class_=line["kind"], x=max(points[-1][0], right) + 10, y=end + 4)
        )
    if mark:
        x, y = place(*mark[:2])
        pieces.append(tag("circle", class_="point", cx=x, cy=y, r=4.5))
        pieces.append(tag("text", mark[2], class_="value", x=x + 10, y=y + 18))
    return drawing(pieces, BOTTOM + 42, title, "curve" if width == WIDTH else "curve half", width)


def differences(rows: Sequence[Mapping[str, Any]], title: str, lower: str, higher: str) -> Markup:
    """How far predictions were from what came: a dot per row with its range about a line at zero.

    `rows` have label, value, low, high (None where unknown), text and is_worst; `lower` and `higher` say what
    the two sides mean.
    """
    ends = [abs(row[name]) for row in rows for name in ("value", "low", "high") if row[name] is not None]
    most = max([*ends, 0.02]) * 1.08
    left, right = 178, WIDTH - 268
    zero = (left + right) / 2

    def x(value: float) -> float:
        return zero + (right - left) / 2 * value / most

    pieces: list[Markup] = [
        tag("text", f"← {lower}", class_="quiet", x=zero - 10, y=12, text_anchor="end"),
        tag("text", f"{higher} →", class_="quiet", x=zero + 10, y=12),
        tag("path", class_="zero", d=f"M{zero:.1f} 18V{24 + 24 * len(rows)}"),
    ]
    for n, row in enumerate(rows):
        y = 34 + 24 * n
        kind = " worst" if row.get("is_worst") else ""
        pieces.append(
            tag("text", row["label"], class_=f"label{kind}", x=left - 12, y=y + 4, text_anchor="end")
        )
        if row["low"] is not None:
            low, high = x(row["low"]), x(row["high"])
            pieces.append(tag("path", class_="whisker", d=f"M{low:.1f} {y}H{high:.1f}"))
        told = tag("title", f"{row['label']}: {row['text']}")
        pieces.append(tag("circle", told, class_=f"dot{kind}", cx=x(row["value"]), cy=y, r=4.5))
        pieces.append(tag("text", row["text"], class_=f"value{kind}", x=right + 14, y=y + 4))
    return drawing(pieces, 30 + 24 * len(rows), title, "differences")


def _apart(heights: Sequence[float], least: float = 15) -> list[float]:
    """Heights of labels, moved down where two would lie on each other."""
    found = [0.0] * len(heights)
    last = -least
    for n in sorted(range(len(heights)), key=lambda n: heights[n]):
        last = found[n] = max(heights[n], last + least)
    return found
