"""What did invoices with such a score turn out to be? Venn-Abers predictors of past blocks of time, as tables.

A Venn-Abers predictor (Vovk, Petej and Fedorova 2015) calibrates a score twice, as if the invoice in question
had been late and as if it had not: two probabilities that enclose a perfectly calibrated one wherever the
invoices are exchangeable. Months are not exchangeable: so every block of time has a predictor of its own, on
scores of a model that had not seen the block, and the range goes from the lowest to the highest of them.

The only file that imports MAPIE, and only where a model is trained: serving reads the tables.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from training.model.uncertainty import BOOK, RangeTable, Uncertainty, level_of

if TYPE_CHECKING:
    from mapie.calibration import VennAbersCalibrator

DECIMALS = 1
"""Scores are told apart to a tenth of a log-odd: 2.5 percentage points at even odds, fewer elsewhere."""
FEWEST_OF_A_KIND = 25
"""Late invoices, and prompt ones, that a block of an evidence level must have to speak for itself."""


class _AsGiven:
    """A classifier for MAPIE whose scores are the rows it is given; only their order matters to Venn-Abers."""

    classes_ = np.array([0, 1])

    def fit(self, scores: np.ndarray, late: np.ndarray) -> _AsGiven:
        """Nothing is left to fit."""
        return self

    def predict_proba(self, scores: np.ndarray) -> np.ndarray:
        """Scores of both classes, shape (n, 2)."""
        return np.column_stack([-scores[:, 0], scores[:, 0]])


def venn_abers(raw: np.ndarray, late: np.ndarray) -> VennAbersCalibrator:
    """The predictor of one block: raw log-odds and outcomes (1 late, 0 not), both of shape (n,)."""
    from mapie.calibration import VennAbersCalibrator

    calibrator = VennAbersCalibrator(_AsGiven(), cv="prefit", precision=DECIMALS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # MAPIE divides 0 by 0 and skips what is no number
        return calibrator.fit(raw[:, None], late.astype(np.int64))


def answers(calibrator: VennAbersCalibrator, raw: np.ndarray) -> np.ndarray:
    """Its two probabilities (as if not late, as if late) for raw log-odds of shape (n,); shape (n, 2)."""
    return np.asarray(calibrator.predict_proba(raw[:, None], p0_p1_output=True)[1])


def fit_uncertainty(
    raw: np.ndarray, late: np.ndarray, weight: np.ndarray, block: np.ndarray, evidence: np.ndarray, seed: int
) -> Uncertainty:
    """The tables of one horizon from scores of models that had not seen the outcomes; arrays of shape (n,).

    `weight` is the chance with which a row counts, as Venn-Abers knows no weights. A level of evidence gets a
    table from the blocks that have enough late and prompt invoices of it; without any, the book answers for it.
    """
    kept = np.random.default_rng(seed).random(len(raw)) < weight
    level = level_of(evidence)
    tables = {BOOK: range_table([(raw[rows], late[rows]) for rows in _by_block(block, kept)])}
    for name in np.unique(level):
        blocks = [(raw[rows], late[rows]) for rows in _by_block(block, kept & (level == name))]
        enough = [part for part in blocks if _is_enough(part[1])]
        if enough:
            tables[str(name)] = range_table(enough)
    return Uncertainty(tables)


def _by_block(block: np.ndarray, rows: np.ndarray) -> list[np.ndarray]:
    return [np.flatnonzero(rows & (block == number)) for number in np.unique(block[rows])]


def _is_enough(late: np.ndarray) -> bool:
    return min(int(late.sum()), int(len(late) - late.sum())) >= FEWEST_OF_A_KIND


def range_table(blocks: Sequence[tuple[np.ndarray, np.ndarray]]) -> RangeTable:
    """One table of several blocks (raw log-odds, outcomes): the lowest and highest that any of them says."""
    calibrators = [venn_abers(raw, late) for raw, late in blocks]
    points = np.unique(np.concatenate([np.round(raw, DECIMALS) for raw, _ in blocks]))
    between = np.concatenate([[points[0] - 1], (points[1:] + points[:-1]) / 2, [points[-1] + 1]])
    told = np.array([answers(calibrator, between) for calibrator in calibrators])
    low, high = told[:, :, 0].min(axis=0), told[:, :, 1].max(axis=0)
    steps = np.flatnonzero((np.diff(low) != 0) | (np.diff(high) != 0))
    kept = np.concatenate([[0], steps + 1])
    return RangeTable(points[steps], low[kept], high[kept], sum(len(raw) for raw, _ in blocks))
