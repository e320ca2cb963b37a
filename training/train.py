"""The recipe: rehearse on the past, judge, fit on everything known, record, promote if the gates hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from features.catalogue import CATALOGUE
from features.days import to_date
from features.history import History
from features.lateness import LatenessRule
from features.ledger import Ledger
from training.backtest import Replayed, judged_table
from training.cohort import ask, issued_between, replay
from training.comparison import Comparison, compare
from training.contest import Contest, Incumbent, contest, rehearsal_window
from training.evaluation import Evaluation, evaluate
from training.gates import NotCompared
from training.latency import Latency, paired_latency
from training.model import RiskModel, save_model
from training.model.fitting import fit_model
from training.model.recalibration import predict_as_served
from training.model.signing import signing_key
from training.oddities import training_oddities
from training.settings import Settings

Progress = Callable[[str], None]
SLICE_RESAMPLES = 100
"""Months and segments get intervals from so many resamples: enough for the middle 90 %."""


@dataclass(frozen=True)
class Rehearsal:
    """The recipe tried on the past: a model of an earlier day, judged on what matured since."""

    cut: date
    until: date
    scored: pd.DataFrame
    evaluation: Evaluation
    comparison: Comparison | None
    """With the champion, where both could be asked."""


@dataclass(frozen=True)
class Training:
    """A finished training: the saved model, what the rehearsal showed, and where it lies."""

    model: RiskModel
    folder: Path
    rehearsal: Rehearsal | None
    why_no_rehearsal: str
    against: Comparison | NotCompared
    latency: Latency | None
    data_fingerprint: str
    oddities: list[str]
    """What somebody should know of the history before they trust the model."""


def rehearse(history: History, cut: date, settings: Settings, held: Contest, progress: Progress) -> Rehearsal:
    """Fit as of the beginning of the held-out days and judge the questions at issue in them.

    Raises ValueError where too little is known to fit or to judge.
    """
    begin, end = held.begin, held.end
    replayed = Replayed(history, end, CATALOGUE, progress)
    model, baselines = replayed.fitted(begin, settings.training, progress)
    cohort = ask(history, *issued_between(history, begin, end), cut)
    values = CATALOGUE.compute(history, cohort.rows, cohort.as_of)
    models = {"model": predict_as_served(model, cohort, values)}
    if held.champion is not None:
        models["champion"] = predict_as_served(held.champion, cohort, values)
    scored = judged_table(cohort, models, baselines, values)
    if not scored["outcome_p_late"].notna().sum():
        raise ValueError(f"no invoice issued from {begin} to {end} had matured by {cut}")
    progress("judging the rehearsal")
    comparison = compare(scored, "p_late") if held.champion is not None else None
    judged = evaluate(scored, history.rule.horizons, slice_resamples=SLICE_RESAMPLES)
    return Rehearsal(begin, end, scored, judged, comparison)


def train(
    ledger: Ledger,
    cut: date,
    rule: LatenessRule,
    settings: Settings,
    home: Path,
    progress: Progress,
    against: Incumbent | None = None,
) -> Training:
    """A model of everything known before `cut`, saved under `home` and held against a champion; not yet in charge.

    Raises ValueError where no invoice has matured by `cut`.
    """
    signing_key()  # one that cannot be read is said before the work, not after it
    history = History(ledger.known_before(cut), rule)
    held = contest(history, cut, settings, against)
    rehearsal, why_not = None, ""
    try:
        rehearsal = rehearse(history, cut, settings, held, progress)
    except ValueError as error:
        why_not = str(error)
    model = fit_model(history, cut, settings.training, progress=progress)
    fingerprint = ledger.fingerprint(cut)
    model = replace(model, card=model.card | {"data_fingerprint": fingerprint})
    progress("saving the model")
    saved = save_model(model, home / "models")
    latency = paired_latency(saved, held.champion) if held.champion else None
    return Training(
        model=saved,
        folder=home / "models" / saved.version,
        rehearsal=rehearsal,
        why_no_rehearsal=why_not,
        against=_outcome(held, rehearsal, why_not),
        latency=latency,
        data_fingerprint=fingerprint,
        oddities=training_oddities(history, cut),
    )


def _outcome(held: Contest, rehearsal: Rehearsal | None, why_not: str) -> Comparison | NotCompared:
    """What came of the contest with the champion."""
    if held.why_not is not None:
        return held.why_not
    if rehearsal is None or rehearsal.comparison is None:
        return NotCompared(f"It could not be compared with the champion: {why_not}.", is_open=True)
    return rehearsal.comparison


def folds_of(history: History, cut: date, settings: Settings) -> list[dict[str, Any]]:
    """The calendar of a training: what teaches and what judges, for `--show-folds`."""
    begin, end = rehearsal_window(history, cut, settings)
    cohort = replay(history, cut)
    first = to_date(int(cohort.as_of.min())).isoformat() if len(cohort) else begin.isoformat()
    gap = timedelta(days=history.rule.late_after_days)
    return [
        {
            "name": "rehearsal",
            "fit_from": first,
            "fit_to": (begin - gap).isoformat(),
            "gap_to": begin.isoformat(),
            "test_to": end.isoformat(),
        },
        {
            "name": "final model",
            "fit_from": first,
            "fit_to": (cut - gap).isoformat(),
            "gap_to": cut.isoformat(),
            "test_to": cut.isoformat(),
        },
    ]
