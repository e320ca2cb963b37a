"""Which disputes and complaints are there, whose are they, how much money do they hold, and which wait for an answer?

The ledger's rows and the desk's records as one: a row of the export that nobody here touched yet has version 0. An
answer is due as many working days after the opening as the policy gives the step that deals with it; it is overdue
where that day has passed and nobody has spoken with the customer since. Ages and money are those of the book day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from features.days import day_number, day_numbers, to_date
from features.ledger import written_amount
from serving.desk import Record
from serving.policy.deadlines import action_by
from serving.scoring import Scorer
from serving.worklist.items import scorers_of

if TYPE_CHECKING:
    from serving.live import LiveScorer

KINDS = ("disputes", "complaints")
IDS = {"disputes": "dispute_id", "complaints": "complaint_id"}
WORDS_OF = {"disputes": "reason", "complaints": "topic"}
STEPS = {"disputes": "resolve_dispute", "complaints": "answer_complaint"}
"""The policy's steps that deal with them: within so many working days of these an answer is due."""
CLOSED_DAYS = 90
"""What was closed longer ago is not listed any more."""
AGES = ((30, "0-30"), (60, "31-60"), (90, "61-90"), (10**6, "90+"))
Key = tuple[str, str]


@dataclass(frozen=True)
class Objection:
    """A dispute or a complaint, as of the end of the book day."""

    kind: str
    record_id: str
    customer_id: str
    invoice_id: str | None
    cause: str
    """'' where nobody stated one."""
    opened_on: date
    closed_on: date | None
    amount: str | None
    """What it holds: what is disputed of the invoice, as far as it is open. None of a complaint, or where unknown."""
    currency: str
    status: str
    answer_by: date | None
    """None where the policy gives its step no days."""
    spoken_on: date | None
    """When somebody spoke or wrote with the customer last, if that was since it was opened."""
    days_open: int
    is_overdue: bool
    version: int = 0
    owner: str = ""
    person: str = ""
    note: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it waits for somebody."""
        return self.status == "open"

    @property
    def age(self) -> str:
        """Its age band."""
        return next(name for last, name in AGES if self.days_open <= last)


def objections(
    live: LiveScorer, records: Iterable[Record], closed_days: int = CLOSED_DAYS
) -> list[Objection]:
    """All that are open, and those closed in the last days: the longest open first, then those closed last."""
    at_desk = {(each.kind, each.record_id): each for each in records}
    found = [each for kind in KINDS for each in _of_kind(live, kind, at_desk, closed_days)]
    return sorted(found, key=lambda each: (not each.is_open, _last(each), each.kind, each.record_id))


def objection(live: LiveScorer, kind: str, record_id: str, record: Record | None) -> Objection | None:
    """One of them, however long ago it was closed; None where the book holds none of that number."""
    at_desk = {(kind, record_id): record} if record else {}
    return next(_of_kind(live, kind, at_desk, None, record_id), None)


def row_of(live: LiveScorer, kind: str, record_id: str) -> dict[str, Any] | None:
    """What the ledger says of one, as the desk would keep it; None where the book holds none of that number."""
    for scorer, table in _tables(live, kind):
        row = next(iter(table[table[IDS[kind]] == record_id].to_dict("records")), None)
        if row is None:
            continue
        told = {name: _text(row[name]) for name in (IDS[kind], "customer_id", WORDS_OF[kind])}
        told |= {name: _iso(row[name]) for name in ("opened_on", "closed_on", "known_on")}
        if kind == "disputes":
            currency = _currencies(scorer, [row["invoice_id"]])[0]
            told |= {"invoice_id": row["invoice_id"], "currency": currency}
            if not pd.isna(row["amount"]):
                told["amount"] = written_amount(int(row["amount"]), currency)
        return {name: value for name, value in told.items() if value}
    return None


def _last(each: Objection) -> int:
    return -day_number(each.closed_on) if each.closed_on else day_number(each.opened_on)


def _tables(live: LiveScorer, kind: str) -> Iterator[tuple[Scorer, pd.DataFrame]]:
    """The rows of each book, those of customers of whom the desk knows more from the part that knows them."""
    for scorer in scorers_of(live):
        table = scorer.history.tables[kind]
        is_mine = table["customer_id"].isin(list(live.changed)).to_numpy() == (scorer is live.part)
        known = np.maximum(day_numbers(table["opened_on"]), day_numbers(table["known_on"]))
        yield scorer, table[is_mine & (known <= day_number(live.as_of))]


def _of_kind(
    live: LiveScorer, kind: str, at_desk: Mapping[Key, Record], closed_days: int | None, only: str = ""
) -> Iterator[Objection]:
    today = day_number(live.as_of)
    for scorer, table in _tables(live, kind):
        closed = day_numbers(table["closed_on"])
        is_listed = np.ones(len(table), bool) if closed_days is None else (closed > today - closed_days)
        if only:
            is_listed &= (table[IDS[kind]] == only).to_numpy()
        if is_listed.any():
            yield from _told(live, scorer, kind, table[is_listed], at_desk)


def _told(
    live: LiveScorer, scorer: Scorer, kind: str, table: pd.DataFrame, at_desk: Mapping[Key, Record]
) -> Iterator[Objection]:
    codes = scorer.history.customer_codes(table["customer_id"])
    opened, due = day_numbers(table["opened_on"]), _answer_by(live, scorer, kind, table, codes)
    spoken = _spoken_on(scorer, codes, live.as_of)
    amounts, currencies = _money(live, scorer, kind, table)
    for n, row in enumerate(table.to_dict("records")):
        record = at_desk.get((kind, str(row[IDS[kind]])))
        told: Mapping[str, Any] = record.content if record else {}
        closed_on = (
            None
            if pd.isna(row["closed_on"]) or row["closed_on"].date() > live.as_of
            else row["closed_on"].date()
        )
        word = to_date(int(spoken[n])) if spoken[n] >= opened[n] else None
        status = "open" if closed_on is None else str(told.get("status") or "resolved")
        yield Objection(
            kind=kind,
            record_id=str(row[IDS[kind]]),
            customer_id=str(row["customer_id"]),
            invoice_id=str(row["invoice_id"]) if kind == "disputes" else None,
            cause=str(told.get("cause") or _text(row[WORDS_OF[kind]])),
            opened_on=to_date(int(opened[n])),
            closed_on=closed_on,
            amount=amounts[n],
            currency=currencies[n],
            status="resolved" if closed_on and status == "open" else status,
            answer_by=due[n],
            spoken_on=word,
            days_open=day_number(closed_on or live.as_of) - int(opened[n]),
            is_overdue=closed_on is None and word is None and _has_passed(due[n], live.as_of),
            version=record.version if record else 0,
            **{name: str(told.get(name) or "") for name in ("owner", "person", "note")},
        )


def _answer_by(
    live: LiveScorer, scorer: Scorer, kind: str, table: pd.DataFrame, codes: np.ndarray
) -> list[date | None]:
    step = live.whole.policy.parts.actions.get(STEPS[kind])
    if step is None or step.within_working_days is None:
        return [None] * len(table)
    opened = table["opened_on"].to_numpy("datetime64[D]")
    country = scorer.facts.master(codes, day_number(live.as_of) + 1)["country"].to_numpy(dtype=object)
    never = np.full(len(table), np.datetime64("NaT"), dtype="datetime64[D]")
    days = np.full(len(table), float(step.within_working_days))
    return [
        None if np.isnat(each) else each.item() for each in action_by(opened, days, opened, never, country)
    ]


def _spoken_on(scorer: Scorer, codes: np.ndarray, as_of: date) -> np.ndarray:
    """The day number of the last contact with each customer, as known at the end of the day; -1 without one."""
    table = scorer.facts.about(np.unique(codes[codes >= 0]), "contacts")
    on = day_numbers(table["contacted_on"])
    known = np.maximum(on, day_numbers(table["known_on"])) <= day_number(as_of)
    last = np.full(len(scorer.history.customers), -1, np.int64)
    np.maximum.at(last, scorer.history.customer_codes(table["customer_id"])[known], on[known])
    return np.where(codes >= 0, last[codes], -1)


def _money(
    live: LiveScorer, scorer: Scorer, kind: str, table: pd.DataFrame
) -> tuple[list[str | None], list[str]]:
    """What each dispute holds of what is open, and in which currency; a dispute without an amount is about all."""
    if kind != "disputes":
        return [None] * len(table), [""] * len(table)
    places = scorer.facts.positions(table["invoice_id"].tolist())
    owed = scorer.facts.amount_open(places, np.full(len(places), day_number(live.as_of) + 1))
    known, currencies = scorer.facts.amount_known(places), _currencies(scorer, table["invoice_id"].tolist())
    stated = table["amount"].to_numpy(dtype=np.float64)
    held = np.where(np.isnan(stated), owed, np.minimum(np.nan_to_num(stated), owed)).astype(np.int64)
    told = [written_amount(int(held[n]), currencies[n]) if known[n] else None for n in range(len(places))]
    return told, currencies


def _currencies(scorer: Scorer, invoice_ids: list[str]) -> list[str]:
    places = scorer.facts.positions(invoice_ids)
    return [str(each) for each in scorer.facts.named["currency"][places].tolist()]


def _closed_on(row: Mapping[Any, Any], as_of: date) -> date | None:
    closed = None if pd.isna(row["closed_on"]) else row["closed_on"].date()
    return closed if closed and closed <= as_of else None


def _has_passed(day: date | None, as_of: date) -> bool:
    return day is not None and day < as_of


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _iso(value: Any) -> str:
    return "" if pd.isna(value) else f"{value:%Y-%m-%d}"
