"""How does a customer pay? Each invoice as a mark: when it fell due, and how many days after that it was paid."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from markupsafe import Markup

from serving.languages import gettext
from serving.languages.formats import short_month
from serving.pages.charts.drawing import WIDTH, drawing, tag


def behaviour(
    marks: Sequence[Mapping[str, Any]], as_of: date | str, title: str, on_run: Collection[date] = ()
) -> Markup:
    """Each invoice as a mark: when it fell due (across), how many days after it was paid (up); pay days below.

    Pay days of `on_run`, the customer's known pay run, are drawn tall: its rhythm can be seen, and what fell out of it.

    `marks` have due_on, days (late), state (in_time, late, open), text, to, and paid_on where it was paid.
    """
    today = date.fromisoformat(as_of) if isinstance(as_of, str) else as_of
    longest = max(len(gettext("due")), len(gettext("paid")))
    left, right, top, bottom = max(46.0, 12 + 6.2 * longest), WIDTH - 12, 14, 196
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
        told = gettext("due") if days == 0 else f"{days:+d}"
        pieces.append(
            tag("path", class_="zero" if days == 0 else "grid", d=f"M{left:g} {y(days):.1f}H{right}")
        )
        pieces.append(tag("text", told, class_="quiet", x=left - 6, y=y(days) + 4, text_anchor="end"))
    for month in _months(begin, end):
        pieces.append(tag("path", class_="tick", d=f"M{x(month):.1f} {bottom}v5"))
        told = short_month(month) + (f" {month.year}" if month.month == 1 else "")
        if x(month) < right - 24:
            pieces.append(tag("text", told, class_="quiet", x=x(month) + 3, y=bottom + 15))
    pieces.append(tag("path", class_="today", d=f"M{x(today):.1f} {top}V{bottom}"))
    pieces += [_mark(mark, x(mark["due_on"]), y(mark["days"]), mark["days"] > high) for mark in marks]
    rug = bottom + 28
    pieces.append(tag("text", gettext("paid"), class_="quiet", x=left - 6, y=rug + 9, text_anchor="end"))
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
    drawn = _DRAWN[mark["state"]](tag("title", mark["text"]), x, y)
    beyond = tag("path", class_="beyond", d=f"M{x - 4:.1f} {y - 6:.1f}l4 -5l4 5z") if is_beyond else ""
    return tag("a", drawn + beyond, href=mark["to"], aria_label=mark["text"])


_DRAWN: dict[str, Callable[[Markup, float, float], Markup]] = {
    "in_time": lambda title, x, y: tag("circle", title, class_="in_time", cx=x, cy=y, r=4),
    "late": lambda title, x, y: tag(
        "path", title, class_="late", d=f"M{x - 5.5:.1f} {y:.1f}l5.5 -5.5l5.5 5.5l-5.5 5.5z"
    ),
    "open": lambda title, x, y: tag("path", title, class_="open", d=f"M{x - 5:.1f} {y - 5:.1f}h10v10h-10z"),
}


def _ticks(low: float, high: float) -> list[int]:
    step = next(each for each in (5, 10, 15, 30, 60, 90, 180, 365, 3650) if (high - low) / each <= 6)
    return [days for days in range(-3660, 36600, step) if low <= days <= high][:12]


def _months(begin: date, end: date) -> list[date]:
    months = [date(begin.year + n // 12, n % 12 + 1, 1) for n in range(begin.month, begin.month + 240)]
    found = [month for month in months if month <= end]
    return found[:: max(1, math.ceil(len(found) / 13))]
