"""How have the figures of the department moved, and how old is what is open today? Four small pictures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.ticker import FuncFormatter, MaxNLocator

from training.cash_chart import _scale
from training.charts import FAINT, INK, RAISES, RULE, STRONG, _finish

Course = Sequence[float | None]


def days_open(ax: Axes, days: Sequence[date], dso: Course, best: Course) -> Axes:
    """Days sales stay open against the best possible; the gap between them is delay."""
    x, whole, least = (np.array(of, float) for of in (date2num(list(days)), _gaps(dso), _gaps(best)))
    ax.fill_between(x, least, whole, color=RULE, alpha=0.6, linewidth=0)
    _line(ax, x, whole, STRONG, "DSO")
    _line(ax, x, least, FAINT, "if paid when due")
    return _over_time(ax, days, "How many days do sales stay open?", "days")


def share(ax: Axes, days: Sequence[date], values: Course, title: str, is_good: bool) -> Axes:
    """A percentage month by month, on an axis from 0 where more is bad, up to 100 where it is good."""
    _line(ax, date2num(list(days)), np.array(_gaps(values), float), STRONG, "", " %")
    _over_time(ax, days, title, "")
    high = np.nanmax(np.array(_gaps(values), float), initial=0.0)
    ax.set_ylim(0, 104 if is_good else max(1.25 * high, 5))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    return ax


def ages(ax: Axes, names: Sequence[str], amounts: Sequence[float], unit: str) -> Axes:
    """What is open by days past due, one bar each with its share."""
    whole, (scale, word) = max(sum(amounts), 1e-9), _scale(max(amounts, default=0.0))
    for place, amount in enumerate(amounts):
        ax.barh(place, amount / scale, height=0.62, color=STRONG if place == 0 else RAISES)
        ax.annotate(
            f"{100 * amount / whole:.1f} %",
            (amount / scale, place),
            (5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=INK,
        )
    ax.set_yticks(
        range(len(names)),
        ["not due yet" if name == "current" else f"{name.replace('-', '–')} days" for name in names],
    )
    _finish(ax, "How long past due is what is open?", f"{word}{unit}", "")
    ax.invert_yaxis()
    ax.set_xlim(0, 1.15 * max(amounts, default=1.0) / scale or 1)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    return ax


def _gaps(values: Course) -> list[float]:
    return [np.nan if value is None else value for value in values]


def _line(ax: Axes, x: np.ndarray, y: np.ndarray, colour: str, name: str, unit: str = "") -> None:
    ax.plot(x, y, color=colour, linewidth=2.0 if colour == STRONG else 1.4, marker="o", markersize=3.5)
    known = np.flatnonzero(~np.isnan(y))
    if len(known):
        last = known[-1]
        text = f"{y[last]:.0f}{unit}" + (f"\n{name}" if name else "")
        ax.annotate(text, (x[last], y[last]), (7, 0), textcoords="offset points", va="center", fontsize=8.5,
                    color=colour, annotation_clip=False)  # fmt: skip


def _over_time(ax: Axes, days: Sequence[date], title: str, y_label: str) -> Axes:
    _finish(ax, title, "", y_label)
    locator = AutoDateLocator(maxticks=6)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
    ax.grid(axis="y", color=RULE, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.set_ylim(bottom=0)
    x = date2num(list(days))
    ax.set_xlim(x[0] - 5, x[-1] + 5)
    return ax
