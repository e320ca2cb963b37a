"""The portfolio: how old and how risky the open money is, who owes it, what comes in, and how we do.

What is open is this moment's, at the desk's latest word; money of two currencies is never added. Cash expected and the
figures of the department take long on a large book: they are worked out once per loaded book, and the page says so
while they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from serving.accounts import known_customers
from serving.languages import gettext, ngettext
from serving.languages.formats import chance, money, number
from serving.office import Office
from serving.pages.figures import cash_of, figures_of, told_cash, told_figures
from serving.pages.later import Waiting
from serving.pages.names import names_of
from serving.pages.paths import with_query
from serving.pages.rendering import level_of, words
from serving.pages.routing import Page, Pages, Visit
from serving.policy.reviews import coverage
from serving.portfolio import SEGMENTS, OpenBook
from serving.scoring import Scorer

FILTERS = (*SEGMENTS, "currency", "tier", "age")
LARGEST, MOST_LARGEST = 10, 100
"""Customers named; as many as owe four fifths where they are asked for, but never more."""
MOST_GROUPS = 12
BAND_TITLES = {
    "current": "current",
    "1-30": "1–30 days",
    "31-60": "31–60 days",
    "61-90": "61–90 days",
    "90+": "over 90",
}


def add(pages: Pages) -> None:
    """The page."""
    pages.page(Page("/portfolio", "read:kpis", "portfolio.html", view))
    pages.kept.works |= {"figures": _figures, "cash": lambda office, whole: cash_of(whole)}


def view(visit: Visit) -> dict[str, Any]:
    """The open book as asked for, cash, figures and reviews."""
    book = visit.kept.open_book(visit.office, visit.live)
    filters = {name: visit.query[name] for name in FILTERS if visit.query.get(name)}
    shown = book.where(filters)
    currencies = shown.currencies()
    unit = filters.get("currency") or (currencies[0] if currencies else "")
    wholes = [shown.whole(each) for each in currencies]
    cash, figures = _slow(visit, filters, unit)
    largest = _largest(visit, shown, unit)
    return {
        "as_of": visit.live.as_of.isoformat(),
        "sentence": sentence(wholes, largest, cash),
        "filters": filters,
        "choices": {name: [each for each in book.by[name].names if each] for name in (*SEGMENTS, "currency")},
        "unit": unit,
        "currencies": currencies,
        "whole": wholes,
        "ageing": [_ageing(shown, each, filters) for each in currencies],
        "tiers": _tiers(shown, unit, filters, visit),
        "segments": _segments(shown, unit, filters, visit),
        "concentration": largest,
        "cash": cash,
        "figures": figures,
        "reviews": visit.kept.once(visit.live, "reviews", lambda: _reviews(visit)),
    }


def address(filters: Mapping[str, str], place: str = "", **more: str) -> str:
    """The page with these filters and some others; an empty one takes its filter away."""
    return with_query("/portfolio", {**filters, **more}, place)


def sentence(wholes: list[dict[str, Any]], largest: Mapping[str, Any], cash: Mapping[str, Any] | None) -> str:
    """What a credit manager would say of it aloud, of the currency with the most open."""
    if not wholes:
        return gettext("Nothing is open that fits.")
    first, said = wholes[0], []
    unit = first["currency"]
    opening = gettext(
        "%(open)s is open, %(share)s of it past due, and %(late)s is expected to come late or is late."
    )
    told = {"open": money(first["open"], unit, False), "late": money(first["expected_late"], unit, False)}
    said.append(opening % {**told, "share": chance(first["past_due_share"] or 0)})
    if largest["owing_most"]:
        few = ngettext(
            "%(few)s of %(all)s customers owes four fifths of it.",
            "%(few)s of %(all)s customers owe four fifths of it.",
            largest["owing_most"],
        )
        said.append(few % {"few": number(largest["owing_most"]), "all": number(largest["customers"])})
    if cash and cash.get("weeks"):
        week = cash["weeks"][0]
        coming = gettext(
            "Expect %(expected)s in the coming week: between %(low)s and %(high)s in eight weeks of ten."
        )
        names = {"expected": "expected", "low": "p10", "high": "p90"}
        said.append(coming % {name: money(week[of], cash["unit"], False) for name, of in names.items()})
    return " ".join(said)


def _ageing(book: OpenBook, currency: str, filters: Mapping[str, str]) -> dict[str, Any]:
    bands = book.sums("age", currency)
    for band in bands:
        band["label"] = gettext(BAND_TITLES[band["name"]])
        share = chance(band["share"] or 0)
        band["text"] = f"{money(band['open'], currency, False)} · {share}"
        band["share"] = band["share"] or 0.0
        is_any = band["invoices"] > 0
        band["to"] = address(filters, "largest", currency=currency, age=band["name"]) if is_any else None
    return {"currency": currency, "bands": bands, **book.whole(currency)}


def _tiers(book: OpenBook, unit: str, filters: Mapping[str, str], visit: Visit) -> list[dict[str, Any]]:
    """The worst tier first."""
    tiers = visit.live.whole.policy.tiers
    rows = book.sums("tier", unit) if unit else []
    most = max((Decimal(row["open"]) for row in rows), default=Decimal(0)) or Decimal(1)
    for row in rows:
        open_, late = Decimal(row["open"]), Decimal(row["expected_late"])
        text = gettext("%(open)s, %(late)s expected late")
        told = {"open": money(row["open"], unit, False), "late": chance(row["late_share"] or 0)}
        row |= {
            "label": words(row["name"]),
            "level": level_of(row["name"], tiers),
            "bar": float(open_ / most),
            "late": float(late / most),
            "text": text % told if row["invoices"] else gettext("nothing"),
            "to": address(filters, "largest", tier=row["name"]) if row["invoices"] else None,
        }
    return rows[::-1]


def _segments(book: OpenBook, unit: str, filters: Mapping[str, str], visit: Visit) -> dict[str, Any]:
    """One grouping, the part that owes most first."""
    by = visit.query.get("by", "")
    by = by if by in SEGMENTS else next((name for name in SEGMENTS if name not in filters), SEGMENTS[0])
    rows = [row for row in book.sums(by, unit) if row["invoices"]] if unit else []
    tiers = book.tiers_within(by, unit) if unit else {}
    rows.sort(key=lambda row: -Decimal(row["open"]))
    for row in rows:
        text = gettext("%(open)s, %(share)s past due")
        told = {"open": money(row["open"], unit, False), "share": chance(row["past_due_share"] or 0)}
        row |= {
            "label": words(row["name"]),
            "parts": tiers[row["name"]],
            "text": text % told,
            "to": address(filters, **{by: row["name"]}),
        }
    tabs = [{"by": name, "to": address(filters, "segments", by=name)} for name in SEGMENTS]
    names = book.by["tier"].names
    return {
        "by": by,
        "tiers": names,
        "tabs": tabs,
        "rows": rows[:MOST_GROUPS],
        "more": max(len(rows) - MOST_GROUPS, 0),
    }


def _largest(visit: Visit, book: OpenBook, unit: str) -> dict[str, Any]:
    if not unit:
        return {"customers": 0, "owing_most": 0, "curve": [], "largest": [], "shows_all": False}
    found = book.concentration(unit, MOST_LARGEST)
    shows_all = visit.query.get("customers") == "all"
    most = max(found["owing_most"], LARGEST) if shows_all else LARGEST
    rows = found["largest"][:most]
    names = names_of(visit.live, [row["customer_id"] for row in rows])
    tiers = visit.office.tiers(visit.live)
    for row in rows:
        row["name"] = names[row["customer_id"]]
        row["tier"] = tiers.of(row["customer_id"]).tier if tiers else None
    asked = {name: value for name, value in visit.query.items() if name in FILTERS or name == "by"}
    to_all = address(asked, "largest", customers="all")
    return found | {"largest": rows, "shows_all": shows_all, "to_all": to_all}


def _slow(visit: Visit, filters: Mapping[str, str], unit: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Cash and figures, or since when they are being worked out."""
    cash, figures = visit.kept.worked_out(visit.office, visit.live, "cash", "figures").values()
    now = visit.office.now()
    waiting = [each for each in (cash, figures) if isinstance(each, Waiting)]
    seconds = max((each.seconds(now) for each in waiting), default=0)
    wait = {"waiting_seconds": seconds}
    return (
        wait if isinstance(cash, Waiting) else told_cash(cash, filters, unit),
        wait if isinstance(figures, Waiting) else told_figures(figures, filters, unit),
    )


def _figures(office: Office, whole: Scorer) -> dict[str, Any]:
    cancelled = frozenset(each.record_id for each in office.desk.find("promises", status="cancelled"))
    return figures_of(whole, cancelled)


def _reviews(visit: Visit) -> dict[str, Any]:
    """How many accounts are within the review cycle of their tier."""
    live, office = visit.live, visit.office
    policy, tiers = live.whole.policy, office.tiers(live)
    if policy.parts.reviews is None:
        return {"share": None, "tiers": []}
    by_tier = {each: tiers.of(each).tier if tiers else policy.tiers[0] for each in known_customers(live)}
    due = policy.reviews_due(by_tier, office.told(live.as_of).last_reviewed, live.as_of)
    rows = [(tier, [each for each in due if each.tier == tier]) for tier in reversed(policy.tiers)]
    return {
        "share": coverage(due),
        "accounts": len(due),
        "due": sum(each.is_due for each in due),
        "tiers": [
            {
                "tier": tier,
                "every_days": policy.parts.reviews.every_days.get(tier),
                "accounts": len(theirs),
                "due": sum(each.is_due for each in theirs),
                "never": sum(each.last_reviewed_on is None for each in theirs),
                "share": coverage(theirs),
            }
            for tier, theirs in rows
        ],
    }
