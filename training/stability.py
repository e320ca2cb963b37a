"""Do people read the same reasons after a refit? Two neighbouring models explain the same questions."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from scipy.stats import rankdata

from features.reasons import REASON_CODES
from training.backtest import JudgedPeriod
from training.importance import spaced
from training.model import RiskModel
from training.model.calibration import log_odds
from training.model.risk_model import Explanation

MOST_ROWS = 400
"""Questions of a period that both models explain, evenly spaced."""


@dataclass(frozen=True)
class Refit:
    """How the reasons and scores of the same questions moved when the model was refitted."""

    at: str
    """The day of the later model."""
    questions: int
    reason_rank_correlation: float
    """Mean over questions: Spearman's correlation of the contributions of all reason codes."""
    same_top_reason: float
    """Share of questions whose strongest reason has the same code and sign."""
    score_rank_correlation: float | None
    mean_log_odds_change: float
    """Later minus earlier."""
    mean_size_of_change: float
    """Mean absolute change in log-odds."""
    mean_probability_change: float

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready values."""
        return asdict(self)


@dataclass
class Refits:
    """Watches a backtest and compares every model with the one before on the later one's questions."""

    found: list[Refit] = field(default_factory=list)
    _before: RiskModel | None = None

    def see(self, judged: JudgedPeriod) -> None:
        """Compare the period's model with that of the period before."""
        if self._before is not None:
            values = judged.values[spaced(np.arange(len(judged.values)), MOST_ROWS)]
            refit = compared(judged.period.begin.isoformat(), self._before, judged.model, values)
            if refit is not None:
                self.found.append(refit)
        self._before = judged.model


def compared(at: str, before: RiskModel, after: RiskModel, values: np.ndarray) -> Refit | None:
    """Both models' explanations of the same questions; None where every question was already decided."""
    pairs = [
        pair
        for pair in zip(before.explain(values), after.explain(values), strict=True)
        if all(explained.contributions for explained in pair)
    ]
    if not pairs:
        return None
    sides = [[pair[side] for pair in pairs] for side in (0, 1)]
    contributions = [_table(explained) for explained in sides]
    z = [log_odds(np.array([each.probability for each in explained])) for explained in sides]
    p = [np.array([each.probability for each in explained]) for explained in sides]
    return Refit(
        at,
        len(pairs),
        float(np.nanmean(_correlations(*(rankdata(table, axis=1) for table in contributions)))),
        float((_top(contributions[0]) == _top(contributions[1])).mean()),
        _finite(_correlations(rankdata(z[0])[None], rankdata(z[1])[None])[0]),
        float((z[1] - z[0]).mean()),
        float(np.abs(z[1] - z[0]).mean()),
        float((p[1] - p[0]).mean()),
    )


def verdict(refits: list[Refit]) -> str:
    """How often a refit changes what people read, as a sentence."""
    questions = sum(refit.questions for refit in refits)
    same = sum(refit.same_top_reason * refit.questions for refit in refits) / questions
    change = sum(refit.mean_size_of_change * refit.questions for refit in refits) / questions
    return (
        f"After a refit {100 * same:.0f} % of the invoices keep their strongest reason, and their scores move by "
        f"{change:.2f} in log-odds on average."
    )


def _table(explained: list[Explanation]) -> np.ndarray:
    """Contributions of every code but calibration, shape (questions, codes)."""
    codes = [code for code in REASON_CODES if code != "calibration"]
    return np.array([[each.contributions[code] for code in codes] for each in explained])


def _top(contributions: np.ndarray) -> np.ndarray:
    """The code of the strongest reason and its sign as one number per question."""
    strongest = np.abs(contributions).argmax(axis=1)
    signs = np.sign(contributions[np.arange(len(contributions)), strongest])
    return signs * (strongest + 1)


def _correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson's correlation of each line of `a` with that of `b`; NaN where one is constant."""
    a, b = (table - table.mean(axis=1, keepdims=True) for table in (a, b))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
