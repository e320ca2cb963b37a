"""What does the portfolio tell that takes long: the cash of the coming weeks, and the figures of the department?

Both are worked out once for a loaded book, without a caller's filters; what is asked for is then picked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from features.ledger import written_amount
from serving.forecast import forecast
from serving.kpis import SECTIONS, Settings, kpis
from serving.languages import formats, gettext, marked
from serving.languages.formats import compact, money, number
from serving.pages.rendering import day
from serving.portfolio import SEGMENTS
from serving.scoring import Scorer

PERIOD_DAYS = 90
WEEKS = 13
CASH_BY = ("division", "currency")
ELSEWHERE = {
    *("ageing", "ageing_share", "overdue_share", "roll_rate", "review_coverage", "cash_at_risk"),
    *("largest_customer_share", "top_customers_share", "customers_owing_80_percent"),
}
"""Figures that have a picture of their own on the page."""
MOST_PARTS = 8
_DISPUTES = ("/disputes", "read:facts", marked("Disputes"))
_ROOTS = ("/disputes#roots", "read:facts", marked("Root causes"))
BEHIND = {
    **dict.fromkeys(("disputed", "disputed_by_age", "overdue_in_dispute", "disputes_before_due"), _DISPUTES),
    "days_to_resolve": ("/disputes?status=closed", "read:facts", marked("Disputes")),
    **dict.fromkeys(("late_money_by_cause", "late_rate_by_cause"), _ROOTS),
    "promise_kept_rate": ("/alerts?rule=broken_promise", "read:alerts", marked("Broken promises")),
    "sent_late_share": ("/alerts?rule=invoice_not_sent", "read:alerts", marked("Invoices not sent")),
}
"""The page behind a figure: its address, the right that one needs there, and what it is called."""


@dataclass(frozen=True)
class CashOf:
    """The cash rows of a book by division and by currency, or why there are none."""

    rows: pd.DataFrame
    why_not: str = ""


def cash_of(whole: Scorer) -> CashOf:
    """The cash of the coming weeks."""
    if whole.model.timing is None:
        return CashOf(
            pd.DataFrame(), gettext("The model in charge knows no payment dates. Training again mends that.")
        )
    return CashOf(forecast(whole, weeks=WEEKS, by=CASH_BY).cash)


def figures_of(whole: Scorer, cancelled_promises: frozenset[str]) -> dict[str, Any]:
    """Every figure of the department, for the whole book and by every segment, with its trend."""
    return kpis(
        whole.history,
        whole.as_of,
        by=SEGMENTS,
        settings=Settings.of(whole.policy.parts, PERIOD_DAYS),
        cancelled_promises=cancelled_promises,
    )


def told_cash(found: CashOf, filters: Mapping[str, str], unit: str) -> dict[str, Any]:
    """The weeks as the filters allow: by division or by currency, else of the whole currency, which is said."""
    if found.why_not or found.rows.empty:
        return {
            "weeks": [],
            "why_not": found.why_not or gettext("No invoice was open when the book was loaded."),
        }
    division = filters.get("division")
    by, name = ("division", division) if division else ("currency", unit)
    rows = found.rows[(found.rows["by"] == by) & (found.rows["name"] == name)]
    units = rows["currency"].unique().tolist()
    unit = unit if unit in units else next(iter(units), unit)
    rows = rows[rows["currency"] == unit]
    if rows.empty:
        return {"weeks": [], "why_not": gettext("Nothing of it was open when the book was loaded.")}
    weeks = [_week(row, unit) for row in rows[rows["kind"] == "week"].to_dict("records")]
    ignored = [each for each in filters if each not in ("division", "currency")]
    stands = {
        kind: _money(rows[rows["kind"] == kind]["expected"], unit)
        for kind in ("all_weeks", "later", "disputed")
    }
    whole = rows[rows["kind"] == "all_weeks"].iloc[0]
    ends = {end: written_amount(int(whole[end]), unit) for end in ("p10", "p90")}
    return {
        "unit": unit,
        "division": division,
        "ignored": ignored,
        "weeks": weeks,
        **stands,
        **{f"all_weeks_{end}": value for end, value in ends.items()},
        "why_not": "",
    }


def _week(row: Mapping[Any, Any], unit: str) -> dict[str, Any]:
    amounts = {name: written_amount(int(row[name]), unit) for name in ("expected", "p10", "p90")}
    begins = row["begins_on"]
    told = {name: money(amount, unit, False) for name, amount in amounts.items()}
    text = gettext("Week from %(day)s: %(expected)s, between %(p10)s and %(p90)s in eight of ten")
    return {
        "begins_on": begins.isoformat(),
        **amounts,
        "label": formats.day_of_month(begins),
        "text": compact(amounts["expected"], unit),
        "told": text % {"day": formats.day_of_month(begins), **told},
    }


def _money(amounts: pd.Series, unit: str) -> str:
    return written_amount(int(amounts.iloc[0]), unit) if len(amounts) else written_amount(0, unit)


def told_figures(found: Mapping[str, Any], filters: Mapping[str, str], unit: str) -> dict[str, Any]:
    """The figures of one segment where one is asked for, else of the whole book, in one unit of money."""
    asked = [name for name in SEGMENTS if name in filters]
    by, group = (asked[0], filters[asked[0]]) if len(asked) == 1 else ("all", "all")
    units = found["money_units"]
    unit = unit if unit in units else next(iter(units), unit)
    by_code = {figure["code"]: figure for figure in found["kpis"]}
    trend = {each["code"]: each for each in found["trend"]["series"] if each["money_unit"] in (unit, None)}
    sections = [
        {"title": gettext(title), "rows": [row for code in codes if code not in ELSEWHERE
                                  for row in _rows(by_code[code], by, group, unit, trend, found)]}
        for title, codes in SECTIONS.items()
    ]  # fmt: skip
    ignored = [name for name in filters if name not in ("currency", by)]
    return {
        "unit": unit,
        "by": by,
        "group": group,
        "ignored": ignored,
        "is_converted": filters.get("currency", unit) != unit,
        "period": found["period"],
        "days": found["trend"]["days"],
        "sections": [section for section in sections if section["rows"]],
        "rolls": _rolls(by_code["roll_rate"], by, group, unit),
        "missing": _missing(by_code.values(), by, group),
        "formulas": [
            {"code": code, "title": figure["title"], "formula": figure["formula"]}
            for code, figure in by_code.items()
        ],
    }


def _values(figure: Mapping[str, Any], by: str, group: str, unit: str) -> list[dict[str, Any]]:
    """Of this group and this unit; a figure that is told for the whole book alone is told as that."""
    of_unit = [each for each in figure["values"] if each["money_unit"] in (unit, None)]
    found = [each for each in of_unit if (each["by"], each["group"]) == (by, group)]
    return found or [each for each in of_unit if each["by"] == "all"]


def _rows(
    figure: Mapping[str, Any],
    by: str,
    group: str,
    unit: str,
    trend: Mapping[str, Any],
    found: Mapping[str, Any],
) -> list[dict[str, Any]]:
    values = [each for each in _values(figure, by, group, unit) if each["value"] is not None][:MOST_PARTS]
    course = trend.get(figure["code"]) if by == "all" else None
    return [
        {
            "code": figure["code"],
            "title": figure["title"],
            "part": value["part"],
            "formula": figure["formula"],
            "value": value["value"],
            "text": _said(value["value"], figure["unit"], value["money_unit"] or unit),
            "n": value["n"],
            "behind": BEHIND.get(figure["code"]),
            "is_of_all": value["by"] == "all" and by != "all",
            "trend": _course(course, figure["unit"], unit, found["trend"]["days"]) if course else None,
        }
        for value in values
    ]


def _said(value: Any, kind: str, unit: str) -> str:
    if kind == "money":
        return money(value, unit, False)
    text = number(value, 0 if isinstance(value, int) else 1)
    if kind == "percent":
        return f"{text} %"
    if kind == "days":
        return gettext("%(number)s days") % {"number": text}
    if kind == "per 10,000 collected":
        return gettext("%(number)s per 10,000") % {"number": text}
    return text


def _course(course: Mapping[str, Any], kind: str, unit: str, days: list[str]) -> dict[str, Any] | None:
    """The values of the months that are known, and a sentence for those who do not see the line."""
    pairs = [(at, value) for at, value in zip(days, course["values"], strict=True) if value is not None]
    if len(pairs) < 2:
        return None
    told = {
        "from": _said(pairs[0][1], kind, unit),
        "to": _said(pairs[-1][1], kind, unit),
        "since": day(pairs[0][0]).striptags(),
    }
    text = gettext("from %(from)s on %(since)s to %(to)s")
    return {
        "values": [float(value) for _, value in pairs],
        "text": text % told,
        "from": told["from"],
        "since": pairs[0][0],
    }


def _rolls(figure: Mapping[str, Any], by: str, group: str, unit: str) -> list[dict[str, Any]]:
    """The bands, each with what of it went on into the next."""
    shares = [
        None if each["value"] is None else each["value"] / 100 for each in _values(figure, by, group, unit)
    ]
    names = ("current", "1–30", "31–60", "61–90", "90+")
    listed = [*shares, None][: len(names)] if shares else []
    return [
        {"label": gettext(name), "share": share, "text": "–" if share is None else formats.percent(share)}
        for name, share in zip(names, listed, strict=False)
    ]


def _missing(figures: Iterable[Mapping[str, Any]], by: str, group: str) -> list[dict[str, str]]:
    """What cannot be told, and what it would take; figures told elsewhere on the page left out."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for figure in figures:
        for each in figure["values"]:
            is_it = (each["by"], each["group"]) == (by, group) and figure["code"] not in ELSEWHERE
            if is_it and each["value"] is None:
                titles = reasons.setdefault((each["why_not"], each["needs"]), [])
                name = figure["title"]
                title = gettext(name)
                titles += [] if title in titles else [title]
    return [
        {"figures": ", ".join(titles), "why": why, "needs": needs} for (why, needs), titles in reasons.items()
    ]
