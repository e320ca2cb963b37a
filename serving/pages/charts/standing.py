"""How do a tier and the use of a limit move over time?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from markupsafe import Markup

from serving.languages import formats, gettext
from serving.languages.formats import short_month
from serving.pages.charts.drawing import drawing, tag
from serving.pages.charts.small import bare_shape

WIDTH = 500
"""Narrow enough for a phone: what moved last would lie outside its screen otherwise."""
LEFT, RIGHT = 100, WIDTH - 14
SHORTEST = timedelta(days=180)
"""A picture of a tier shows at least so much time before today."""


def tier_steps(told: Mapping[str, Any], tiers: Sequence[str], as_of: date | str, title: str) -> Markup:
    """The tier on every day: a line that steps up where it got worse; `told` has since, tier and steps."""
    today = _day(as_of)
    changes = [(date.fromisoformat(each["on"]), each["old"], each["new"]) for each in told["steps"]]
    first = min([each[0] for each in changes] + [date.fromisoformat(told["since"])])
    begin = min(first - timedelta(days=14), today - SHORTEST)
    step, top = 24, 14

    def x(day: date) -> float:
        return LEFT + (RIGHT - LEFT) * (day - begin).days / max((today - begin).days, 1)

    def y(tier: str) -> float:
        return top + step * (len(tiers) - 1 - (tiers.index(tier) if tier in tiers else 0))

    pieces: list[Any] = []
    for place, tier in enumerate(tiers):
        pieces.append(tag("path", class_="grid", d=f"M{LEFT} {y(tier)}H{RIGHT}"))
        pieces.append(tag("text", tier, class_="quiet", x=LEFT - 28, y=y(tier) + 4, text_anchor="end"))
        level = round(place * 3 / max(len(tiers) - 1, 1))
        mark = Markup('<g class="tier-mark" transform="translate({} {})">{}</g>')
        pieces.append(mark.format(LEFT - 23, y(tier) - 8, bare_shape(level)))
    pieces += _line([*_points(changes, told, today, begin)], x, y)
    bottom = top + step * (len(tiers) - 1)
    pieces += _months(begin, today, x, bottom + 10)
    return drawing(pieces, bottom + 34, title, "steps", WIDTH)


def _points(
    changes: Sequence[tuple[date, str | None, str]], told: Mapping[str, Any], today: date, begin: date
) -> Sequence[tuple[date, str]]:
    """From which day on which tier held, as far as it is known; the last one is that of today."""
    found: list[tuple[date, str]] = []
    if changes and changes[0][1]:
        found.append((begin, str(changes[0][1])))
    found += [(on, new) for on, _, new in changes]
    if not found or found[-1][1] != told["tier"]:
        found.append((max(date.fromisoformat(told["since"]), begin), told["tier"]))
    return [*found, (today, told["tier"])]


def _line(points: Sequence[tuple[date, str]], x: Any, y: Any) -> list[Markup]:
    path = f"M{x(points[0][0]):.1f} {y(points[0][1]):.1f}"
    for on, tier in points[1:]:
        path += f"H{x(on):.1f}V{y(tier):.1f}"
    dots = [
        tag(
            "circle",
            tag("title", f"{tier} from {on}"),
            class_="result",
            cx=x(on),
            cy=y(tier),
            r=3.5,
        )
        for on, tier in points[:-1]
    ]
    return [tag("path", class_="line", d=path), *dots]


def _months(begin: date, end: date, x: Any, top: float) -> list[Markup]:
    months = [date(begin.year + n // 12, n % 12 + 1, 1) for n in range(begin.month, begin.month + 120)]
    found = [each for each in months if each <= end]
    every = max(1, -(-len(found) // 8))
    pieces = []
    for month in found[::every]:
        told = short_month(month) + (f" {month.year}" if month.month == 1 else "")
        pieces.append(tag("path", class_="tick", d=f"M{x(month):.1f} {top}v5"))
        if x(month) < RIGHT - 30:
            pieces.append(tag("text", told, class_="quiet", x=x(month) + 3, y=top + 15))
    return pieces


def limit_use(months: Sequence[Mapping[str, Any]], title: str) -> Markup:
    """What was open at the end of each month as bars from zero, and the limit of that day as a line above them."""
    most = max([each["limit"] for each in months] + [each["used"] for each in months] + [1.0])
    bottom, top, left_end, right_end = 92, 10, 2, 338
    wide = (right_end - left_end) / len(months)

    def y(amount: float) -> float:
        return bottom - (bottom - top) * max(amount, 0) / most

    pieces: list[Any] = [tag("path", class_="zero", d=f"M{left_end} {bottom}H{right_end}")]
    line = ""
    for n, each in enumerate(months):
        left, day = left_end + n * wide, _day(each["on"])
        over = " over" if each["used"] > each["limit"] else ""
        amounts = {name: formats.number(each[name]) for name in ("used", "limit")}
        text = gettext("%(day)s: %(used)s of %(limit)s")
        said = tag("title", text % {"day": formats.day(day), **amounts})
        pieces.append(
            tag(
                "rect",
                said,
                class_=f"bar{over}",
                x=left + 4,
                y=y(each["used"]),
                width=wide - 8,
                height=bottom - y(each["used"]),
            )
        )
        line += f"{'M' if not n else 'L'}{left:.1f} {y(each['limit']):.1f}H{left + wide:.1f}"
        if n in (0, len(months) // 2, len(months) - 1):
            label = gettext("today") if n == len(months) - 1 else short_month(day)
            pieces.append(
                tag("text", label, class_="quiet", x=left + wide / 2, y=bottom + 16, text_anchor="middle")
            )
    pieces.append(tag("path", class_="limit", d=line))
    return drawing(pieces, bottom + 22, title, "limit-use", 360)


def _day(value: Any) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value
