"""The recipe: rehearse on the past, judge, fit on everything known, record, promote if the gates hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.catalogue import CATALOGUE
from features.days import to_date
from features.history import History
from features.lateness import LatenessRule
from features.ledger import Ledger
from training.backtest import Replayed, judged_table
from training.champion import NoChampion, champion_folder
from training.cohort import ask, issued_between, replay
from training.evaluation import Evaluation, evaluate
from training.model import ArtefactError, RiskModel, load_model, save_model
from training.model.fitting import fit_model
from training.settings import Settings

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Rehearsal:
    """The recipe tried on the past: a model of an earlier day, judged on what matured since."""

    cut: date
    until: date
    scored: pd.DataFrame
    evaluation: Evaluation


@dataclass(frozen=True)
class Training:
    """A finished training: the saved model, what the rehearsal showed, and where it lies."""

    model: RiskModel
    folder: Path
    rehearsal: Rehearsal | None
    why_no_rehearsal: str
    data_fingerprint: str


def rehearsal_window(history: History, cut: date, settings: Settings) -> tuple[date, date]:
    """The days [begin, end) whose questions are held out: the latest that have mostly matured by `cut`."""
    terms = np.maximum(history.invoices["terms_days"], 0)
    usual_terms = int(np.median(terms)) if len(terms) else 30
    end = cut - timedelta(days=usual_terms + history.rule.late_after_days)
    return end - timedelta(days=settings.training.rehearsal_days), end


def rehearse(
    history: History, cut: date, settings: Settings, champion: RiskModel | None, progress: Progress
) -> Rehearsal:
    """Fit as of the beginning of the held-out days and judge the questions at issue in them.

    Raises ValueError where too little is known to fit or to judge.
    """
    begin, end = rehearsal_window(history, cut, settings)
    replayed = Replayed(history, end, CATALOGUE, progress)
    model, baselines = replayed.fitted(begin, settings.training, progress)
    cohort = ask(history, *issued_between(history, begin, end), cut)
    values = CATALOGUE.compute(history, cohort.rows, cohort.as_of)
    models = {"model": model.predict(values)}
    if champion is not None and _is_comparable(champion, history.rule, begin):
        models["champion"] = champion.predict(values)
    scored = judged_table(cohort, models, baselines, values)
    if not scored["outcome_p_late"].notna().sum():
        raise ValueError(f"no invoice issued from {begin} to {end} had matured by {cut}")
    progress("judging the rehearsal")
    return Rehearsal(begin, end, scored, evaluate(scored, history.rule.horizons))


def _is_comparable(champion: RiskModel, rule: LatenessRule, begin: date) -> bool:
    """Only a champion of the same targets that has not learned from the held-out days may be compared."""
    return champion.rule == rule and date.fromisoformat(champion.card["trained_on_facts_before"]) <= begin


def train(
    ledger: Ledger, cut: date, rule: LatenessRule, settings: Settings, home: Path, progress: Progress
) -> Training:
    """A model of everything known before `cut`, saved under `home`; not yet in charge.

    Raises ValueError where no invoice has matured by `cut`.
    """
    known = ledger.known_before(cut)
    history = History(known, rule)
    rehearsal, why_not = None, ""
    try:
        rehearsal = rehearse(history, cut, settings, _champion(home), progress)
    except ValueError as error:
        why_not = str(error)
    model = fit_model(history, cut, settings.training, progress=progress)
    fingerprint = ledger.fingerprint(cut)
    card = model.card | {"data_fingerprint": fingerprint}
    model = RiskModel(
        model.rule, model.horizons, model.reference, card, model.sample, features=model.features
    )
    progress("saving the model")
    saved = save_model(model, home / "models")
    return Training(saved, home / "models" / saved.version, rehearsal, why_not, fingerprint)


def _champion(home: Path) -> RiskModel | None:
    try:
        return load_model(champion_folder(home))
    except (NoChampion, ArtefactError):
        return None


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
