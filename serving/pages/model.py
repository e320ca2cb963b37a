"""The model that scores: does it still hold, how good is it beside simple rules, and who put it in charge?

Everything here was written down by training, by the watch (`duecourse monitor`) or by the registry; the page judges
nothing anew, and says what is not known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from serving.languages import gettext, ngettext
from serving.languages.formats import chance, number
from serving.pages.health import last_watch, rehearsed, report_of, succession, watched
from serving.pages.paths import with_query
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
    "prior": "the shipped model, learned from simulated ledgers",
    "rate": "the customer's own rate",
    "ratio": "the shorter delay's chance, times how often such delays go on",
}


def add(pages: Pages) -> None:
    """The page."""
    pages.page(Page("/model", "read:models", "model.html", view))


def view(visit: Visit) -> dict[str, Any]:
    """The verdict, the last watch, the rehearsal, the succession, and the card of the model that scores now."""
    card, home = visit.live.whole.model_card(), Path(visit.office.desk.home)
    version, horizons = card["model_version"], _horizons(card)
    since = date.fromisoformat(card["trained_on_facts_before"])
    days = (visit.live.as_of - since).days
    watch = last_watch(home)
    watch = watched(watch, version) if watch else None
    report = report_of(home, version)
    target = visit.query.get("of", "")
    target = target if target in card["horizons"] else "p_late"
    has_figures = report is not None and target in report["targets"]
    rehearsal = (
        rehearsed(report, target, visit.query.get("by", ""), visit.query.get("month", ""))
        if report and has_figures
        else None
    )
    return {
        "model_version": version,
        **verdict(watch, report, days, horizons[0]),
        "is_old": days > OLD_AFTER_DAYS,
        "trained_on_facts_before": since.isoformat(),
        "days_since": days,
        "as_of": visit.live.as_of.isoformat(),
        "features": card["features"],
        "calendar_days": card["calendar_days"],
        "horizons": horizons,
        "target": target,
        "tabs": [{**each, "to": address(visit.query, of=each["target"])} for each in horizons],
        "watch": watch,
        "rehearsal": rehearsal and {**rehearsal, **_links(rehearsal, visit.query)},
        "succession": succession(home, version),
        "recalibration": recalibration(card),
        "card": card,
    }


def address(asked: Mapping[str, str], place: str = "", **more: str) -> str:
    """The page with what was asked and some more; an empty value takes its question away."""
    kept = {name: value for name, value in asked.items() if name in ("of", "by", "month")}
    return with_query("/model", {**kept, **more}, place)


def verdict(
    watch: Mapping[str, Any] | None, report: Mapping[str, Any] | None, days: int, first: Mapping[str, Any]
) -> dict[str, Any]:
    """The verdict in words, how urgent it is (act, watch, well, unknown), and who says so."""
    rehearsal = (
        report["verdict"] if report else gettext("How it did before it was used is not written down here.")
    )
    if watch is None or not watch["is_of_this"]:
        why = (
            gettext("Nobody has watched it yet.")
            if watch is None
            else gettext("The last watch was of another model, %(version)s.")
            % {"version": watch["model_version"]}
        )
        said = f"{why} {_age(days, first)}"
        return {"level": "unknown", "verdict": said, "second": rehearsal, "judged_on": None}
    severities = {alarm["severity"] for alarm in watch["alarms"]}
    too_early = any(alarm["code"] == "nothing_matured" for alarm in watch["alarms"])
    level = (
        "act"
        if watch["must_act"]
        else "watch"
        if "watch" in severities
        else "unknown"
        if too_early
        else "well"
    )
    return {
        "level": level,
        "verdict": watch["verdict"].removeprefix("All well. "),
        "second": rehearsal,
        "judged_on": watch["as_of"],
    }


def _age(days: int, first: Mapping[str, Any]) -> str:
    if days <= 0:
        age = gettext("It knows everything up to the book day.")
    else:
        age = ngettext(
            "It has not seen the last %(days)s day.", "It has not seen the last %(days)s days.", days
        ) % {"days": number(days)}
    if first["late_rate"] is None:
        return age
    learned = gettext("It learned from %(invoices)s invoices, of which %(rate)s were late.")
    told = learned % {"invoices": number(int(first["invoices"])), "rate": chance(first["late_rate"])}
    then = gettext("It is time to look whether it still holds.") if days > OLD_AFTER_DAYS else ""
    return f"{age} {told} {then}".strip()


def _horizons(card: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "target": name,
            "title": gettext(TITLES[name]).format(card["late_after_days"]),
            "made_of": gettext(KINDS[of["kind"]]) if of.get("kind") in KINDS else str(of.get("kind")),
            "note": of.get("note", ""),
            "invoices": of.get("invoices"),
            "late_invoices": of.get("late_invoices"),
            "late_rate": of.get("late_rate"),
            "slope": (of.get("calibration") or {}).get("slope"),
        }
        for name, of in card["horizons"].items()
    ]


def recalibration(card: Mapping[str, Any]) -> dict[str, Any]:
    """How far the level of each horizon follows what matured since training, and what that makes of its base rate."""
    is_on = bool(card.get("settings", {}).get("recalibrates", False))
    told = card.get("recalibration")
    moved = []
    for name, of in (told or {"horizons": {}})["horizons"].items():
        rate = card["horizons"][name].get("late_rate")
        moved.append(
            {
                "title": gettext(TITLES[name]).format(card["late_after_days"]),
                "shift": of["shift"],
                "outcomes": of["outcomes"],
                "from": rate,
                "to": _shifted(rate, of["shift"]),
            }
        )
    return {"is_on": is_on, "as_of": told["as_of"] if told else None, "horizons": moved}


def _shifted(rate: float | None, shift: float) -> float | None:
    if not rate or rate >= 1:
        return rate
    return 1 / (1 + math.exp(-(math.log(rate / (1 - rate)) + shift)))


def _links(rehearsal: Mapping[str, Any], asked: Mapping[str, str]) -> dict[str, Any]:
    curves = rehearsal["curves"]
    months = curves["months"] if curves else []
    return {
        "segment_tabs": [
            {"by": name, "title": title, "to": address(asked, "segments", by=name)}
            for name, title in rehearsal["groupings"]
        ],
        "month_tabs": [
            {"month": "", "to": address(asked, "calibration", month="")},
            *({"month": month, "to": address(asked, "calibration", month=month)} for month in months),
        ],
    }
