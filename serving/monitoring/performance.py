"""Is the model still right? What was predicted, what was to be expected, and what came true.

Each invoice counts once, by the question asked on its issue day: weekly questions about the same invoice repeat
its outcome and say nothing new of whether the model is right.

* By **cohort** of as-of days (weeks): what the champion predicted, the performance to be expected if its
  probabilities are right (known at once: Brier is the mean of p(1 - p), AUC follows from the p alone; Guillory et
  al. 2021, "predicting with confidence"), and beside it, on the same matured rows, what came true.
* By **week of maturity**, which is what alarms look at: a change of behaviour on some day touches all invoices
  whose deadline falls after it, however long ago they were issued. Whether an invoice belongs to a week is fixed
  by its due date, so no week favours early or late payers.

The alarm is a cumulative sum (Page 1954) of the weekly gap between late rate and mean prediction, less a gap
that nobody would act on, in standard errors clustered by customer. It says since when, and its thresholds come
from simulated quiet years (tests/drills), not from tables that assume independent weeks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from features.days import to_date
from serving.monitoring.alarms import Alarm, Severity
from serving.monitoring.weeks import WEEK
from training.evaluation import Estimate
from training.measures import Ranking, interval, resampled_measures
from training.settings import MonitoringSettings

LARGEST_STEP = 6.0
"""Standard errors one week may add: a single odd week is watched, it takes a second to act."""
HIGHEST = 1.5
"""Times `act_at` that the cumulative sum may reach: what it has piled up above must be worked off, week by week,
before an alarm ends whose cause is gone."""
LEAST_OF_EACH = 30
"""Late and prompt invoices without which an order cannot be judged."""


@dataclass(frozen=True)
class Judged:
    """Questions at issue asked of a model since it was made, and what is known of them; arrays of shape (n,)."""

    as_of: np.ndarray
    matures_on: np.ndarray
    """The day whose end decides the outcome."""
    late: np.ndarray
    """1, 0 or NaN where not known yet."""
    probability: np.ndarray
    customer: np.ndarray

    def __len__(self) -> int:
        return len(self.as_of)

    def where(self, mask: np.ndarray) -> Judged:
        """The rows where `mask` holds."""
        return Judged(*(getattr(self, name)[mask] for name in self.__dataclass_fields__))

    @property
    def matured(self) -> Judged:
        """The rows whose outcome is known."""
        return self.where(~np.isnan(self.late))


@dataclass(frozen=True)
class Figures:
    """A group of questions: all of them as predicted, the matured ones as expected and as they came true."""

    begins: date
    ends: date
    """The day after the last."""
    asked: int
    matured: int
    late: int
    predicted: float | None
    """Mean prediction of all that were asked."""
    expected: dict[str, float | None]
    """late_rate, brier, roc_auc of the matured rows if their probabilities are right."""
    realised: dict[str, Estimate]
    """The same of the same rows as it came true, with 90 % ranges over customers."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self) | {"begins": self.begins.isoformat(), "ends": self.ends.isoformat()}


@dataclass(frozen=True)
class Run:
    """A cumulative sum as it stands, and the weeks of deadlines since its most likely change."""

    height: float
    gap: float
    """Mean of late minus predicted in them."""
    late_rate: float
    predicted: float
    since: int
    rows: int


def expected_figures(probability: np.ndarray) -> dict[str, float | None]:
    """Late rate, Brier score and AUC to be expected of rows whose probabilities are right."""
    if not len(probability):
        return {"late_rate": None, "brier": None, "roc_auc": None}
    p = np.sort(probability)
    q = 1 - p
    first = np.searchsorted(p, p, side="left")
    last = np.searchsorted(p, p, side="right")
    prompt = np.concatenate([[0.0], np.cumsum(q)])
    # A pair of one late and one prompt invoice: won where the late one stands higher, half where they tie.
    won = (p * (prompt[first] + (prompt[last] - prompt[first]) / 2)).sum() - (p * q).sum() / 2
    pairs = p.sum() * q.sum() - (p * q).sum()
    auc = float(won / pairs) if len(p) > 1 and pairs > 0 else None
    return {"late_rate": float(p.mean()), "brier": float((p * q).mean()), "roc_auc": auc}


def figures(judged: Judged, begin: int, end: int, settings: MonitoringSettings) -> Figures:
    """What is known of the questions asked in [begin, end)."""
    asked = judged.where((judged.as_of >= begin) & (judged.as_of < end))
    matured = asked.matured
    return Figures(
        to_date(begin),
        to_date(end),
        len(asked),
        len(matured),
        int(matured.late.sum()),
        float(asked.probability.mean()) if len(asked) else None,
        expected_figures(matured.probability),
        realised_figures(matured, settings.resamples),
    )


def realised_figures(matured: Judged, resamples: int) -> dict[str, Estimate]:
    """Late rate, Brier score and AUC of matured rows with 90 % ranges over customers; None where undefined."""
    if not len(matured):
        return {name: Estimate(None) for name in ("late_rate", "brier", "roc_auc")}
    nothing = np.zeros(len(matured), np.int64)
    ranking = Ranking(matured.probability, matured.late, nothing, nothing > 0)
    once = ranking.measures(np.ones((1, len(matured))))
    customers = pd.Series(matured.customer.astype(str))
    drawn = resampled_measures({"model": ranking}, customers, resamples, seed=0)["model"]

    def estimate(sign: int, *names: str) -> Estimate:
        value = float(sum(s * once[name][0] for s, name in zip((1, sign), names, strict=False)))
        draws = (
            sum(s * drawn[name] for s, name in zip((1, sign), names, strict=False)) if drawn else np.array([])
        )
        return Estimate(value if np.isfinite(value) else None, *interval(np.asarray(draws)))

    return {
        "late_rate": estimate(-1, "mean_prediction", "bias"),
        "brier": estimate(1, "brier"),
        "roc_auc": estimate(1, "roc_auc"),
    }


def cohorts(judged: Judged, as_of: int, settings: MonitoringSettings) -> list[Figures]:
    """The last weeks of as-of days, the earliest first."""
    ends = [as_of - WEEK * back for back in range(settings.cohort_weeks - 1, -1, -1)]
    return [figures(judged, end - WEEK, end, settings) for end in ends if (judged.as_of < end).any()]


def runs(judged: Judged, as_of: int, settings: MonitoringSettings) -> dict[str, Run | None]:
    """The cumulative sums of `more` late than predicted and `fewer`, over the weeks of maturity."""
    matured = judged.matured
    back = (as_of - 1 - matured.matures_on) // WEEK
    weeks = [matured.where(back == week) for week in range(int(back.max(initial=-1)), -1, -1)]
    return {
        name: _run([week for week in weeks if len(week)], sign, settings)
        for name, sign in (("more", 1), ("fewer", -1))
    }


def _run(weeks: list[Judged], sign: int, settings: MonitoringSettings) -> Run | None:
    height, steps = 0.0, list[float]()
    for week in weeks:
        step = (sign * (week.late - week.probability).mean() - settings.tolerated_gap) / standard_error(week)
        steps.append(float(np.clip(step, -LARGEST_STEP, LARGEST_STEP)))
        height = min(max(0.0, height + steps[-1]), HIGHEST * settings.act_at)
    if height == 0.0:
        return None
    begin = _change(np.array(steps))
    late = np.concatenate([week.late for week in weeks[begin:]])
    predicted = np.concatenate([week.probability for week in weeks[begin:]])
    since = int(min(week.matures_on.min() for week in weeks[begin:]))
    gap = float((late - predicted).mean())
    return Run(height, gap, float(late.mean()), float(predicted.mean()), since, len(late))


def _change(steps: np.ndarray) -> int:
    """Since which week the steps are most unlike chance: the sum from there on is greatest in standard errors."""
    backwards = np.cumsum(steps[::-1]) / np.sqrt(np.arange(1, len(steps) + 1))
    return len(steps) - 1 - int(np.argmax(backwards))


def standard_error(matured: Judged) -> float:
    """Of the mean of late minus predicted, clustered by customer; never below that of independent rows."""
    left = matured.late - matured.probability
    by_customer = np.bincount(np.unique(matured.customer, return_inverse=True)[1], left)
    p = matured.probability
    return float(np.sqrt(max((by_customer**2).sum(), (p * (1 - p)).sum(), 1e-9))) / len(matured)


def alarms(judged: Judged, as_of: int, settings: MonitoringSettings) -> Iterator[Alarm]:
    """Late rate away from the prediction, or late payers no longer ranked first."""
    matured = judged.matured
    if len(matured) < settings.fewest_matured:
        return
    for name, run in runs(judged, as_of, settings).items():
        if run is not None and run.height >= settings.watch_at:
            yield _gap_alarm(name, run, settings)
    recent = matured.where(matured.matures_on >= as_of - WEEK * settings.recent_weeks)
    late = int(recent.late.sum())
    if min(late, len(recent) - late) >= LEAST_OF_EACH:
        yield from _order_alarm(recent, as_of, settings)


def _gap_alarm(name: str, run: Run, settings: MonitoringSettings) -> Alarm:
    since = to_date(run.since)
    sentence = (
        f"{'more' if name == 'more' else 'fewer'} invoices are late than predicted: {run.late_rate:.1%} against "
        f"{run.predicted:.1%} of the {run.rows:,} that came to their deadline since {since}"
    )
    mend = (
        "Retrain on the latest history; until then expect more late money than the scores say."
        if name == "more"
        else "Retrain on the latest history; until then the scores ask for more calls than are needed."
    )
    severity: Severity = "act" if run.height >= settings.act_at else "watch"
    return Alarm(
        severity, "performance", f"{name}_late_than_predicted", "champion", sentence, mend,
        run.late_rate, run.predicted, since, run.height / settings.act_at,
    )  # fmt: skip


def _order_alarm(recent: Judged, as_of: int, settings: MonitoringSettings) -> Iterator[Alarm]:
    """Where even the top of the realised AUC's range lies well below what the probabilities promise."""
    found = realised_figures(recent, settings.resamples)["roc_auc"]
    promised = expected_figures(recent.probability)["roc_auc"]
    if found.value is None or found.high is None or promised is None:
        return
    short = promised - settings.tolerated_auc_gap - found.high
    if short <= 0:
        return
    since = to_date(as_of - WEEK * settings.recent_weeks)
    sentence = (
        f"late payers are no longer ranked first: AUC {found.value:.3f} of the invoices that came to their deadline "
        f"since {since}, {promised:.3f} expected"
    )
    mend = "See which features have drifted; retrain, or roll back if the model is new."
    yield Alarm(
        "act",
        "performance",
        "order_lost",
        "champion",
        sentence,
        mend,
        found.value,
        promised,
        since,
        1 + short,
    )
