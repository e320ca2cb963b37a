"""How is the prior made? Trees that learn from many simulated books at once, judged on books they have not seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from features.catalogue import CATALOGUE
from features.days import day_number
from features.featureset import Feature
from features.history import History
from features.lateness import LatenessRule
from training.cohort import replay
from training.model import HorizonModel, RiskModel
from training.model.fitting import Lesson, fit_horizon, lesson
from training.settings import TrainingSettings

UNITS_OF_ONE_BOOK = ("log amount", "points")
"""Money and the marks of one credit agency: in another book the same value means something else."""
MOST_ROWS_OF_A_WORLD = 5_000
SAMPLE_ROWS = 60
SETTINGS = TrainingSettings(
    threads=1,  # part of the bytes
    learning_rate=0.06,
    folds=2,  # halves of the books
    most_rounds=120,
    leaves=15,
    least_rows_in_leaf=200,
    share_of_features=0.3,
    l2=20.0,
    calibration_half_life_days=1e9,  # worlds have no order in time
)


def is_scale_free(feature: Feature) -> bool:
    """The feature means the same in every book."""
    return feature.unit not in UNITS_OF_ONE_BOOK


def lessons_of(history: History) -> dict[str, Lesson]:
    """What one simulated book teaches about each target, up to its last day."""
    latest = history.ledger.latest_fact
    assert latest is not None
    cohort = replay(history, latest)
    values = CATALOGUE.compute(history, cohort.rows, cohort.as_of)
    day = day_number(latest)
    return {
        target: lesson(cohort, values, target, day, MOST_ROWS_OF_A_WORLD) for target in history.rule.horizons
    }


def prior_of(
    books: Sequence[dict[str, Lesson]], described: str, settings: TrainingSettings = SETTINGS
) -> RiskModel:
    """The prior that these books teach together; every book counts the same, whatever its size.

    Number of rounds and calibration come from books that the trees had not seen, as blocks of time do for a
    tenant. Raises ValueError where the books hold too few late invoices.
    """
    rule, features = LatenessRule(), CATALOGUE.learning_only(is_scale_free)
    horizons: list[HorizonModel] = []
    card = {}
    for target, days in sorted(rule.horizons.items(), key=lambda horizon: horizon[1]):
        taught = together([book[target] for book in books])
        horizon, _ = fit_horizon(target, taught, horizons, features, settings, days)
        if horizon.kind != "boosted":
            raise ValueError(f"{target} cannot be learned from these books: {horizon.note}. Simulate more.")
        horizons.append(horizon)
        card[target] = {
            "days": days,
            "kind": horizon.kind,
            "note": horizon.note,
            "rows": len(taught),
            "invoices": len(np.unique(taught.invoice)),
            "late_invoices": taught.late_invoices(),
            "late_rate": round(float(np.average(taught.late, weights=taught.weight)), 6),
            "rounds": horizon.booster.num_trees() if horizon.booster else 0,
            "calibration": {"slope": horizon.calibration.slope, "shift": horizon.calibration.shift},
            "from": described,
            "to": f"{len(books)} simulated books",
        }
    seen = together([book["p_late"] for book in books]).values
    return _assembled(tuple(horizons), seen, card, rule, settings)


def together(books: Sequence[Lesson]) -> Lesson:
    """The lessons of several books as one, in which the number of the book stands for the day of issue.

    Blocks of time then are blocks of books: no book is judged by trees that have seen it.
    """
    rows = float(np.mean([len(book) for book in books]))
    parts = [
        Lesson(
            book.values,
            book.late,
            book.weight / max(book.weight.sum(), 1.0) * rows,
            book.as_of,
            np.zeros(len(book), np.int64),
            book.invoice + (number << 32),
            np.full(len(book), number),
        )
        for number, book in enumerate(books)
    ]
    names = Lesson.__dataclass_fields__
    return Lesson(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _assembled(
    horizons: tuple[HorizonModel, ...],
    seen: np.ndarray,
    card: dict[str, Any],
    rule: LatenessRule,
    settings: TrainingSettings,
) -> RiskModel:
    names = CATALOGUE.names
    sample = seen[np.linspace(0, len(seen) - 1, SAMPLE_ROWS).astype(int)]
    medians = np.array([np.nan if np.isnan(column).all() else np.nanmedian(column) for column in seen.T])
    described = {
        "trained_on_facts_before": "no real ledger: simulated books alone",
        "late_after_days": rule.late_after_days,
        "calendar_days": rule.calendar_days,
        "feature_fingerprint": CATALOGUE.fingerprint(rule),
        "features": len(names),
        "settings": settings.model_dump(),
        "horizons": card,
    }
    reference = dict(zip(names, medians.tolist(), strict=True))
    return RiskModel(rule, horizons, reference, described, pd.DataFrame(sample, columns=names))
