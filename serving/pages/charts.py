"""How do numbers look? SVG made here, with nothing in it but shapes, texts and classes of the stylesheet.

Every picture names what it answers, labels its parts directly, begins its bars at zero, and tells by shape or
lightness what it tells by colour.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from markupsafe import Markup, escape

WIDTH = 760
BUCKETS = ("current", "1–30", "31–60", "61–90", "90+")
_ODDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98, 0.99)
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


def tag(name: str, content: Any = "", **attributes: Any) -> Markup:
    """An element; what is not ours is escaped. `class_` and `stroke_width` lose and turn their underscores."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_short(value))}"' for key, value in attributes.items()
    )
    return Markup(f"<{name}{given}>{escape(content)}</{name}>")


def drawing(parts: Iterable[Markup], height: int, title: str, kind: str, width: int = WIDTH) -> Markup:
    """A picture with its title for those who do not see it, in a box that scrolls where the screen is narrow."""
    body = Markup("").join(parts)
    svg = Markup('<svg viewBox="0 0 {} {}" role="group" aria-label="{}">{}</svg>').format(
        width, height, title, body
    )
    return Markup('<div class="chart {}" tabindex="0" role="group" aria-label="{}">{}</div>').format(
        kind, title, svg
    )


def ageing(parts: Sequence[Mapping[str, Any]], title: str) -> Markup:
    """One bar, a part for each age band, and below it what each part is; `parts` have label, share and text."""
    pieces, left, step = [], 0.0, WIDTH / len(parts)
    for place, part in enumerate(parts):
        wide, at = part["share"] * WIDTH, place * step
        if wide > 0:
            pieces.append(
                tag("rect", class_=f"age{place}", x=left, y=0, width=max(wide - 1.5, 0.5), height=18, rx=2)
            )
        left += wide
        pieces.append(tag("rect", class_=f"age{place}", x=at, y=31, width=10, height=10, rx=2))
        pieces.append(tag("text", part["label"], class_="quiet", x=at + 16, y=40))
        pieces.append(tag("text", part["text"], x=at + 16, y=57))
    return drawing(pieces, 62, title, "ageing")


def meter(used: float, places: float, label: str) -> Markup:
    """How much of something is used; over the end it says so by its shape."""
    share = min(used / places, 1.0) if places else 1.0
    kind = "over" if used > places else "full" if used == places else "part"
    return Markup(
        '<svg class="meter {}" viewBox="0 0 160 10" role="img" aria-label="{}" preserveAspectRatio="none">'
        '<rect class="track" width="160" height="10" rx="5"/><rect class="value" width="{}" height="10" rx="5"/></svg>'
    ).format(kind, label, _short(share * 160))


def spark(values: Sequence[float], label: str) -> Markup:
    """A small line of values from first to last, with a dot on the last."""
    if len(values) < 2:
        return Markup('<span class="quiet">{}</span>').format("too few values for a trend")
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    points = [
        (4 + 112 * n / (len(values) - 1), 24 - 20 * (value - low) / span) for n, value in enumerate(values)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return Markup(
        '<svg class="spark" viewBox="0 0 120 28" role="img" aria-label="{}"><polyline points="{}"/>'
        '<circle cx="{}" cy="{}" r="2.5"/></svg>'
    ).format(label, line, *map(_short, points[-1]))


def reason_bar(contribution: float, most: float) -> Markup:
    """How far a reason raises (to the right) or lowers (to the left) the chance."""
    share = 48 * min(abs(contribution) / most, 1.0) if most else 0.0
    raises = contribution > 0
    return Markup(
        '<svg class="reason {}" viewBox="0 0 100 12" aria-hidden="true"><path class="axis" d="M50 0v12"/>'
        '<rect x="{}" y="2" width="{}" height="8" rx="1"/></svg>'
    ).format("raises" if raises else "lowers", _short(50 if raises else 50 - share), _short(share))


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


def behaviour(
    marks: Sequence[Mapping[str, Any]], as_of: date | str, title: str, on_run: Collection[date] = ()
) -> Markup:
    """Each invoice as a mark: when it fell due (across), how many days after it was paid (up); pay days below.

    Pay days of `on_run`, the customer's known pay run, are drawn tall: its rhythm can be seen, and what fell out of it.

    `marks` have due_on, days (late), state (in_time, late, open), text, to, and paid_on where it was paid.
    """
    today = date.fromisoformat(as_of) if isinstance(as_of, str) else as_of
    left, right, top, bottom = 46, WIDTH - 12, 14, 196
    dues = [mark["due_on"] for mark in marks]
    begin, end = min(dues) - timedelta(days=7), max(max(dues), today) + timedelta(days=7)
    late = sorted(mark["days"] for mark in marks)
    high = max(20, min(late[-1], 2 * max(late[round(0.9 * (len(late) - 1))], 15)))
    low = min(-10, max(late[0], -30))

    def x(day: date) -> float:
        return left + (right - left) * (day - begin).days / max((end - begin).days, 1)

    def y(days: float) -> float:
        return bottom - (bottom - top) * (min(max(days, low), high) - low) / (high - low)

    pieces: list[Any] = [
        tag("rect", class_="early", x=left, y=y(0), width=right - left, height=bottom - y(0))
    ]
    for days in _ticks(low, high):
        told = "due" if days == 0 else f"{days:+d}"
        pieces.append(tag("path", class_="zero" if days == 0 else "grid", d=f"M{left} {y(days):.1f}H{right}"))
        pieces.append(tag("text", told, class_="quiet", x=left - 6, y=y(days) + 4, text_anchor="end"))
    for month in _months(begin, end):
        pieces.append(tag("path", class_="tick", d=f"M{x(month):.1f} {bottom}v5"))
        told = f"{month:%b}" + (f" {month:%Y}" if month.month == 1 else "")
        if x(month) < right - 24:
            pieces.append(tag("text", told, class_="quiet", x=x(month) + 3, y=bottom + 15))
    pieces.append(tag("path", class_="today", d=f"M{x(today):.1f} {top}V{bottom}"))
    pieces += [_mark(mark, x(mark["due_on"]), y(mark["days"]), mark["days"] > high) for mark in marks]
    rug = bottom + 28
    pieces.append(tag("text", "paid", class_="quiet", x=left - 6, y=rug + 9, text_anchor="end"))
    paid = sorted({mark["paid_on"] for mark in marks if mark["paid_on"] and begin <= mark["paid_on"] <= end})
    tall = set(on_run)
    pieces += [
        tag("path", class_="rug run", d=f"M{x(day):.1f} {rug}v14")
        if day in tall
        else tag("path", class_="rug", d=f"M{x(day):.1f} {rug + 7}v7")
        for day in paid
    ]
    return drawing(pieces, rug + 18, title, "behaviour")


def _mark(mark: Mapping[str, Any], x: float, y: float, is_beyond: bool) -> Markup:
    drawn = {
        "in_time": tag("circle", tag("title", mark["text"]), class_="in_time", cx=x, cy=y, r=4),
        "late": tag(
            "path",
            tag("title", mark["text"]),
            class_="late",
            d=f"M{x - 5.5:.1f} {y:.1f}l5.5 -5.5l5.5 5.5l-5.5 5.5z",
        ),
        "open": tag(
            "path", tag("title", mark["text"]), class_="open", d=f"M{x - 5:.1f} {y - 5:.1f}h10v10h-10z"
        ),
    }[mark["state"]]
    beyond = tag("path", class_="beyond", d=f"M{x - 4:.1f} {y - 6:.1f}l4 -5l4 5z") if is_beyond else ""
    return tag("a", drawn + beyond, href=mark["to"], aria_label=mark["text"])


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


def _ticks(low: float, high: float) -> list[int]:
    step = next(each for each in (5, 10, 15, 30, 60, 90, 180, 365, 3650) if (high - low) / each <= 6)
    return [days for days in range(-3660, 36600, step) if low <= days <= high][:12]


def _months(begin: date, end: date) -> list[date]:
    months = [date(begin.year + n // 12, n % 12 + 1, 1) for n in range(begin.month, begin.month + 240)]
    found = [month for month in months if month <= end]
    return found[:: max(1, math.ceil(len(found) / 13))]


def _short(value: Any) -> Any:
    return f"{value:.1f}" if isinstance(value, float) else value
