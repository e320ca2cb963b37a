"""Is the challenger no worse than the champion on the same questions, and how sure is that?

Every figure is challenger minus champion under the same resamples of whole customers, so that what both find
hard cancels out. Of all rows together each bound holds with 95 % confidence (one-sided, percentiles of the
resamples). Of the worst of many groups that would be luck: some group always looks bad. So the bounds of the
groups of one family (the months; the segments) hold together: with 95 % confidence none of them is passed.
They are the difference ± c standard errors, where c is what the largest of all groups' standardised
differences stays below in 95 % of the resamples (the max-t method of Westfall and Young, 1993, 2.2).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from training.evaluation import known_rows, money_units, ranking_of
from training.measures import Floats, Ranking, customer_weights, interval, log_losses, resampled_measures
from training.segments import SEGMENTS

CHALLENGER, CHAMPION = "model", "champion"
"""Names of the two among the models of a rehearsal."""
COMPARED = ("log_loss", "brier", "calibration_error", "late_money_top_10", "roc_auc")
CONFIDENCE = 0.95
FEWEST_ROWS, FEWEST_OF_EACH_OUTCOME, FEWEST_CUSTOMERS = 100, 5, 10
"""A group with fewer is not compared by itself."""


@dataclass(frozen=True)
class Paired:
    """A figure of both models on the same rows, and challenger minus champion with its bounds; None undefined."""

    challenger: float | None
    champion: float | None
    difference: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Group:
    """Rows of one month or segment and the log loss of both models on them."""

    grouping: str
    name: str
    rows: int
    late: int
    log_loss: Paired


@dataclass(frozen=True)
class Comparison:
    """All that was found; groups in the order of `SEGMENTS`, by name."""

    target: str
    rows: int
    late: int
    customers: int
    is_same: bool
    """Whether both gave every row the same probability: then they are one model."""
    resamples: int
    seed: int
    measures: dict[str, Paired]
    months: list[Group]
    segments: list[Group]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready values."""
        return asdict(self)


def compare(scored: pd.DataFrame, target: str, resamples: int = 500, seed: int = 0) -> Comparison:
    """`<target>__model` against `<target>__champion` on the rows of a judged table whose outcome is known."""
    rows = known_rows(scored, target)
    unit = next(iter(money_units(rows)), None)
    rankings = {name: ranking_of(rows, target, name, unit) for name in (CHALLENGER, CHAMPION)}
    draws = resampled_measures(rankings, rows["customer_id"], resamples, seed)
    names = [name for name in SEGMENTS if name in rows and name != "month"]
    given = [rows[f"{target}__{name}"].to_numpy(np.float64) for name in (CHALLENGER, CHAMPION)]
    return Comparison(
        target,
        len(rows),
        int(rows[f"outcome_{target}"].sum()),
        int(rows["customer_id"].nunique()),
        bool(np.array_equal(given[0], given[1])),
        resamples,
        seed,
        _measures(rankings, draws, len(rows)),
        _groups(rows, target, ["month"], resamples, seed),
        _groups(rows, target, names, resamples, seed),
    )


def _measures(
    rankings: dict[str, Ranking], draws: dict[str, dict[str, Floats]], rows: int
) -> dict[str, Paired]:
    if not rows:
        return {}
    values = {name: ranking.measures(np.ones((1, rows))) for name, ranking in rankings.items()}
    found = {}
    for measure in COMPARED:
        own, other = (_finite(values[name][measure][0]) for name in (CHALLENGER, CHAMPION))
        if own is None or other is None:
            continue
        paired = draws[CHALLENGER][measure] - draws[CHAMPION][measure] if draws[CHALLENGER] else np.array([])
        found[measure] = Paired(own, other, own - other, *interval(paired))
    return found


def _groups(rows: pd.DataFrame, target: str, groupings: list[str], resamples: int, seed: int) -> list[Group]:
    """The groups of one family that have enough rows, with bounds that hold together."""
    members = [found for name in groupings for found in _members(rows, target, name)]
    if not members:
        return []
    inside = np.column_stack([mask for _, _, mask in members]).astype(np.float64)
    late = rows[f"outcome_{target}"].to_numpy(np.float64)
    losses = [
        log_losses(rows[f"{target}__{name}"].to_numpy(np.float64), late) for name in (CHALLENGER, CHAMPION)
    ]
    own, other = (inside.T @ loss / inside.sum(axis=0) for loss in losses)
    draws = _drawn_differences(losses[0] - losses[1], inside, rows["customer_id"], resamples, seed)
    low, high = _joint_bounds(own - other, draws)
    return [
        Group(
            grouping,
            name,
            int(mask.sum()),
            int(late[mask].sum()),
            Paired(*(float(each[place]) for each in (own, other, own - other, low, high))),
        )
        for place, (grouping, name, mask) in enumerate(members)
    ]


def _members(rows: pd.DataFrame, target: str, grouping: str) -> Iterator[tuple[str, str, np.ndarray]]:
    """Each group of a grouping that is large enough and not everything: grouping, name, mask."""
    late = rows[f"outcome_{target}"].to_numpy(bool)
    for name in sorted(rows[grouping].unique()):
        mask = (rows[grouping] == name).to_numpy(bool)
        of_each = min((late & mask).sum(), (~late & mask).sum())
        if mask.all() and grouping != "month":
            continue
        if mask.sum() < FEWEST_ROWS or of_each < FEWEST_OF_EACH_OUTCOME:
            continue
        if rows["customer_id"][mask].nunique() >= FEWEST_CUSTOMERS:
            yield grouping, str(name), mask


def _drawn_differences(
    difference: Floats, inside: Floats, customer_id: pd.Series[str], resamples: int, seed: int
) -> Floats:
    """Mean difference of each group in each resample, (resamples × groups); NaN where a group was not drawn."""
    parts = []
    for weights in customer_weights(customer_id, resamples, seed):
        with np.errstate(invalid="ignore"):
            parts.append(weights @ (inside * difference[:, None]) / (weights @ inside))
    return np.concatenate(parts)


def _joint_bounds(difference: Floats, draws: Floats) -> tuple[Floats, Floats]:
    """Lower and upper bounds of all groups' differences that hold together."""
    spread = np.nanstd(draws, axis=0)
    standardised = (draws - difference) / np.where(spread > 0, spread, np.inf)
    worst, best = np.nanmax(standardised, axis=1), np.nanmax(-standardised, axis=1)
    return (
        difference - np.quantile(worst, CONFIDENCE) * spread,
        difference + np.quantile(best, CONFIDENCE) * spread,
    )


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
