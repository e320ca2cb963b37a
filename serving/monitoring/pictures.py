"""What do the findings look like over the weeks?"""

from __future__ import annotations

from datetime import date

import numpy as np

from serving.monitoring.arrivals import Weekly
from serving.monitoring.contacts import Band
from serving.monitoring.performance import Figures
from serving.monitoring.weeks import WEEK
from training import charts

FEWEST = 20
"""Matured invoices of a week below which its late rate is only scatter."""


def late_rates(cohorts: list[Figures], height: float = 3.4) -> str | None:
    """Predicted and realised late rate of each week of questions, with the ranges of the realised ones."""
    shown = [each for each in cohorts if each.matured >= FEWEST]
    if len(shown) < 2:
        return None
    figure = charts.new_figure(7.4, height)
    days = [each.begins for each in shown]
    realised = [each.realised["late_rate"] for each in shown]
    charts.weekly_course(
        figure.subplots(),
        days,
        {
            "were late": [each.value for each in realised],
            "were predicted": [each.expected["late_rate"] for each in shown],
        },
        [(each.low, each.high) for each in realised],
        "Do as many pay late as was predicted?",
        "week of issue and score; of those whose deadline has passed",
    )
    return charts.figure_to_svg(figure, "Late rate predicted and realised by week of issue")


def contact_rates(bands: list[Band], as_of: date, recent_weeks: int) -> str | None:
    """Share of each band's invoices taken up with the customer before their deadline, by week of the deadline."""
    if not bands:
        return None
    known = np.array([[np.nan if each is None else each for each in band.weekly] for band in bands])
    begins = max(known.shape[1] - 26, 0)
    columns = [at for at in range(begins, known.shape[1]) if np.isfinite(known[:, at]).all()]
    if len(columns) < 2:
        return None
    days = [date.fromordinal(as_of.toordinal() - WEEK * (known.shape[1] - at)) for at in columns]
    figure = charts.new_figure(7.4, 3.2)
    charts.weekly_course(
        figure.subplots(),
        days,
        {band.name: known[at, columns].tolist() for at, band in enumerate(bands)},
        None,
        "How many were contacted before their deadline?",
        "week of the deadline",
    )
    return charts.figure_to_svg(figure, "Share of invoices contacted before their deadline by band of risk")


def spark(each: Weekly, weeks: int = 26) -> str:
    """One measure's last weeks as a small line, the last week marked."""
    values = each.values[-weeks:]
    figure = charts.new_figure(1.9, 0.36)
    ax = figure.subplots()
    at = np.arange(len(values))
    ax.plot(at, values, color=charts.STRONG, linewidth=1.2)
    if len(values) and np.isfinite(values[-1]):
        colour = charts.RAISES if each.departure else charts.STRONG
        ax.plot(at[-1:], values[-1:], marker="o", markersize=3.5, color=colour)
    ax.set_axis_off()
    return charts.figure_to_svg(figure, f"{each.measure.says}: the last {len(values)} weeks")
