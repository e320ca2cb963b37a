"""How much cash comes in each week? Bars with a range, and beside them what comes later."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from features.ledger.cells import minor_digits
from training.charts import FAINT, INK, RULE, STRONG, _finish


def cash_by_week(
    ax: Axes,
    weeks: pd.DataFrame,
    later: pd.Series,
    unit: str,
    title: str = "How much of today's open money comes in each week?",
) -> Axes:
    """One bar per row of `weeks` (begins_on, expected, p10, p90 in minor units) and one for what comes later."""
    scale, word = _scale(float(weeks["p90"].max()) / 10 ** minor_digits(unit))
    per = 10 ** minor_digits(unit) * scale
    begins = pd.to_datetime(weeks["begins_on"])
    rows = pd.concat([weeks, later.to_frame().T], ignore_index=True)
    for place, row in rows.iterrows():
        mean, low, high = (float(row[name]) / per for name in ("expected", "p10", "p90"))
        is_later = place == len(weeks)
        x = len(weeks) + 0.6 if is_later else float(place)  # type: ignore[arg-type]
        ax.bar(x, mean, width=0.72, color=RULE if is_later else STRONG, alpha=1 if is_later else 0.85)
        ax.plot([x, x], [low, high], color=INK, linewidth=1.3, solid_capstyle="butt")
        for end in (low, high):
            ax.plot([x - 0.13, x + 0.13], [end, end], color=INK, linewidth=1.3)
        ax.annotate(
            _short(mean), (x, high), (0, 4), textcoords="offset points", ha="center", fontsize=8, color=INK
        )
    ticks = [*range(len(weeks)), len(weeks) + 0.6]
    ax.set_xticks(ticks, [*(_day(day, i, begins) for i, day in enumerate(begins)), "later"])
    _finish(ax, title, "week from; bar and number: expected; line: holds 8 of 10 scenarios", f"{word}{unit}")
    ax.yaxis.set_major_locator(MaxNLocator(5))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.grid(axis="y", color=RULE, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.set_ylim(bottom=0)
    ax.annotate(
        "Open invoices only: what is not issued yet is not in it; disputed amounts stand apart.",
        (0, -0.2),
        xycoords="axes fraction",
        fontsize=8,
        color=FAINT,
        va="top",
    )
    return ax


def _scale(highest: float) -> tuple[float, str]:
    for scale, word in ((1e6, "million "), (1e3, "thousand ")):
        if highest >= 2 * scale:
            return scale, word
    return 1.0, ""


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 20 or value == 0 else f"{value:.2g}"


def _day(day: pd.Timestamp, place: int, begins: pd.Series) -> str:
    is_new = place == 0 or begins.iloc[place - 1].month != day.month
    return f"{day.day}\n{day:%b}" if is_new else str(day.day)
