"""The model that scores: what it was made of, what it says in general, and a verdict in words."""

from __future__ import annotations

from datetime import date
from typing import Any

from serving.pages.rendering import chance, many
from serving.pages.routing import Page, Pages, Visit

OLD_AFTER_DAYS = 60
"""A model that has not seen so many days is worth a look: `duecourse monitor` tells whether it still holds."""
TITLES = {
    "p_late": "More than {} days late",
    "p_late_30": "More than 30 days late",
    "p_late_90": "More than 90 days late",
}
KINDS = {
    "boosted": "a model of its own",
    "rate": "the customer's own rate",
    "ratio": "the shorter delay's chance, times how often such delays go on",
}


def add(pages: Pages) -> None:
    """The page."""
    pages.page(Page("/model", "read:models", "model.html", view))


def view(visit: Visit) -> dict[str, Any]:
    """The card of the model that scores now."""
    card = visit.live.whole.model_card()
    since = date.fromisoformat(card["trained_on_facts_before"])
    days = (visit.live.as_of - since).days
    horizons = [
        {
            "target": name,
            "title": TITLES[name].format(card["late_after_days"]),
            "made_of": KINDS.get(str(of.get("kind")), str(of.get("kind"))),
            "invoices": of.get("invoices"),
            "late_invoices": of.get("late_invoices"),
            "late_rate": of.get("late_rate"),
            "slope": (of.get("calibration") or {}).get("slope"),
        }
        for name, of in card["horizons"].items()
    ]
    return {
        "model_version": card["model_version"],
        "verdict": _verdict(days, horizons[0]),
        "is_old": days > OLD_AFTER_DAYS,
        "trained_on_facts_before": since,
        "days_since": days,
        "features": card["features"],
        "calendar_days": card["calendar_days"],
        "horizons": horizons,
        "card": card,
    }


def _verdict(days: int, first: dict[str, Any]) -> str:
    age = (
        "It knows everything up to the book day"
        if days <= 0
        else f"It has not seen the last {many(days, 'day')}"
    )
    if first["late_rate"] is None:
        return f"{age}."
    learned = f"learned from {many(int(first['invoices']), 'invoice')}, of which {chance(first['late_rate'])} were late"
    then = " It is time to look whether it still holds." if days > OLD_AFTER_DAYS else ""
    return f"{age}, and {learned}.{then}"
