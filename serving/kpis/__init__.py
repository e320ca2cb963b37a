"""How does the receivables department do? The figures an AR manager knows, as of the start of a day.

Nothing known on or after the day is in them. Each figure says its value, unit, period, formula in words and from
how many rows it comes; what cannot be computed says why, and what would be needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from features.days import day_number, to_date
from features.history import History
from serving.kpis.asked import Asked, Settings
from serving.kpis.books import GROUPINGS, Books, months_back
from serving.kpis.catalogue import DEFINITIONS, SECTIONS, TREND
from serving.kpis.dialogue import DIALOGUE, disputes, promises
from serving.kpis.figure import Figure, Value
from serving.kpis.receivables import RECEIVABLES, ageing, days_outstanding, effectiveness, payment_speed
from serving.kpis.upstream import UPSTREAM, mender
from serving.kpis.verdict import verdict
from serving.kpis.work import WORK

__all__ = [
    "DEFINITIONS",
    "GROUPINGS",
    "SECTIONS",
    "Books",
    "Figure",
    "Settings",
    "Value",
    "kpis",
    "mender",
    "root_causes",
]

TREND_MONTHS = 12
MEASURES = (*RECEIVABLES, *DIALOGUE, *WORK, *UPSTREAM)


def kpis(
    history: History,
    day: date,
    *,
    by: Sequence[str] = ("division",),
    settings: Settings | None = None,
    scored: pd.DataFrame | None = None,
    reviews: Sequence[Mapping[str, Any]] | None = None,
    cancelled_promises: frozenset[str] = frozenset(),
    tiers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Every figure as of the start of a day, JSON-ready, for the whole book and by each grouping of `by`.

    `scored` holds score rows of the day (cash at risk needs them); `reviews` what the desk keeps of account
    reviews (customer_id, reviewed_on); `cancelled_promises` the ids of promises taken back; `tiers` the tier of
    each customer, by which its review cycle goes. Raises ValueError for an unknown grouping.
    """
    settings = settings or Settings()
    if unknown := [name for name in by if name not in GROUPINGS]:
        raise ValueError(f"no figures by {unknown[0]!r}: choose from {', '.join(GROUPINGS)}")
    books, number = Books(history), day_number(day)
    splits = tuple(books.split(name, number) for name in ("all", *dict.fromkeys(by)))
    begin = number - settings.period_days
    asked = Asked(books, number, begin, splits, settings, scored, reviews, cancelled_promises, tiers or {})
    figures = [figure for measure in MEASURES for figure in measure(asked)]
    return {
        "as_of": day.isoformat(),
        "period": {
            "from": to_date(begin).isoformat(),
            "before": day.isoformat(),
            "days": settings.period_days,
        },
        "groupings": ["all", *dict.fromkeys(by)],
        "money_units": sorted({unit for _, unit in splits[0].names if unit}),
        "invoices": int((books.seen_on < number).sum()),
        "kpis": [figure.as_dict() for figure in figures],
        "trend": _trend(asked),
        "verdict": verdict(asked, figures),
    }


def root_causes(history: History, day: date, settings: Settings) -> dict[str, Any]:
    """The figures of disputes and of what late invoices have in common, for the whole book alone."""
    books, number = Books(history), day_number(day)
    begin = number - settings.period_days
    asked = Asked(books, number, begin, (books.split("all", number),), settings)
    found = [figure.as_dict() for measure in (disputes, *UPSTREAM) for figure in measure(asked)]
    return {
        "period": {
            "from": to_date(begin).isoformat(),
            "before": day.isoformat(),
            "days": settings.period_days,
        },
        "kpis": {each["code"]: each for each in found},
    }


def _trend(asked: Asked) -> dict[str, Any]:
    """The chief figures as of the first day of each of the last months, each over the period before it, and today."""
    first = int(asked.books.seen_on.min(initial=asked.day))
    days = [*reversed(months_back(asked.day, TREND_MONTHS)), asked.day]
    days = [day for day in days if day > first]
    series: dict[tuple[str, str | None], list[dict[str, Any] | None]] = {}
    for place, day in enumerate(days):
        for figure in _chief(asked, day):
            for value in figure.values:
                listed = series.setdefault((figure.code, value.money_unit), [None] * len(days))
                listed[place] = {"value": value.as_dict(figure.unit)["value"], "n": value.n}
    return {
        "days": [to_date(day).isoformat() for day in days],
        "series": [
            {
                "code": code,
                "money_unit": unit,
                "values": [None if each is None else each["value"] for each in told],
                "n": [0 if each is None else each["n"] for each in told],
            }
            for (code, unit), told in sorted(
                series.items(), key=lambda item: (TREND.index(item[0][0]), item[0][1] or "")
            )
        ],
    }


def _chief(asked: Asked, day: int) -> list[Figure]:
    """The figures of the trend for the whole book as of a day."""
    books, length = asked.books, asked.day - asked.begin
    then = Asked(
        books,
        day,
        day - length,
        (books.split("all", day),),
        asked.settings,
        None,
        None,
        asked.cancelled_promises,
    )
    measures = (days_outstanding, effectiveness, ageing, payment_speed, promises)
    return [figure for measure in measures for figure in measure(then) if figure.code in TREND]
