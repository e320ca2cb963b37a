"""Would the challenger have been right more often? Shadow scores of both, as their outcomes mature.

Each invoice counts once, by the first scoring that asked both models of it, as they are now.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.days import day_numbers
from features.history import History
from serving.monitoring.alarms import Alarm
from serving.positions import positions_of
from serving.score_log import CHALLENGER, scorings
from training.cohort import ask
from training.evaluation import Estimate
from training.measures import Ranking, interval, resampled_measures
from training.settings import MonitoringSettings

COMPARED = ("log_loss", "brier", "roc_auc", "bias")
TARGET = "p_late"


@dataclass(frozen=True)
class Shadow:
    """Champion and challenger on the same matured invoices; `gains` are challenger minus champion."""

    champion_version: str
    challenger_version: str
    asked: int
    matured: int
    champion: dict[str, float]
    challenger: dict[str, float]
    gains: dict[str, Estimate]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    def alarms(self, settings: MonitoringSettings) -> Iterator[Alarm]:
        """A challenger that is clearly better; never more than something to watch."""
        gain = self.gains.get("log_loss")
        if self.matured < settings.fewest_matured or gain is None or gain.high is None or gain.high >= 0:
            return
        sentence = (
            f"the challenger {self.challenger_version} is better than the champion on the {self.matured:,} invoices "
            f"both were asked about: log loss {self.challenger['log_loss']:.4f} against {self.champion['log_loss']:.4f}"
        )
        mend = "Run `duecourse retrain`, which promotes it if all gates hold."
        yield Alarm(
            "watch", "model", "challenger_better", self.challenger_version, sentence, mend,
            self.challenger["log_loss"], self.champion["log_loss"],
        )  # fmt: skip


def shadow_of(
    home: Path, champion: str, history: History, day: date, settings: MonitoringSettings
) -> Shadow | None:
    """What the log of scores says of the champion and the challenger last asked beside it; None without any."""
    logged = [
        each
        for each in scorings(home)
        if each.described["model_version"] == champion
        and "challenger_version" in each.described
        and each.described["as_of"] <= day.isoformat()
    ]
    if not logged:
        return None
    challenger = logged[-1].described["challenger_version"]
    columns = ["invoice_id", "as_of", TARGET, CHALLENGER + TARGET]
    told = pd.concat(
        [each.rows(columns) for each in logged if each.described["challenger_version"] == challenger]
    ).drop_duplicates("invoice_id")
    return _compared(champion, challenger, told, history, day, settings)


def _compared(
    champion: str,
    challenger: str,
    told: pd.DataFrame,
    history: History,
    day: date,
    settings: MonitoringSettings,
) -> Shadow:
    rows = positions_of(history, told["invoice_id"])
    told, rows = told[rows >= 0], rows[rows >= 0]
    cohort = ask(history, rows, day_numbers(told["as_of"]), day)
    # An invoice already past its deadline when it was asked about is a fact and no prediction.
    counts = ~np.isnan(cohort.outcomes[TARGET]) & (cohort.as_of <= cohort.matures_on[TARGET])
    late, nothing = cohort.outcomes[TARGET][counts], np.zeros(int(counts.sum()), np.int64)
    if not counts.any():
        return Shadow(champion, challenger, len(told), 0, {}, {}, {})
    rankings = {
        name: Ranking(told[column].to_numpy()[counts], late, nothing, nothing > 0)
        for name, column in (("champion", TARGET), ("challenger", CHALLENGER + TARGET))
    }
    once = {name: ranking.measures(np.ones((1, len(late)))) for name, ranking in rankings.items()}
    customers = pd.Series(cohort.customer[counts].astype(str))
    drawn = resampled_measures(rankings, customers, settings.resamples, seed=0)
    gains = {}
    for name in COMPARED:
        draws = drawn["challenger"][name] - drawn["champion"][name] if drawn["champion"] else np.array([])
        gain = float(once["challenger"][name][0] - once["champion"][name][0])
        gains[name] = Estimate(gain if np.isfinite(gain) else None, *interval(draws))
    figures = {
        model: {name: float(once[model][name][0]) for name in COMPARED if np.isfinite(once[model][name][0])}
        for model in once
    }
    return Shadow(
        champion, challenger, len(told), len(late), figures["champion"], figures["challenger"], gains
    )
