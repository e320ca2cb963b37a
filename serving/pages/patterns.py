"""The patterns: every part that pages are made of, shown once, for whoever makes or checks a page."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from serving.pages.routing import Page, Pages, Visit

TODAY = date(2026, 6, 30)


def add(pages: Pages) -> None:
    """The page."""
    pages.page(Page("/patterns", "read:worklist", "patterns.html", view))


def view(visit: Visit) -> dict[str, Any]:
    """Made-up values for every part; nothing of the book."""
    tiers = list(visit.live.whole.policy.tiers)
    return {
        "tiers": tiers,
        "ageing": [
            {"label": label, "share": share, "text": f"€{round(52_000 * share):,}"}
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
        "weekdays": [1, 2, 1, 14, 3],
        "odd": "<b>Ann & Sons</b> =SUM(A1) \u202eلشركة العربية",
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
