"""Is there anything new to learn? What a nightly job asks first, because a training takes long and this does not."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np

from features.catalogue import CATALOGUE
from features.days import day_number
from features.history import History
from features.ledger import Ledger
from training.champion import NoChampion, challenger_folder
from training.cohort import ask
from training.contest import evidence_since, trained_before
from training.model import ArtefactError, RiskModel, load_model
from training.settings import Settings


def reason_to_wait(
    ledger: Ledger, cut: date, settings: Settings, home: Path, champion: RiskModel
) -> str | None:
    """Why a training as of `cut` could not change anything, or None where it could."""
    since = trained_before(champion)
    if since > cut:
        return f"The champion knows facts before {since} already, and the ledger is asked as of {cut}."
    if since == cut and champion.card.get("data_fingerprint") == ledger.fingerprint(cut):
        return f"The champion has learned from this very ledger, as of {cut}."
    history = History(ledger.known_before(cut), champion.rule)
    if not matured_between(history, since, cut):
        return f"No outcome has matured since the champion was trained on facts before {since}."
    found = evidence_since(history, cut, settings, champion)
    if not found.is_enough(settings.gates):
        return found.sentence(settings.gates)
    return _judged_lately(cut, settings, home, champion)


def matured_between(history: History, since: date, until: date) -> int:
    """Number of invoices whose first horizon ended, and whose outcome became known, in [since, until)."""
    rows = np.arange(len(history.invoices["issued_on"]))
    cohort = ask(history, rows, history.invoices["issued_on"], until)
    known = ~np.isnan(cohort.outcomes["p_late"])
    return int((known & (cohort.matures_on["p_late"] >= day_number(since))).sum())


def _judged_lately(cut: date, settings: Settings, home: Path, champion: RiskModel) -> str | None:
    """Asked again every night, a challenger that is no better would get through by luck some night."""
    try:
        folder = challenger_folder(home)
        challenger = load_model(folder) if folder else None
    except (NoChampion, ArtefactError):
        return None
    if challenger is None or not _is_of_this_recipe(challenger, settings, champion):
        return None
    judged, days = trained_before(challenger), settings.gates.compare_again_after_days
    again = judged + timedelta(days=days)
    if not judged <= cut < again:
        return None
    return (
        f"A challenger of the same recipe, {challenger.version}, was held against the champion as of {judged}; "
        f"the next one is as of {again} or later."
    )


def _is_of_this_recipe(challenger: RiskModel, settings: Settings, champion: RiskModel) -> bool:
    return (
        challenger.rule == champion.rule
        and challenger.card["settings"] == settings.training.model_dump()
        and challenger.card["feature_fingerprint"] == CATALOGUE.fingerprint(challenger.rule)
    )
