"""The patterns: every part that pages are made of, shown once, for whoever makes or checks a page."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from serving.languages.formats import money, weekday
from serving.pages.charts import BUCKETS
from serving.pages.routing import Page, Pages, Visit

TODAY = date(2026, 6, 30)


def add(pages: Pages) -> None:
    """The page."""
    pages.page(Page("/patterns", "", "patterns.html", view))


def view(visit: Visit) -> dict[str, Any]:
    """Made-up values for every part; nothing of the book."""
    tiers = list(visit.live.whole.policy.tiers)
    return {
        "tiers": tiers,
        "ageing": [
            {"label": label, "share": share, "text": money(round(52_000 * share), "EUR", False)}
            for label, share in zip(
                ("current", "1–30", "31–60", "61–90", "90+"), (0.52, 0.24, 0.12, 0.04, 0.08), strict=True
            )
        ],
        "spark": [3, 4, 3, 6, 5, 8, 7, 11],
        "steps": [
            {"label": "Base rate", "from": -1.4, "to": -1.4, "kind": "base", "text": "20 %"},
            {"label": "How often it pays late", "from": -1.4, "to": 0.1, "kind": "raises", "text": "to 52 %"},
            {
                "label": "A change in its payments",
                "from": 0.1,
                "to": -0.5,
                "kind": "lowers",
                "text": "to 38 %",
            },
            {"label": "This invoice", "from": -0.5, "to": -0.5, "kind": "result", "text": "38 %"},
        ],
        "bars": [
            {
                "label": tier,
                "level": level,
                "bar": bar,
                "late": late,
                "text": f"{100 * late / bar:.0f} % expected late",
            }
            for tier, level, bar, late in (
                ("critical", 3, 0.2, 0.17),
                ("high", 2, 0.5, 0.31),
                ("low", 0, 1.0, 0.1),
            )
        ],
        "parts": [
            {"label": label, "parts": parts, "text": f"€{sum(parts)}k"}
            for label, parts in (("North", (52, 24, 12, 4)), ("South", (20, 18, 9, 9)))
        ],
        "weeks": [_week(n) for n in range(8)],
        "rolls": [
            {"label": label, "share": share, "text": "" if share is None else f"{100 * share:.0f} %"}
            for label, share in zip(BUCKETS, (0.2, 0.35, 0.6, 0.8, None), strict=True)
        ],
        "curves": [
            {"label": "exactly right", "kind": "right", "points": [(0.0, 0.0), (1.0, 1.0)]},
            {"label": "this one", "kind": "model", "points": [(0.1, 0.08), (0.4, 0.44), (0.9, 0.86)]},
            {"label": "another", "kind": "second", "points": [(0.1, 0.2), (0.4, 0.35), (0.9, 0.7)]},
        ],
        "gaps": [
            {"label": "May", "value": -0.02, "low": -0.05, "high": 0.01, "text": "28 % predicted, 30 % late"},
            {
                "label": "June",
                "value": 0.06,
                "low": 0.03,
                "high": 0.09,
                "text": "36 % predicted, 30 % late",
                "is_worst": True,
            },
        ],
        "tier_steps": {
            "tier": tiers[-2],
            "since": "2026-05-04",
            "steps": [
                {"on": "2026-02-10", "old": tiers[0], "new": tiers[1]},
                {"on": "2026-05-04", "old": tiers[1], "new": tiers[-2]},
            ],
        },
        "limit_use": [
            {"on": TODAY - timedelta(days=30 * (7 - n)), "limit": 9000.0, "used": 1200.0 * n}
            for n in range(9)
        ],
        "marks": [_mark(n) for n in range(24)],
        "today": TODAY,
        "weekday_names": [weekday(TODAY - timedelta(days=1 - n)) for n in range(5)],
        "weekdays": [1, 2, 1, 14, 3],
        "odd": "<b>Ann & Sons</b> =SUM(A1) \u202eلشركة العربية",
    }


def _week(n: int) -> dict[str, Any]:
    expected, label = 90 - 10 * n, f"{TODAY + timedelta(days=7 * n):%d %b}"
    ends = {"p10": 0.8 * expected, "p90": 1.2 * expected}
    return {
        "label": label,
        "expected": expected,
        **ends,
        "text": f"€{expected}k",
        "told": f"{label}: €{expected}k",
    }


def _mark(n: int) -> dict[str, Any]:
    due, days = TODAY - timedelta(days=14 * (24 - n) - 20), (n * 7) % 23 - 6
    is_open = n >= 22
    return {
        "due_on": due,
        "days": (TODAY - due).days if is_open else days,
        "state": "open" if is_open else "late" if days > 0 else "in_time",
        "paid_on": None if is_open else due + timedelta(days=days),
        "text": f"I{n:03}, due {due}",
        "to": "/patterns",
    }
