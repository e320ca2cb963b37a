"""How are the findings handed to people? One page that opens anywhere, and beside it the library's own.

Everything that comes from a ledger (names of divisions, currencies, invoice numbers) is escaped by the template;
the library's page escapes nothing and is given codes alone (distances.py). The page runs no script and loads
nothing.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from serving.monitoring import pictures
from serving.monitoring.arrivals import Weekly, shown
from serving.monitoring.watching import Findings
from training.evaluation import as_decimal, as_percent
from training.settings import MonitoringSettings

MOST_FEATURES = 15
SEVERITY_WORDS = {"act": "Act", "watch": "Watch", "note": "Note"}


def page(found: Findings, settings: MonitoringSettings, has_library_page: bool) -> str:
    """The findings as one HTML page."""
    charts = [
        pictures.late_rates(found.cohorts),
        pictures.contact_rates(found.bands, found.as_of, settings.recent_weeks),
    ]
    text = _template().render(
        found=found,
        settings=settings,
        charts=[Markup(chart) for chart in charts if chart],
        features=found.drift.features[:MOST_FEATURES],
        arrivals=[_arrival_row(each) for each in _most_telling(found.arrivals)],
        severity_words=SEVERITY_WORDS,
        has_library_page=has_library_page,
    )
    return text.replace(" %", "\N{NO-BREAK SPACE}%")


def _template() -> Any:
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("serving.monitoring"), PackageLoader("training")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"decimal": as_decimal, "percent": as_percent, "day": _day}
    return environment.get_template("monitoring.html")


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _most_telling(arrivals: list[Weekly]) -> list[Weekly]:
    """What is unusual, and of the rest how many rows each table brought."""
    return sorted(
        (
            each
            for each in arrivals
            if each.departure or (each.measure.code == "volume" and np.isfinite(each.values[-1]))
        ),
        key=lambda each: (each.departure is None, -(each.departure.beyond if each.departure else 0.0)),
    )


def _arrival_row(each: Weekly) -> dict[str, Any]:
    measure, usual = each.measure, each.values[:-1]
    usual = usual[np.isfinite(usual)]
    low, high = (
        (measure.natural(float(usual.min())), measure.natural(float(usual.max())))
        if len(usual)
        else (None, None)
    )
    return {
        "says": measure.says,
        "latest": shown(measure.natural(float(each.values[-1])), measure),
        "usual": "" if low is None or high is None else f"{shown(low, measure)} to {shown(high, measure)}",
        "is_unusual": each.departure is not None,
        "spark": Markup(pictures.spark(each)),
    }
