"""How good are one model's probabilities against what happened, under any weighting of the rows?

A bootstrap that resamples whole customers is a weighting: a customer drawn three times gives each of its
rows weight 3. So rows are sorted once per model, and every resample is a few cumulative sums.
"""

from collections.abc import Callable, Collection, Iterator

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

TOP_SHARE = 0.10
INTERVAL = 0.90
MINIMUM_CUSTOMERS = 10
MEASURES = (
    "mean_prediction",
    "bias",
    "roc_auc",
    "average_precision",
    "brier",
    "log_loss",
    "calibration_error",
    "precision_top_10",
    "late_money_top_10",
)
HIGHER_IS_BETTER = frozenset({"roc_auc", "average_precision", "precision_top_10", "late_money_top_10"})


class Ranking:
    """One model's probabilities beside what happened, sorted once, measured under many weightings.

    Rows of equal rank keep the order given, so give them in a stated order. `money` is in minor units of
    one currency; rows with `has_money` false count in every measure but the money caught. Amounts below
    zero count as nothing to collect.
    """

    def __init__(
        self, probability: Floats, late: Floats, money: NDArray[np.int64], has_money: NDArray[np.bool]
    ):
        order = np.argsort(-probability, kind="stable")
        self._order = order
        self._probability = probability[order]
        self._late = late[order]
        self._tie_starts = _starts(self._probability)
        self._bin_starts = _starts(_bin_numbers(self._probability, bins=10))
        self._money_order = _by_money_at_risk(probability, money, has_money)
        self._late_money = (late * np.maximum(money, 0))[self._money_order]

    def measures(self, weights: Floats, only: Collection[str] = MEASURES) -> dict[str, Floats]:
        """Measures of MEASURES for each line of `weights` (weightings × rows); NaN where undefined."""
        ordered = weights[:, self._order]
        ways: dict[tuple[str, ...], Callable[[], dict[str, Floats]]] = {
            ("mean_prediction", "bias", "brier", "log_loss"): lambda: self._averages(ordered),
            ("roc_auc", "average_precision"): lambda: self._rank_measures(ordered),
            ("calibration_error",): lambda: {"calibration_error": self._calibration_error(ordered)},
            ("precision_top_10",): lambda: {"precision_top_10": self._late_at_the_top(ordered)},
            ("late_money_top_10",): lambda: {
                "late_money_top_10": self._late_money_caught(weights[:, self._money_order])
            },
        }
        found: dict[str, Floats] = {}
        with np.errstate(divide="ignore", invalid="ignore"):
            for names, measured in ways.items():
                if any(name in only for name in names):
                    found |= measured()
        return {name: found[name] for name in MEASURES if name in only}

    def _averages(self, weights: Floats) -> dict[str, Floats]:
        p, late, total = self._probability, self._late, weights.sum(axis=1)
        return {
            "mean_prediction": weights @ p / total,
            "bias": weights @ (p - late) / total,
            "brier": weights @ (p - late) ** 2 / total,
            "log_loss": weights @ log_losses(p, late) / total,
        }

    def _rank_measures(self, weights: Floats) -> dict[str, Floats]:
        """ROC AUC (a tied pair counts half) and average precision (ties enter the list together)."""
        rows = np.add.reduceat(weights, self._tie_starts, axis=1)
        late = np.add.reduceat(weights * self._late, self._tie_starts, axis=1)
        listed, caught = rows.cumsum(axis=1), late.cumsum(axis=1)
        all_late, prompt = caught[:, -1], rows - late
        prompt_below = (listed[:, -1:] - caught[:, -1:]) - (listed - caught)
        pairs_won = (late * (prompt_below + prompt / 2)).sum(axis=1)
        # A resample may leave the head of the list empty: nothing is caught there, and nothing is late.
        precision = np.divide(caught, listed, out=np.zeros_like(caught), where=listed > 0)
        return {
            "roc_auc": pairs_won / (all_late * prompt.sum(axis=1)),
            "average_precision": (late * precision).sum(axis=1) / all_late,
        }

    def _calibration_error(self, weights: Floats) -> Floats:
        # The bins stay those of the unweighted rows, so that resamples differ in rows and not in bins.
        gaps = np.add.reduceat(weights * (self._probability - self._late), self._bin_starts, axis=1)
        return np.abs(gaps).sum(axis=1) / weights.sum(axis=1)

    def _late_at_the_top(self, weights: Floats) -> Floats:
        return _top(weights) @ self._late / _list_length(weights)

    def _late_money_caught(self, weights: Floats) -> Floats:
        return _top(weights) @ self._late_money / (weights @ self._late_money)


def log_losses(probability: Floats, late: Floats) -> Floats:
    """The log loss of each row."""
    # The clip is scikit-learn's: a certain prediction that fails costs much, not infinitely much.
    clipped = np.clip(probability, np.finfo(float).eps, 1 - np.finfo(float).eps)
    return -np.where(late == 1, np.log(clipped), np.log1p(-clipped))


def calibration_bins(probability: ArrayLike, late: ArrayLike, bins: int = 10) -> pd.DataFrame:
    """Rows, mean prediction and share late in `bins` groups of equal count, equal predictions kept together.

    A group of equal predictions goes where its middle falls, so fewer bins than asked may come back.
    """
    p = np.asarray(probability, dtype=np.float64)
    frame = pd.DataFrame({"predicted": p, "late": np.asarray(late, dtype=np.float64)})
    grouped = frame.groupby(_bin_numbers(p, bins))
    means = grouped.mean().rename(columns={"late": "observed"})
    return means.assign(rows=grouped.size()).reset_index(drop=True)[["rows", "predicted", "observed"]]


def capacity_curve(
    probability: ArrayLike, late: ArrayLike, money: ArrayLike, points: int = 101
) -> pd.DataFrame:
    """Share of late money caught when only a share of invoices is contacted, largest money at risk first.

    Money at risk is probability × amount. `capacity_curve(late, late, money)` is the perfect list.
    """
    p, was_late = np.asarray(probability, dtype=np.float64), np.asarray(late, dtype=np.float64)
    amounts = np.maximum(np.asarray(money), 0)
    order = _by_money_at_risk(p, amounts, np.ones(len(p), dtype=bool))
    caught = np.concatenate([[0.0], (was_late * amounts)[order].cumsum()])
    contacted = np.linspace(0.0, 1.0, points)
    share = caught / caught[-1] if caught[-1] > 0 else np.full(len(caught), np.nan)
    return pd.DataFrame(
        {"contacted": contacted, "caught": np.interp(contacted * len(p), range(len(caught)), share)}
    )


def resampled_measures(
    rankings: dict[str, Ranking],
    customer_id: "pd.Series[str]",
    resamples: int,
    seed: int,
    only: Collection[str] = MEASURES,
) -> dict[str, dict[str, Floats]]:
    """The measures of every model under the same resamples of customers, so that differences are paired.

    All models rank the same rows, whose customers are `customer_id`. No measures come back where fewer
    than 10 customers make a resample meaningless.
    """
    blocks = [
        {model: ranking.measures(weights, only) for model, ranking in rankings.items()}
        for weights in customer_weights(customer_id, resamples, seed)
    ]
    if not blocks:
        return {model: {} for model in rankings}
    return {
        model: {name: np.concatenate([block[model][name] for block in blocks]) for name in blocks[0][model]}
        for model in rankings
    }


def mean_with_interval(
    values: Floats, customer_id: "pd.Series[str]", resamples: int, seed: int
) -> tuple[float, float | None, float | None]:
    """The mean of one figure per row, and the middle 90 % of its means over resamples of customers."""
    drawn = [
        weights @ values / weights.sum(axis=1) for weights in customer_weights(customer_id, resamples, seed)
    ]
    return float(values.mean()), *interval(np.concatenate([*drawn, np.array([])]))


def interval(values: Floats) -> tuple[float | None, float | None]:
    """The middle 90 % of the resamples; nothing where more than half of them are undefined."""
    defined = values[np.isfinite(values)]
    if len(defined) < max(20, len(values) / 2):
        return None, None
    low, high = np.quantile(defined, [(1 - INTERVAL) / 2, (1 + INTERVAL) / 2])
    return float(low), float(high)


def _by_money_at_risk(p: Floats, money: NDArray[np.int64], has_money: NDArray[np.bool]) -> NDArray[np.intp]:
    rows = np.flatnonzero(has_money)
    return rows[np.argsort(-(p * np.maximum(money, 0))[rows], kind="stable")]


def _bin_numbers(p: Floats, bins: int) -> NDArray[np.int64]:
    middle = pd.Series(p).rank(method="average").to_numpy() - 0.5
    return (middle * bins / max(len(p), 1)).astype(np.int64)


def _starts(values: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.intp]:
    """Where a run of equal neighbours begins."""
    return np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))


def _list_length(weights: Floats) -> Floats:
    # Rounded first: .1 × 30 is 3.0000000000000004 in binary, and the list would be one too long.
    return np.ceil(np.round(TOP_SHARE * weights.sum(axis=1), 9))


def _top(weights: Floats) -> Floats:
    """How many copies of each row are among the first tenth of the list."""
    places_before = weights.cumsum(axis=1) - weights
    return np.clip(_list_length(weights)[:, None] - places_before, 0, weights)


def customer_weights(customer_id: "pd.Series[str]", resamples: int, seed: int) -> Iterator[Floats]:
    """Row weights of each resample of customers, in blocks (resamples × rows) that stay small in memory."""
    codes, customers = pd.factorize(customer_id, sort=True, use_na_sentinel=False)
    count = len(customers)
    if count < MINIMUM_CUSTOMERS:
        return
    rng = np.random.default_rng(seed)
    block = max(1, 400_000 // len(codes))
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        drawn = [np.bincount(rng.integers(count, size=count), minlength=count) for _ in range(size)]
        yield np.asarray(drawn, dtype=np.float64)[:, codes]
