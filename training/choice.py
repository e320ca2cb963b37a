"""Which model should have been in charge, and does our way of choosing find it? Choosing, itself backtested.

At the beginning of every period a rule chooses one of the candidates by what had matured by that day. Its
regret is what the choice lost in the period against the best candidate, which nobody could know: log loss per
invoice. (After the model choice of dssg/triage.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from training.contenders import WITHOUT
from training.evaluation import as_decimal
from training.measures import mean_with_interval
from training.scored import known_rows, models_of

FEWEST_ROWS = 100
"""Fewer known outcomes than these choose nothing: the model stays."""
RESAMPLES = 200
CHAMPION = "model"


@dataclass(frozen=True)
class Rule:
    """One way of choosing: what it chose in every period, and what that cost against the best choice."""

    name: str
    title: str
    choices: list[str]
    regrets: list[float]

    @property
    def mean_regret(self) -> float:
        """Log loss per invoice lost against the best choice of every period."""
        return float(np.mean(self.regrets))

    @property
    def worst_regret(self) -> float:
        """The same in the rule's worst period."""
        return max(self.regrets)


@dataclass(frozen=True)
class Choice:
    """How every candidate did in every period, and how every rule would have chosen."""

    periods: list[str]
    """The first day of each."""
    known_before: list[int]
    """Outcomes of earlier periods that had matured when the period began: what a rule may look at."""
    candidates: dict[str, list[float]]
    """Log loss per period."""
    rules: list[Rule]
    """Least mean regret first; of equals, the simplest."""

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready values."""
        return asdict(self) | {
            "rules": [
                asdict(rule) | {"mean_regret": rule.mean_regret, "worst_regret": rule.worst_regret}
                for rule in self.rules
            ]
        }


@dataclass(frozen=True)
class _Past:
    """What is known when a period begins: log losses of all candidates on matured rows, in order of time."""

    losses: pd.DataFrame
    taught_before: pd.Series
    customer_id: pd.Series


def choose(scored: pd.DataFrame, target: str) -> Choice | None:
    """The rules tried on the periods of a backtest; None with fewer than two periods or candidates.

    Models that a feature family was kept from are no candidates.
    """
    rows = known_rows(scored, target)
    candidates = [name for name in models_of(rows, target) if not name.startswith(WITHOUT)]
    begins = sorted(rows["taught_before"].unique())
    if len(begins) < 2 or len(candidates) < 2:
        return None
    losses = pd.DataFrame({name: _losses(rows, target, name) for name in candidates})
    figures = losses.groupby(rows["taught_before"]).mean()
    pasts = [_known(rows, losses, pd.Timestamp(begin)) for begin in begins]
    rules = [
        _rule(name, title, [chosen(past) for past in pasts], figures)
        for name, (title, chosen) in RULES.items()
    ]
    return Choice(
        [pd.Timestamp(begin).date().isoformat() for begin in begins],
        [len(past.losses) for past in pasts],
        {name: figures[name].tolist() for name in candidates},
        sorted(rules, key=lambda rule: rule.mean_regret),
    )


def verdict(choice: Choice) -> str:
    """Which way of choosing served best, as a sentence."""
    always = next(rule for rule in choice.rules if rule.name == "always_the_model")
    best = choice.rules[0]
    told = f"{as_decimal(always.mean_regret, 4)} of log loss per invoice"
    opening = (
        f"Over {len(choice.periods)} periods, always keeping the model lost {told} against the best of each"
    )
    if round(best.mean_regret, 4) >= round(always.mean_regret, 4):
        return f"{opening}; no rule for choosing did better."
    return f"{opening}; {best.title} lost {as_decimal(best.mean_regret, 4)}, the least."


def _losses(rows: pd.DataFrame, target: str, name: str) -> np.ndarray:
    p = rows[f"{target}__{name}"].to_numpy(np.float64).clip(1e-15, 1 - 1e-15)
    return np.where(rows[f"outcome_{target}"] == 1, -np.log(p), -np.log1p(-p))


def _known(rows: pd.DataFrame, losses: pd.DataFrame, begin: pd.Timestamp) -> _Past:
    is_known = (rows["taught_before"] < begin) & (rows["matures_on"] < begin)
    return _Past(losses[is_known], rows["taught_before"][is_known], rows["customer_id"][is_known])


def _rule(name: str, title: str, choices: Sequence[str], figures: pd.DataFrame) -> Rule:
    pairs = zip(choices, figures.to_dict("records"), strict=True)
    return Rule(name, title, list(choices), [row[choice] - min(row.values()) for choice, row in pairs])


def _always_the_model(past: _Past) -> str:
    return CHAMPION


def _best_last_period(past: _Past) -> str:
    rows = past.taught_before.value_counts()
    enough = rows.index[rows >= FEWEST_ROWS]
    return str(past.losses[past.taught_before == enough.max()].mean().idxmin()) if len(enough) else CHAMPION


def _best_so_far(past: _Past) -> str:
    return str(past.losses.mean().idxmin()) if len(past.losses) >= FEWEST_ROWS else CHAMPION


def _model_unless_clearly_beaten(past: _Past) -> str:
    best = _best_so_far(past)
    if best == CHAMPION:
        return CHAMPION
    lead = (past.losses[best] - past.losses[CHAMPION]).to_numpy()
    _, _, high = mean_with_interval(lead, past.customer_id, RESAMPLES, seed=0)
    return best if high is not None and high < 0 else CHAMPION


RULES: dict[str, tuple[str, Callable[[_Past], str]]] = {
    "always_the_model": ("always the model", _always_the_model),
    "model_unless_clearly_beaten": (
        "the model unless another was clearly better so far",
        _model_unless_clearly_beaten,
    ),
    "best_so_far": ("the best so far", _best_so_far),
    "best_last_period": ("the best of the latest period with outcomes", _best_last_period),
}
"""Ways of choosing, the simplest first; all see matured outcomes only."""
