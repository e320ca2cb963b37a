"""Do we act on the scores, so that what came true is no longer what would have happened?

A customer who is called because of a high score and then pays in time looks like a false prediction. So beside
the late rates stands how many invoices of each band of risk were taken up with the customer before their
deadline, and whether that has changed. Bands are the champion's own (the riskiest tenth, the next two tenths,
the rest), not the policy's tiers: those change whenever somebody edits the policy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from features.days import day_numbers, to_date
from features.history import History
from serving.monitoring.alarms import Alarm
from serving.monitoring.performance import Judged
from serving.monitoring.weeks import WEEK, departure, week_numbers
from serving.positions import positions_of
from training.settings import MonitoringSettings

BANDS = (("riskiest tenth", 0.9, 1.0), ("next two tenths", 0.7, 0.9), ("the rest", 0.0, 0.7))
FLOOR = 0.15
"""Least change of a contact rate that is said."""
FEWEST = 10
CODE = "contacts_moved"


@dataclass(frozen=True)
class Band:
    """The invoices of one band of risk by the week of their deadline: how many were taken up before it."""

    name: str
    least_probability: float
    recent_rate: float | None
    """Of the recent weeks."""
    usual_rate: float | None
    """Of the weeks before them."""
    weekly: tuple[float | None, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def contacted(history: History, rows: np.ndarray, as_of: np.ndarray, until: np.ndarray) -> np.ndarray:
    """Whether we wrote or spoke about each invoice after its question and no later than `until`; bool, (n,).

    Contacts that name no invoice count for every invoice of their customer.
    """
    contacts = history.tables["contacts"]
    contacts = contacts[contacts["direction"].fillna("outgoing") != "incoming"]
    day = day_numbers(contacts["contacted_on"])
    named = positions_of(history, contacts["invoice_id"])
    of_customer = np.where(named < 0, history.customer_codes(contacts["customer_id"]), -1)
    own = _any_between(named, day, rows, as_of, until)
    return own | _any_between(of_customer, day, history.invoices["customer"][rows], as_of, until)


def _any_between(
    keys: np.ndarray, days: np.ndarray, asked: np.ndarray, begin: np.ndarray, until: np.ndarray
) -> np.ndarray:
    events = np.sort((keys[keys >= 0] << 32) | days[keys >= 0])
    first = np.searchsorted(events, (asked << 32) | begin, side="left")
    return np.searchsorted(events, (asked << 32) | until, side="right") > first


def bands(
    probability: np.ndarray,
    deadline: np.ndarray,
    is_contacted: np.ndarray,
    as_of: int,
    settings: MonitoringSettings,
) -> list[Band]:
    """Contact rates of the invoices whose deadline has passed, by band of risk."""
    weeks = settings.weeks_of_history
    inside, week = week_numbers(deadline, as_of, weeks)
    if not len(inside) or not is_contacted[inside].any():
        return []
    p = probability[inside]
    found = []
    for name, low, high in BANDS:
        least, most = np.quantile(p, [low, high])
        mine = (p >= least) & ((p < most) | (high == 1.0))
        count = np.bincount(week[mine], minlength=weeks)
        taken_up = np.bincount(week[mine], is_contacted[inside][mine], minlength=weeks)
        rate = np.where(count >= FEWEST, taken_up / np.maximum(count, 1), np.nan)
        recent = np.arange(weeks) >= weeks - settings.recent_weeks
        found.append(
            Band(
                name,
                float(least),
                _share(taken_up[recent], count[recent]),
                _share(taken_up[~recent], count[~recent]),
                tuple(None if np.isnan(each) else float(each) for each in rate),
            )
        )
    return found


def _share(part: np.ndarray, whole: np.ndarray) -> float | None:
    return float(part.sum() / whole.sum()) if whole.sum() else None


def alarms(found: list[Band], as_of: int, settings: MonitoringSettings) -> Iterator[Alarm]:
    """Bands whose contact rate is unlike their own history."""
    for band in found:
        weekly = np.array([np.nan if each is None else each for each in band.weekly])
        moved = departure(weekly, FLOOR, settings)
        if moved is None:
            continue
        since = to_date(as_of - WEEK * moved.weeks)
        whose = "the rest" if band.name == "the rest" else f"the invoices of the {band.name}"
        sentence = (
            f"of {whose} by risk {moved.latest:.0%} were taken up with the customer before their deadline in the "
            f"last week, {moved.low:.0%} to {moved.high:.0%} in the weeks before {since}"
        )
        mend = (
            "What came true now includes what we did: judge the model on invoices that were left alone, "
            "and keep a small random share of them so."
        )
        yield Alarm(
            "watch",
            "policy",
            CODE,
            band.name,
            sentence,
            mend,
            moved.latest,
            moved.extreme,
            since,
            moved.beyond,
        )


def explained(performance: list[Alarm], contacts: list[Alarm]) -> list[Alarm]:
    """Performance alarms of fewer late invoices than predicted, only watched where we began to act on scores."""
    if not any(alarm.value is not None and alarm.value > (alarm.reference or 0) for alarm in contacts):
        return performance
    return [
        Alarm(
            **(
                alarm.__dict__
                | {
                    "severity": "watch",
                    "sentence": f"{alarm.sentence}, while more of the risky ones are contacted in time",
                    "mend": "Do not retrain on it as it stands: the contacts may well have prevented the lateness.",
                }
            )
        )
        if alarm.code == "fewer_late_than_predicted"
        else alarm
        for alarm in performance
    ]


def of_judged(
    history: History, rows: np.ndarray, judged: Judged, as_of: int, settings: MonitoringSettings
) -> list[Band]:
    """Bands of the questions whose deadline has passed by `as_of`; `rows` are their invoices."""
    passed = judged.matures_on < as_of
    asked = judged.where(passed)
    taken_up = contacted(history, rows[passed], asked.as_of, asked.matures_on)
    return bands(asked.probability, asked.matures_on, taken_up, as_of, settings)
