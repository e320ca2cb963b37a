"""Do a model's probabilities stay true through a shock, with and without rolling recalibration?

    duecourse simulate --customers 250 --months 18 --seed 11 --scenario shock --to BOOK
    duecourse backtest BOOK --from 2025-12-01 --to 2026-05-25 --refit 12 --output with.csv
    duecourse backtest BOOK --from 2025-12-01 --to 2026-05-25 --refit 12 --config never.yaml --output without.csv
    python -m data_samples.through_a_shock BOOK with.csv without.csv --plot shock.svg

`never.yaml` says `training: {recalibrates: false}`. One model, never trained again, scores every invoice when it
is issued; its scores are compared with the true probabilities of the simulation, every four weeks counted from
the first day of the shock, then before, through and after it. Several books of one scenario, each with its two
files of scores, are taken together; `python -m tests.drills shocks` makes such books more quickly.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from data_samples.against_truth import BINS, compared

NAMES = ("with recalibration", "without")
COLOURS = ("#0072B2", "#D55E00")
WEEKS = 4
LONG = 16
"""Weeks: a shock that lasts longer is "after" from here on, when whoever can has long trained again."""
FEWEST = 50
"""A week with fewer invoices is left out of the picture: its average says nothing."""


def by_weeks(rows: pd.DataFrame, begins_on: pd.Timestamp, weeks: int = 1) -> pd.DataFrame:
    """What every so many weeks of issue show, counted from a day; indexed by their first days."""
    step = pd.Timedelta(weeks=weeks)
    first = begins_on + (pd.to_datetime(rows["as_of"]) - begins_on) // step * step
    return pd.DataFrame({day: measured(part) for day, part in rows.groupby(first)}).T


def by_stage(rows: pd.DataFrame, shock: list[date]) -> pd.DataFrame:
    """What invoices issued before, through and after the shock show; one row of a quiet book."""
    if not shock:
        return pd.DataFrame({"all": measured(rows)}).T
    ends_on = shock[1] if len(shock) > 1 else shock[0] + timedelta(weeks=LONG)
    days = pd.to_datetime(rows["as_of"])
    is_after = (days >= pd.Timestamp(shock[0])).astype(int) + (days >= pd.Timestamp(ends_on))
    names = ("before", f"to {ends_on}", "later")
    return pd.DataFrame({names[stage]: measured(part) for stage, part in rows.groupby(is_after)} | {
        "all": measured(rows)
    }).T  # fmt: skip


def measured(rows: pd.DataFrame) -> dict[str, float]:
    """What one group of scored invoices shows, beside the true probabilities.

    The calibration error is the mean absolute gap between prediction and truth over ten bins of predictions.
    """
    p, true, late = (rows[name].to_numpy(dtype=float) for name in ("p_late", "p_late_true", "outcome"))
    bins = np.array_split(np.argsort(p, kind="stable"), BINS)
    clipped = np.clip(p, 1e-9, 1 - 1e-9)
    return {
        "invoices": float(len(rows)),
        "predicted": float(p.mean()),
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


def printed(tables: dict[str, pd.DataFrame]) -> Iterator[str]:
    """Both runs side by side, a line for each row of their tables."""
    shown = ("predicted", "calibration_error", "log_loss")
    yield f"{'':15}{'invoices':>9}{'true':>7}" + "".join(f"{name.replace('_', ' '):>20}" for name in shown)
    yield f"{'':31}" + f"{'with':>12}{'without':>8}" * len(shown)
    first, second = tables.values()
    for (name, row), (_, other) in zip(first.iterrows(), second.iterrows(), strict=True):
        said = name.date().isoformat() if isinstance(name, pd.Timestamp) else str(name)
        pairs = "".join(f"{row[each]:12.3f}{other[each]:8.3f}" for each in shown)
        yield f"{said:15}{row['invoices']:9.0f}{row['true']:7.3f}{pairs}"


def main() -> None:
    """Print both runs side by side, every four weeks and by stage; draw them where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", type=Path, nargs="+", help="BOOK WITH WITHOUT, once or several times")
    parser.add_argument("--plot", type=Path, help="an .svg or .png file")
    given = parser.parse_args()
    books, *scores = (given.files[place::3] for place in range(3))
    if len({len(books), *map(len, scores)}) > 1:
        parser.error("each book needs its two files of scores: BOOK WITH WITHOUT")
    shocks = {tuple(shock_days(book)) for book in books}
    if len(shocks) > 1:
        parser.error("books of one scenario on one day can be taken together, these are of several")
    shock = list(shocks.pop())
    runs = {
        name: pd.concat([compared(*pair) for pair in zip(books, files, strict=True)], ignore_index=True)
        for name, files in zip(NAMES, scores, strict=True)
    }
    begins_on = pd.Timestamp(shock[0] if shock else min(runs[NAMES[0]]["as_of"]))
    for table in (
        {name: by_weeks(rows, begins_on, WEEKS) for name, rows in runs.items()},
        {name: by_stage(rows, shock) for name, rows in runs.items()},
    ):
        print(*printed(table), "", sep="\n")
    if given.plot:
        weeks = {name: by_weeks(rows, begins_on) for name, rows in runs.items()}
        draw({name: table[table["invoices"] >= FEWEST] for name, table in weeks.items()}, shock, given.plot)


if __name__ == "__main__":
    main()
