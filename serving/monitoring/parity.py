"""Were scores made of the facts of their day? Logged feature rows, computed again from today's ledger.

With honest dates (`known_on`) both agree bit for bit. Where they do not, the digests kept with each score say
whether the facts were changed behind its back: a row of the customer, or of anybody for features that look beyond
the customer, that counts as known before the day today and did not then. What the facts do not explain is a
fault of the code.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from features.catalogue import CATALOGUE
from features.days import day_number
from features.history import History
from features.lateness import LatenessRule
from features.ledger import Ledger, customer_digests, table_digests
from serving.monitoring.alarms import Alarm
from serving.positions import positions_of
from serving.score_log import FACTS, FEATURE, Scoring
from training.model import RiskModel, recalibrated, recalibration_day

MOST_ALONE = 10
"""Customers that are looked at alone to see which features read other customers' facts too."""
EXAMPLES = 5
WORTH_WATCHING = 0.01
"""Share of replayed rows that changed data must touch before it is more than a note."""


@dataclass(frozen=True)
class Difference:
    """One feature that comes out otherwise today, over all rows of one scoring and of one cause."""

    scored: date
    feature: str
    rows: int
    is_fault: bool
    """True where the facts are the same as then."""
    tables: tuple[str, ...]
    """Tables with rows that came late or were changed."""
    examples: tuple[dict[str, Any], ...]
    """invoice_id, then and now of a few rows."""


@dataclass(frozen=True)
class Replay:
    """What was replayed and every difference found."""

    scorings: int
    rows: int
    touched: int
    """Rows with any difference."""
    faulty: int
    """Rows with a difference that the facts do not explain."""
    gone: int
    """Scored invoices that the ledger no longer holds."""
    largest_change: float
    """Of p_late, between what was told and what the same model says of today's facts."""
    skipped: tuple[str, ...]
    """Scorings that cannot be replayed, and why."""
    differences: tuple[Difference, ...]
    changed_tables: dict[str, int] = field(default_factory=dict)
    """Rows more (or fewer) than then in each table that was changed behind a scoring's back."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        found = asdict(self)
        return found | {
            "differences": [each | {"scored": each["scored"].isoformat()} for each in found["differences"]]
        }

    def alarms(self) -> Iterator[Alarm]:
        """A fault asks for action, changed data at most for an eye on the feed."""
        if self.faulty:
            names = sorted({each.feature for each in self.differences if each.is_fault})
            sentence = (
                f"{self.faulty:,} of {self.rows:,} logged scores cannot be reproduced from the same facts "
                f"({_some(names)})"
            )
            mend = "This is a fault of the program, not of the data: keep the log and report it."
            yield Alarm(
                "act",
                "parity",
                "not_reproduced",
                "features",
                sentence,
                mend,
                float(self.faulty),
                0.0,
                size=10.0,
            )
        late = self.touched - self.faulty + self.gone
        if late > 0:
            share = late / max(self.rows + self.gone, 1)
            where = ", ".join(
                f"{name} ({count:+,} rows)" if count else f"{name} (rows changed)"
                for name, count in self.changed_tables.items()
            )
            sentence = (
                f"{late:,} of {self.rows + self.gone:,} logged scores rest on facts that were changed or came late: "
                f"{where or 'invoices'}; the largest change of a probability is {100 * self.largest_change:.0f} points"
            )
            mend = "See that known_on is the day on which a row was really recorded."
            yield Alarm(
                "watch" if share >= WORTH_WATCHING else "note", "parity", "facts_changed", "ledger",
                sentence, mend, share, 0.0, size=share,
            )  # fmt: skip


def _some(names: list[str]) -> str:
    more = len(names) - EXAMPLES
    return ", ".join(names[:EXAMPLES]) + (f" and {more} more" if more > 0 else "")


def replayed(scorings: Iterable[Scoring], ledger: Ledger, history: History, model: RiskModel) -> Replay:
    """Every logged row of these scorings against today's ledger."""
    parts, skipped = [], []
    for scoring in scorings:
        why = _why_not(scoring)
        if why:
            skipped.append(f"{scoring.path.name}: {why}")
        else:
            parts.append(_one(scoring, ledger, history, model))
    changed: dict[str, int] = {}
    for part in parts:
        for name, count in part.changed_tables.items():
            changed[name] = count if abs(count) >= abs(changed.get(name, 0)) else changed[name]
    rows, touched, faulty, gone = (
        sum(getattr(part, name) for part in parts) for name in ("rows", "touched", "faulty", "gone")
    )
    return Replay(
        len(parts),
        rows,
        touched,
        faulty,
        gone,
        max((part.largest_change for part in parts), default=0.0),
        tuple(skipped),
        tuple(each for part in parts for each in part.differences),
        changed,
    )


def _why_not(scoring: Scoring) -> str:
    told = scoring.described
    rule = LatenessRule(int(told["late_after_days"]), told["calendar_days"] == "true")
    if told["feature_fingerprint"] != CATALOGUE.fingerprint(rule):
        return "its features were computed by other code than this program's"
    return "" if "tables" in told else "it keeps no digests of the facts"


def _one(scoring: Scoring, ledger: Ledger, history: History, model: RiskModel) -> Replay:
    day = date.fromisoformat(scoring.described["as_of"])
    told = scoring.rows()
    rows = positions_of(history, told["invoice_id"])
    gone = int((rows < 0).sum())
    told, rows = told[rows >= 0].reset_index(drop=True), rows[rows >= 0]
    now = CATALOGUE.compute(history, rows, np.full(len(rows), day_number(day)))
    then = told[[f"{FEATURE}{name}" for name in CATALOGUE.names]].to_numpy(np.float64)
    differs = ~((then == now) | (np.isnan(then) & np.isnan(now)))
    changed = _changed_tables(json.loads(scoring.described["tables"]), table_digests(ledger, day))
    own = _changed_of_customers(told, ledger, day)
    faults = differs & ~own.any(axis=1).to_numpy()[:, None]
    if changed and faults.any():
        suspicious = rows[faults.any(axis=1)]
        faults &= ~_looks_beyond(ledger, history, suspicious, day)[None, :]
    p_change = 0.0
    if scoring.described["model_version"] == model.version and differs.any():
        as_served = recalibrated(model, history, recalibration_day(day))
        p_change = float(
            np.abs(as_served.predict(now)["p_late"].to_numpy() - told["p_late"].to_numpy()).max()
        )
    return Replay(
        1,
        len(told),
        int(differs.any(axis=1).sum()),
        int(faults.any(axis=1).sum()),
        gone,
        p_change,
        (),
        tuple(_differences(day, told, then, now, differs, faults, own, changed)),
        changed,
    )


def _looks_beyond(ledger: Ledger, history: History, rows: np.ndarray, day: date) -> np.ndarray:
    """Which features read other customers' facts: those that come out otherwise for a customer alone; (features,)."""
    customers = history.tables["invoices"]["customer_id"].iloc[rows].unique()[:MOST_ALONE]
    beyond = np.zeros(len(CATALOGUE.names), dtype=bool)
    for customer in map(str, customers):
        alone = History(ledger.of_customers([customer]), history.rule)
        ids = alone.tables["invoices"]["invoice_id"]
        there = positions_of(history, ids)
        as_of = np.full(len(ids), day_number(day))
        own = CATALOGUE.compute(alone, np.arange(len(ids)), as_of)
        book = CATALOGUE.compute(history, there, as_of)
        beyond |= (~((own == book) | (np.isnan(own) & np.isnan(book)))).any(axis=0)
    return beyond


def _changed_tables(then: dict[str, Any], now: dict[str, Any]) -> dict[str, int]:
    """Tables whose facts of before the day are not the same, with the number of rows more."""
    nothing = {"rows": 0, "digest": ""}
    return {
        name: now.get(name, nothing)["rows"] - then.get(name, nothing)["rows"]
        for name in sorted({*then, *now})
        if now.get(name, nothing)["digest"] != then.get(name, nothing)["digest"]
    }


def _changed_of_customers(told: pd.DataFrame, ledger: Ledger, day: date) -> pd.DataFrame:
    """For each logged row and table whether its customer's facts of before the day have changed since."""
    today = customer_digests(ledger, day).reindex(told["customer_id"], fill_value=0)
    logged = {name.removeprefix(FACTS): told[name] for name in told.columns if name.startswith(FACTS)}
    names = sorted({*logged, *map(str, today.columns)})
    zero = np.zeros(len(told), np.uint64)
    return pd.DataFrame(
        {
            name: (logged[name].to_numpy(np.uint64) if name in logged else zero)
            != (today[name].to_numpy(np.uint64) if name in today else zero)
            for name in names
        },
        index=told.index,
    )


def _differences(
    day: date,
    told: pd.DataFrame,
    then: np.ndarray,
    now: np.ndarray,
    differs: np.ndarray,
    faults: np.ndarray,
    own: pd.DataFrame,
    changed: dict[str, int],
) -> Iterator[Difference]:
    for column in np.flatnonzero(differs.any(axis=0)):
        for mask, is_fault in ((faults[:, column], True), (differs[:, column] & ~faults[:, column], False)):
            rows = np.flatnonzero(mask)
            if not len(rows):
                continue
            tables = [str(name) for name in own.columns if own[name].to_numpy()[rows].any()] or list(changed)
            examples = tuple(
                {
                    "invoice_id": str(told["invoice_id"].iloc[row]),
                    "then": _plain(then[row, column]),
                    "now": _plain(now[row, column]),
                }
                for row in rows[:EXAMPLES]
            )
            name = CATALOGUE.names[column]
            yield Difference(day, name, len(rows), is_fault, () if is_fault else tuple(tables), examples)


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
