"""How does a customer pay, and what makes it easiest for it? Its payment profile as of a day.

Everything is counted from what was known before the day, of the last year unless it says otherwise, and is told
with its counts: a habit is not claimed from fewer than `FEWEST` cases. What the customer declared itself (its
pay run, its preferred channel) wins over what was learned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from features.days import NEVER, day_number, day_numbers, to_date
from features.history import History, positions
from features.totals import Window
from serving.facts import Facts
from serving.pay_runs import PayRun, PayRuns, pay_runs

YEAR, RECENT = 365, 90
FEWEST = 3
"""Fewer settlements, contacts or promises are told as counts only."""
ANSWER_DAYS = 14
"""Money within so many days follows a contact."""
SENT_LATE_DAYS = 3
PART_PAYER = 0.25
"""Share of invoices paid in more than one payment from which it is a habit."""
CHANNELS = {"call": "phone", "telephone": "phone", "phone call": "phone", "e-mail": "email", "mail": "email"}
"""The policy's words for what contact logs call a channel."""
INDEX_DAYS = (-30, 0, 15, 22, 30, 60, 90, 120, 365)
INDEX_POINTS = (100, 80, 70, 60, 50, 40, 30, 20, 0)
"""The payment index at days beyond terms; straight lines between."""

Declared = Mapping[str, Mapping[str, Any]]
"""By customer id: `pay_run` ('Thursday', '15 and last working day') and `preferred_channel`, as customers told us."""


@dataclass(frozen=True)
class Profile:
    """How one customer pays, as of the start of a day."""

    customer_id: str
    as_of: date
    settled_invoices: int
    pay_run: str | None
    """Such as 'on Thursdays'; None where none was found."""
    pay_run_declared: bool
    pay_days: int
    """Different days on which money came in the last year, and how many of them lay on the pay run's days."""
    pay_days_on_run: int
    next_pay_run: date | None
    """The next run that can still be reached, and by when the customer has to hear from us."""
    call_by: date | None
    usual_days_late: float | None
    """Median against the due date, rolled to a working day; and the middle half of the invoices."""
    days_late_from: float | None
    days_late_to: float | None
    recent_days_late: float | None
    """Median of the last 90 days, and that of the year before them."""
    earlier_days_late: float | None
    best_channel: str | None
    best_channel_declared: bool
    channels: dict[str, tuple[int, int]]
    """Contacts by channel, and how many of them were followed by money."""
    invoices_paid_in_parts: int
    pays_in_parts: bool
    payment_index: float | None
    promises_kept: int
    promises_judged: int
    invoices_issued: int
    without_purchase_order: int | None
    """None where the ledger never names an order number; likewise days of sending."""
    sent_late: int | None
    disputes: dict[str, int]

    @property
    def days_late_change(self) -> float | None:
        """By how many days the last 90 differ from the year before; positive is later."""
        if self.recent_days_late is None or self.earlier_days_late is None:
            return None
        return self.recent_days_late - self.earlier_days_late

    @property
    def promise_kept_rate(self) -> float | None:
        """Kept promises of those judged; None from fewer than a few."""
        return self.promises_kept / self.promises_judged if self.promises_judged >= FEWEST else None

    def as_dict(self) -> dict[str, Any]:
        """The profile as plain data; days as ISO texts."""
        told = asdict(self)
        told["channels"] = {
            name: {"contacts": n, "followed_by_money": m} for name, (n, m) in self.channels.items()
        }
        told |= {"days_late_change": self.days_late_change, "promise_kept_rate": self.promise_kept_rate}
        return {name: value.isoformat() if isinstance(value, date) else value for name, value in told.items()}

    def sentences(self) -> list[str]:
        """The profile as a colleague would tell it."""
        return list(_sentences(self))


def profile(facts: Facts, customer_id: str, day: date, declared: Declared | None = None) -> Profile:
    """The payment profile of one customer of the ledger; KeyError for one that is not in it."""
    code = facts.history.customer_codes(pd.Series([customer_id], dtype="str"))
    if code[0] < 0:
        raise KeyError(customer_id)
    return profiles(facts, code, day, declared)[0]


def profiles(
    facts: Facts, customers: np.ndarray, day: date, declared: Declared | None = None, lead_days: int = 2
) -> list[Profile]:
    """The payment profiles of customers, given once each by their numbers; the same alone as together."""
    asked = _Asked(facts, customers, day)
    runs = runs_of(facts, customers, day, declared, lead_days)
    columns: dict[str, list[Any]] = {
        "customer_id": asked.ids,
        "as_of": [day] * len(customers),
        "settled_invoices": _counts(asked.customer[asked.settled_on < NEVER], len(customers)),
        "pay_run": [None if run is None else str(run) for run in runs.runs],
        "pay_run_declared": runs.is_declared.tolist(),
        "pay_days": runs.pay_days.tolist(),
        "pay_days_on_run": runs.hits.tolist(),
        "next_pay_run": [_day(n) for n in runs.next_on.tolist()],
        "call_by": [_day(n) for n in runs.call_by.tolist()],
        **_delays(asked),
        **_channels(asked, declared or {}),
        **_parts(asked),
        "payment_index": _index(asked),
        **_promises(asked),
        **_quality(asked),
    }
    rows = zip(*columns.values(), strict=True)
    return [Profile(**dict(zip(columns, row, strict=True))) for row in rows]


def runs_of(
    facts: Facts, customers: np.ndarray, day: date, declared: Declared | None = None, lead_days: int = 2
) -> PayRuns:
    """The pay runs of customers; ValueError where a declared one cannot be read."""
    asked = _Asked(facts, customers, day)
    history = facts.history
    country = facts.master(customers, asked.day)["country"].to_numpy(dtype=object)
    country = np.where(country == "", history.ledger.settings.country or "", country)
    told = {
        place: PayRun.parse(str(declared[name]["pay_run"]))
        for place, name in enumerate(asked.ids)
        if declared and declared.get(name, {}).get("pay_run")
    }
    paid = asked.settled_on < NEVER
    return pay_runs(
        asked.customer[paid], asked.settled_on[paid], country, asked.day, history.weekend, lead_days, told
    )


class _Asked:
    """The invoices of some customers as known before a day; customers are numbered by their place."""

    def __init__(self, facts: Facts, customers: np.ndarray, day: date) -> None:
        self.facts, self.codes, self.day, self.many = facts, customers, day_number(day), len(customers)
        self.ids: list[str] = facts.history.customers[customers].tolist()
        rows = facts.rows_of(customers)
        rows = rows[facts.is_known(rows, self.day)]
        self.rows = rows
        self.own = {name: of[rows] for name, of in facts.history.invoices.items()}
        self.customer = self.places(self.own["customer"])
        self.settled_on = facts.settled_on(rows, np.full(len(rows), self.day))

    def places(self, codes: np.ndarray) -> np.ndarray:
        """The place of each customer among those asked about, -1 where it is none of them."""
        return positions(pd.Index(self.codes), codes)

    def known(self, name: str, dated: str) -> pd.DataFrame:
        """The rows of a table about these customers that were known before the day, with their place."""
        table = self.facts.about(self.codes, name)
        day = np.maximum(day_numbers(table[dated]), day_numbers(table["known_on"]))
        place = self.places(self.facts.history.customer_codes(table["customer_id"]))
        return table.assign(place=place)[day < self.day]


def _counts(place: np.ndarray, many: int) -> list[int]:
    return np.bincount(place, minlength=many).tolist()


def _day(number: int) -> date | None:
    return None if number >= NEVER else to_date(number)


def _quantiles(place: np.ndarray, values: np.ndarray, many: int, levels: tuple[float, ...]) -> np.ndarray:
    """Quantiles of each customer's values, shape (levels, customers); NaN for fewer than FEWEST."""
    order = np.lexsort((values, place))
    ordered = np.append(values[order].astype(np.float64), np.nan)
    counted = np.bincount(place, minlength=many)
    begin = np.concatenate([[0], np.cumsum(counted)[:-1]])
    found = np.full((len(levels), many), np.nan)
    enough = counted >= FEWEST
    for k, level in enumerate(levels):
        at = begin + level * (counted - 1)
        low = np.floor(at).astype(np.int64)[enough]
        high, share = np.ceil(at).astype(np.int64)[enough], (at % 1)[enough]
        found[k, enough] = ordered[low] * (1 - share) + ordered[high] * share
    return found


def _told(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else round(value, 2) for value in values.tolist()]


def _delays(asked: _Asked) -> dict[str, list[Any]]:
    """Days late of settled invoices: the usual, its spread, and the last 90 days beside the year before."""
    ago = asked.day - asked.settled_on
    late = np.where(asked.settled_on < NEVER, asked.settled_on - asked.own["lateness_from"], 0)

    def between(begin: int, end: int, levels: tuple[float, ...]) -> np.ndarray:
        here = (asked.settled_on < NEVER) & (ago > begin) & (ago <= end)
        return _quantiles(asked.customer[here], late[here], asked.many, levels)

    low, middle, high = between(-NEVER, YEAR, (0.25, 0.5, 0.75))
    return {
        "usual_days_late": _told(middle),
        "days_late_from": _told(low),
        "days_late_to": _told(high),
        "recent_days_late": _told(between(-NEVER, RECENT, (0.5,))[0]),
        "earlier_days_late": _told(between(RECENT, RECENT + YEAR, (0.5,))[0]),
    }


def _channels(asked: _Asked, declared: Declared) -> dict[str, list[Any]]:
    """Our contacts of the last year whose answer time is over: by channel, and followed by money."""
    table = asked.known("contacts", "contacted_on")
    on = day_numbers(table["contacted_on"])
    ours = (table["direction"].fillna("outgoing").str.lower() != "incoming").to_numpy(dtype=bool)
    judged = (
        ours & table["channel"].notna().to_numpy() & (on > asked.day - YEAR) & (on + ANSWER_DAYS < asked.day)
    )
    table, on = table[judged], on[judged]
    payments = asked.facts.history.stream("payment_days").by("customer")
    code = asked.codes[table["place"].to_numpy(dtype=np.int64)]
    until = np.minimum(on + ANSWER_DAYS + 1, asked.day)
    followed = payments.position(code, until) > payments.position(code, on + 1)
    spoken = table["channel"].str.lower().map(lambda word: CHANNELS.get(word, word)).tolist()
    counted: list[dict[str, tuple[int, int]]] = [{} for _ in range(asked.many)]
    for place, name, came in sorted(zip(table["place"].tolist(), spoken, followed.tolist(), strict=True)):
        n, m = counted[place].get(name, (0, 0))
        counted[place][name] = (n + 1, m + int(came))
    preferred = [declared.get(name, {}).get("preferred_channel") for name in asked.ids]
    return {
        "best_channel": [told or _best(of) for told, of in zip(preferred, counted, strict=True)],
        "best_channel_declared": [bool(told) for told in preferred],
        "channels": counted,
    }


def _best(counted: Mapping[str, tuple[int, int]]) -> str | None:
    """The channel after which money came most often, from a few contacts on and at least twice."""
    enough = {name: (m / n, n) for name, (n, m) in counted.items() if n >= FEWEST and m >= 2}
    return max(sorted(enough), key=lambda name: enough[name]) if enough else None


def _parts(asked: _Asked) -> dict[str, list[Any]]:
    """Invoices settled in the last year by money that came on more than one day."""
    table = asked.known("payments", "paid_on")
    paid = [asked.facts.position(name) for name in table["invoice_id"].fillna("").tolist()]
    at = positions(pd.Index(asked.rows), np.array(paid, dtype=np.int64))
    money = (at >= 0) & (table["amount"].to_numpy(np.int64) > 0)
    pairs = np.unique(np.stack([at[money], day_numbers(table["paid_on"])[money]]), axis=1)
    days = np.bincount(pairs[0], minlength=len(asked.rows))
    lately = (asked.settled_on < NEVER) & (asked.settled_on > asked.day - YEAR)
    settled = np.bincount(asked.customer[lately], minlength=asked.many)
    parted = np.bincount(asked.customer[lately & (days > 1)], minlength=asked.many)
    habit = (settled >= FEWEST) & (parted >= np.maximum(PART_PAYER * settled, 2))
    return {"invoices_paid_in_parts": parted.tolist(), "pays_in_parts": habit.tolist()}


def _index(asked: _Asked) -> list[float | None]:
    """The payment index of the last year: by amount within a currency, by invoices between currencies."""
    lately = np.flatnonzero((asked.settled_on < NEVER) & (asked.settled_on > asked.day - YEAR))
    beyond = asked.settled_on[lately] - asked.own["due_on"][lately]
    points = np.interp(beyond, INDEX_DAYS, INDEX_POINTS)
    weight = np.maximum(asked.own["amount"][lately], 1).astype(np.float64)
    units = int(asked.own["unit"].max(initial=0)) + 1
    account = asked.customer[lately] * units + asked.own["unit"][lately]
    size = asked.many * units
    counted, total = np.bincount(account, minlength=size), np.bincount(account, weight, size)
    mean = np.bincount(account, weight * points, size) / np.maximum(total, 1)
    invoices = counted.reshape(asked.many, units).sum(axis=1)
    whole = (mean * counted).reshape(asked.many, units).sum(axis=1)
    return _told(np.where(invoices >= FEWEST, whole / np.maximum(invoices, 1), np.nan))


def _promises(asked: _Asked) -> dict[str, list[Any]]:
    stream = asked.facts.history.stream("promises_due")
    window = Window(stream, "customer", asked.codes, np.full(asked.many, asked.day))
    return {"promises_kept": window.sum("kept").tolist(), "promises_judged": window.count().tolist()}


def _quality(asked: _Asked) -> dict[str, list[Any]]:
    """What our own invoices of the last year lacked, and what was disputed about."""
    lately = asked.own["issued_on"] > asked.day - YEAR
    sent, issued = asked.own["sent_on"], asked.own["issued_on"]
    late = lately & (sent < asked.day) & (sent - issued > SENT_LATE_DAYS)
    bare = lately & (asked.own["has_purchase_order"] == 0)
    ordered_from, sent_from = _told_from(asked.facts.history.context)
    table = asked.known("disputes", "opened_on")
    table = table[day_numbers(table["opened_on"]) > asked.day - YEAR]
    disputes: list[dict[str, int]] = [{} for _ in range(asked.many)]
    reasons = table["reason"].fillna("not stated").tolist()
    for place, reason in sorted(zip(table["place"].tolist(), reasons, strict=True)):
        disputes[place][reason] = disputes[place].get(reason, 0) + 1
    nothing: list[Any] = [None] * asked.many
    return {
        "invoices_issued": _counts(asked.customer[lately], asked.many),
        "without_purchase_order": _counts(asked.customer[bare], asked.many)
        if ordered_from < asked.day
        else nothing,
        "sent_late": _counts(asked.customer[late], asked.many) if sent_from < asked.day else nothing,
        "disputes": disputes,
    }


@lru_cache(2)
def _told_from(book: History) -> tuple[int, int]:
    """From which days on a book names order numbers, and days of sending; NEVER where it does not."""
    seen_on, table = book.invoices["seen_on"], book.tables["invoices"]
    ordered = seen_on[table["purchase_order"].notna().to_numpy(dtype=bool)]
    sent = np.maximum(seen_on, day_numbers(table["sent_on"]))
    return int(ordered.min(initial=NEVER)), int(sent.min(initial=NEVER))


def _sentences(of: Profile) -> Iterator[str]:
    yield from _on_days(of)
    if of.usual_days_late is not None:
        yield (
            f"Usually pays {_late(of.usual_days_late)}, half of its invoices between "
            f"{_late(of.days_late_from or 0)} and {_late(of.days_late_to or 0)}."
        )
    change = of.days_late_change
    if change is not None and abs(change) >= 3:
        way = "later" if change > 0 else "earlier"
        yield f"Pays {abs(change):.0f} days {way} in the last 90 days than in the year before."
    if of.best_channel:
        n, m = of.channels.get(of.best_channel, (0, 0))
        told = (
            "as they asked"
            if of.best_channel_declared
            else f"money followed {m} of {n} contacts within two weeks"
        )
        yield f"Best reached by {of.best_channel} ({told})."
    if of.pays_in_parts:
        yield f"Often pays in parts ({of.invoices_paid_in_parts} invoices of the last year)."
    if of.promises_judged:
        yield f"Kept {of.promises_kept} of {of.promises_judged} promises."
    if of.payment_index is not None:
        yield f"Payment index {of.payment_index:.0f} (80 is prompt)."
    yield from _ours(of)


def _on_days(of: Profile) -> Iterator[str]:
    if not of.pay_run:
        days = f"{of.pay_days} pay day{'s' * (of.pay_days != 1)} of the last year"
        yield f"No fixed pay run found in {days}." if of.pay_days else "No payment known in the last year."
        return
    told = "as they told us" if of.pay_run_declared else f"{of.pay_days_on_run} of {of.pay_days} pay days"
    ahead = f"; call by {spoken(of.call_by)} for the run of {spoken(of.next_pay_run)}" if of.call_by else ""
    yield f"Pays {of.pay_run} ({told}){ahead}."


def _ours(of: Profile) -> Iterator[str]:
    """What we could do better ourselves."""
    if of.without_purchase_order and 2 * of.without_purchase_order <= of.invoices_issued:
        yield f"{of.without_purchase_order} of {of.invoices_issued} invoices went out without an order number."
    if of.sent_late:
        yield f"{of.sent_late} of {of.invoices_issued} invoices were sent more than {SENT_LATE_DAYS} days after issue."
    if of.disputes:
        listed = ", ".join(f"{reason} {count}" for reason, count in of.disputes.items())
        yield f"Disputes of the last year: {listed}."


def _late(days: float) -> str:
    whole = round(days)
    if whole == 0:
        return "on the due date"
    return f"{abs(whole)} day{'s' * (abs(whole) != 1)} {'late' if whole > 0 else 'early'}"


def spoken(day: date | None) -> str:
    """A day as people say it: 'Thu 2 Oct'."""
    return "" if day is None else f"{day:%a} {day.day} {day:%b}"
