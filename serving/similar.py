"""How did such scores turn out? Of the nearest scores given to invoices nobody had seen paid, so many were late.

Only scores count that were given before anybody knew the outcome, by a model that had not learned from the invoice:

* those of the **score log** (serving/score_log.py): what people were really told on past days, by whichever model was
  in charge, with what the ledger knows of it today. One day a week of the last half year is read, and of an invoice
  scored alike several times the latest score counts.
* those of the model's **rehearsal** (training/model/judged.py): the same recipe, fitted on an earlier day, on the
  invoices of the weeks after it, each on its issue day.

The log is what counts where it holds enough scores like this one; before that, the rehearsal. What a model says of
invoices it has learned from is never shown.

Similar means close in log-odds: the nearest `MOST` within `NEAR`, and where there are fewer than `ENOUGH` the nearest
so many within `FARTHEST`. Worked example: 60 % is 0.41 in log-odds, so scores from 54 % to 66 % are similar to it;
around 2 % those from 1.6 % to 2.6 %. What came true is held against what these scores said on average, which need not
be what the one in their midst says. The range beside the share is the middle 80 % of what so many outcomes leave open.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.days import day_number, to_date
from serving.facts import Facts
from serving.score_log import Scoring, scorings
from serving.scoring import TARGETS
from training.model import RiskModel
from training.model.calibration import log_odds, probability
from training.model.judged import read_judged
from training.model.uncertainty import rate_range

NEAR, FARTHEST = 0.25, 1.0
ENOUGH, FEWEST, MOST = 100, 20, 2_000
"""So many similar scores are looked for; of fewer than the second nothing is said, more than the third add nothing."""
LOG_DAYS = 182


@dataclass(frozen=True)
class Past:
    """Scores of one target given to unseen invoices, in ascending order, and what came of them."""

    score: np.ndarray
    """Log-odds, float32, shape (n,): half a year of a large book is held."""
    late: np.ndarray
    """int8."""
    invoice: np.ndarray
    """int32 numbers by which scores of one invoice are told; all different in a rehearsal."""
    begin: date
    end: date
    source: str
    """`log` or `rehearsal`."""


@dataclass(frozen=True)
class Similar:
    """What came of the scores most like one."""

    scores: int
    late: int
    from_chance: float
    to_chance: float
    expected: float
    """What these scores said on average."""
    share: float
    low: float
    high: float
    """Between which shares the truth may lie, by so many outcomes."""
    source: str
    begin: date
    end: date
    """When the similar invoices were scored (`log`) or issued (`rehearsal`); the day after the last."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    @property
    def agrees(self) -> bool:
        """Whether what the scores said on average lies within what came true."""
        return self.low <= self.expected <= self.high


def similar(past: Past | None, chance: float) -> Similar | None:
    """What came of the scores around a chance; None where fewer than a few are known."""
    if past is None:
        return None
    middle = float(log_odds(np.array(chance)))
    begin, end = (np.searchsorted(past.score, middle + far) for far in (-FARTHEST, FARTHEST))
    distance = np.abs(past.score[begin:end] - middle)
    near = begin + np.flatnonzero(distance <= NEAR)
    if len(near) < ENOUGH:
        near = begin + np.sort(np.argsort(distance, kind="stable")[:ENOUGH])
    elif len(near) > MOST:
        near = begin + np.sort(np.argpartition(distance, MOST)[:MOST])
    _, last = np.unique(past.invoice[near][::-1], return_index=True)
    near = near[::-1][last]
    if len(near) < FEWEST:
        return None
    late, said = past.late[near], probability(past.score[near].astype(np.float64))
    rate = (late.sum() + 0.5) / (len(late) + 1)
    low, high = rate_range(np.array([rate]), np.array([len(late) + 1.0]))
    return Similar(
        len(late), int(late.sum()), float(said.min()), float(said.max()), float(said.mean()), float(late.mean()),
        float(low[0]), float(high[0]), past.source, past.begin, past.end,
    )  # fmt: skip


class PastScores:
    """The past scores of a home by target, read once for each model and log; safe between threads."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._log: dict[Path, Scoring | None] = {}
        self._kept: tuple[Any, dict[str, tuple[Past | None, Past | None]]] = (None, {})

    def read(self, facts: Facts, model: RiskModel, day: date) -> None:
        """Read now what is asked of this day: in a large log it takes seconds, for which nobody should wait."""
        self._of(facts, model, day)

    def near(self, facts: Facts, model: RiskModel, target: str, chance: float, day: date) -> Similar | None:
        """What came of scores like this one, by the log where it holds enough of them, else by the rehearsal."""
        log, rehearsal = self._of(facts, model, day)[target]
        by_log = similar(log, chance)
        if by_log is not None and by_log.scores >= ENOUGH:
            return by_log
        return similar(rehearsal, chance) or by_log

    def _of(self, facts: Facts, model: RiskModel, day: date) -> dict[str, tuple[Past | None, Past | None]]:
        with self._lock:  # one reads, the others wait for it instead of doing the same
            files = [each for each in weekly(scorings(self._home, self._log), day) if _is_of(each, model)]
            of = (model.version, day, tuple(each.path for each in files))
            if self._kept[0] != of:
                log = logged(files, facts, day)
                both = {name: (log[name], rehearsed(self._home, model.version, name)) for name in TARGETS}
                self._kept = (of, both)
            return self._kept[1]


def _is_of(scoring: Scoring, model: RiskModel) -> bool:
    """Whether a scoring means by late what the model does."""
    rule = model.rule
    told = (scoring.described["late_after_days"], scoring.described["calendar_days"])
    return told == (str(rule.late_after_days), str(rule.calendar_days).lower())


def weekly(found: Iterable[Scoring], day: date) -> list[Scoring]:
    """The first scoring of each week of the last half year before a day, made when the model knew no later fact."""
    by_week: dict[int, Scoring] = {}
    for each in found:
        on = date.fromisoformat(each.described["as_of"])
        is_honest = date.fromisoformat(each.described["trained_before"]) <= on
        if is_honest and day - timedelta(days=LOG_DAYS) <= on < day:
            by_week.setdefault((day_number(on) - 4) // 7, each)  # day 4 of the epoch was a Monday
    return list(by_week.values())


def logged(files: list[Scoring], facts: Facts, day: date) -> dict[str, Past | None]:
    """By target, the scores of the log whose outcome is known before a day and was open when they were given."""
    parts: dict[str, list[tuple[np.ndarray, ...]]] = {name: [] for name in TARGETS}
    for each in files:
        for name, part in _judged(each, facts, day).items():
            if len(part[0]):
                parts[name].append(part)
    return {name: _past(filled) for name, filled in parts.items()}


def _past(filled: list[tuple[np.ndarray, ...]]) -> Past | None:
    if not filled:
        return None
    score, late, invoice, as_of = (np.concatenate(column) for column in zip(*filled, strict=True))
    order = np.lexsort((as_of, score))
    begin, end = to_date(int(as_of.min())), to_date(int(as_of.max()) + 1)
    return Past(score[order], late[order], invoice[order], begin, end, "log")


def _judged(scoring: Scoring, facts: Facts, day: date) -> dict[str, tuple[np.ndarray, ...]]:
    """By target: log-odds, whether it came late, the invoice's position and the day of the scores of one file."""
    rows, history = scoring.rows_if_there(["invoice_id", *TARGETS]), facts.history
    on, today = day_number(date.fromisoformat(scoring.described["as_of"])), day_number(day)
    place = facts.positions(rows["invoice_id"].tolist())
    known = place >= 0
    place = place[known]
    settled = facts.settled_on(place, np.full(len(place), today))
    closed_by_credit = ~facts.is_open(place, today) & (settled > today)
    judged: dict[str, tuple[np.ndarray, ...]] = {}
    for name in TARGETS:
        limit = history.invoices["lateness_from"][place] + history.rule.horizons[name]
        told = (limit < today) & (on <= limit) & ~closed_by_credit
        late = (settled > limit).astype(np.int8)
        score = log_odds(rows[name].to_numpy(np.float64)[known][told]).astype(np.float32)
        as_of = np.full(int(told.sum()), on, np.int32)
        judged[name] = (score, late[told], place[told].astype(np.int32), as_of)
    return judged


def rehearsed(home: Path, version: str, target: str) -> Past | None:
    """The scores of a model's rehearsal with a known outcome."""
    found = read_judged(home, version)
    if found is None:
        return None
    rows: pd.DataFrame = found.rows[found.rows[f"{target}_late"].notna()].sort_values(target, kind="stable")
    score = log_odds(rows[target].to_numpy(np.float64)).astype(np.float32)
    late = rows[f"{target}_late"].to_numpy(np.int8)
    return Past(score, late, np.arange(len(rows), dtype=np.int32), found.begin, found.end, "rehearsal")
