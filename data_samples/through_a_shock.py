"""Do a model's probabilities stay true through a shock, with and without rolling recalibration?

    duecourse simulate --customers 250 --months 18 --seed 11 --scenario shock --to BOOK
    duecourse backtest BOOK --from 2025-12-01 --to 2026-05-25 --refit 12 --output with.csv
    duecourse backtest BOOK --from 2025-12-01 --to 2026-05-25 --refit 12 --config never.yaml --output without.csv
    python -m data_samples.through_a_shock BOOK with.csv without.csv --plot shock.svg

`never.yaml` says `training: {recalibrates: false}`. One model, never trained again, scores every invoice when it
is issued; each week's scores are compared with the true probabilities of the simulation.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from data_samples.against_truth import BINS, compared

NAMES = ("with recalibration", "without")
COLOURS = ("#0072B2", "#D55E00")
FEWEST = 50
"""A week with fewer invoices is left out: its average says nothing."""


def by_week(book: Path, scores: Path) -> pd.DataFrame:
    """Per week of issue: rows, mean truth, bias, calibration error against the truth and log loss."""
    rows = compared(book, scores)
    monday = pd.to_datetime(rows["as_of"]).dt.to_period("W-SUN").dt.start_time
    return pd.DataFrame(
        {week: measured(part) for week, part in rows.groupby(monday) if len(part) >= FEWEST}
    ).T


def measured(rows: pd.DataFrame) -> dict[str, float]:
    """What one group of scored invoices shows, beside the true probabilities.

    The calibration error is the mean absolute gap between prediction and truth over ten bins of predictions.
    """
    p, true, late = (rows[name].to_numpy(dtype=float) for name in ("p_late", "p_late_true", "outcome"))
    bins = np.array_split(np.argsort(p, kind="stable"), BINS)
    clipped = np.clip(p, 1e-9, 1 - 1e-9)
    return {
        "invoices": float(len(rows)),
        "true": float(true.mean()),
        "bias": float((p - true).mean()),
        "calibration_error": float(sum(abs((p - true)[each].sum()) for each in bins) / len(p)),
        "log_loss": float(-np.where(late == 1, np.log(clipped), np.log1p(-clipped)).mean()),
        "brier": float(((p - late) ** 2).mean()),
    }


def shock_days(book: Path) -> list[date]:
    """First and last day of what changed in the simulation; nothing for a quiet book."""
    told = book / "truth" / "scenario.yaml"
    if not told.exists():
        return []
    scenario = yaml.safe_load(told.read_text(encoding="utf-8"))
    return [date.fromisoformat(scenario[name]) for name in ("begins_on", "ends_on") if scenario[name]]


def draw(weeks: dict[str, pd.DataFrame], shock: list[date], path: Path) -> None:
    """Mean prediction less mean truth by week of issue, a line each."""
    from matplotlib.dates import date2num
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.axhline(0, color="#333333", linewidth=1)
    for (name, table), colour in zip(weeks.items(), COLOURS, strict=True):
        axes.plot(table.index, 100 * table["bias"], color=colour, linewidth=2)
        axes.annotate(name, (table.index[-1], 100 * table["bias"].iloc[-1]), (6, 0), textcoords="offset points",
                      color=colour, va="center")  # fmt: skip
    for day, said in zip(shock, (" everybody pays later", " as before"), strict=False):
        at = float(date2num(day))
        axes.axvline(at, color="#777777", linestyle=":")
        axes.text(at, axes.get_ylim()[1], said, va="top", color="#555555")
    axes.set_title("Are the scores right on average, week by week?", loc="left")
    axes.set_ylabel("predicted less true, percentage points")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.02)
    axes.set_xlim(right=axes.get_xlim()[1] + 30)
    axes.tick_params(axis="x", rotation=30)
    figure.savefig(path)


def main() -> None:
    """Print both runs side by side, week by week and in all; draw them where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("book", "with_recalibration", "without"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--plot", type=Path, help="an .svg or .png file")
    given = parser.parse_args()
    runs = dict(zip(NAMES, (given.with_recalibration, given.without), strict=True))
    weeks = {name: by_week(given.book, scores) for name, scores in runs.items()}
    first, second = weeks.values()
    print(f"{'week of':12}{'invoices':>9}{'true':>8}   bias with, without   calibration error with, without")
    for (week, row), (_, other) in zip(first.iterrows(), second.iterrows(), strict=True):
        print(
            f"{week:%Y-%m-%d}  {row['invoices']:9.0f}{row['true']:8.3f}   {row['bias']:+9.3f} {other['bias']:+8.3f}"
            f"   {row['calibration_error']:22.3f} {other['calibration_error']:8.3f}"
        )
    for name, scores in runs.items():
        whole = measured(compared(given.book, scores))
        print(f"{name}: " + ", ".join(f"{measure} {value:.4f}" for measure, value in whole.items()))
    if given.plot:
        draw(weeks, shock_days(given.book), given.plot)


if __name__ == "__main__":
    main()
