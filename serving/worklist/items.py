"""What is open, which part of it may we speak about, and what was decided on it? One row per open invoice."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from features.days import NEVER, day_number
from features.ledger.cells import digits_of
from serving.policy import Policy
from serving.profile import Declared, runs_of
from serving.scoring import Scorer
from serving.sorted_rows import among, numbered
from serving.worklist.agreed import planned, promised
from serving.worklist.groups import groups

if TYPE_CHECKING:
    from serving.live import LiveScorer

CHANCES = ("p_late", "p_late_30", "p_late_90")
OPTIONAL = ("template", "segment", "strategy", "commitment")
OTHERWISE = "otherwise"


@dataclass(frozen=True)
class Items:
    """Open invoices as columns of shape (n,), in any order; money in minor units of the own currency."""

    invoice_id: np.ndarray
    customer_id: np.ndarray
    case_id: np.ndarray
    """The top parent of the customer, or itself."""
    name: np.ndarray
    """The customer's name, '' where nobody knows."""
    currency: np.ndarray
    open: np.ndarray
    disputed: np.ndarray
    promised: np.ndarray
    planned: np.ndarray
    amount_known: np.ndarray
    worth: np.ndarray
    """What one minor unit counts for in the ranking; float64."""
    days_past_due: np.ndarray
    """Negative before the due date."""
    risk: np.ndarray
    """Chance of the nearest delay that is not decided yet; 1 past all of them."""
    promise_broken: np.ndarray
    days_since_promised: np.ndarray
    """NaN without a promise."""
    case_contacts_90: np.ndarray
    """Contacts of the last 90 days with anybody of the case."""
    case_days_since_contact: np.ndarray
    """NaN: never."""
    pays: np.ndarray
    """'on Thursdays', '' where no pay run is known."""
    pay_run: np.ndarray
    """The next pay run that can be reached, a day number; NEVER where none is known."""
    call_by: np.ndarray
    tier: np.ndarray
    action: np.ndarray
    action_rule: np.ndarray
    action_by: np.ndarray
    """datetime64[D], NaT where the step has no day."""
    who: np.ndarray
    channel: np.ndarray
    objective: np.ndarray
    opening: np.ndarray
    template: np.ndarray
    """'' where the policy names none; likewise the following."""
    segment: np.ndarray
    strategy: np.ndarray
    commitment: np.ndarray
    why: np.ndarray
    guards: Sequence[Sequence[str]]

    def __len__(self) -> int:
        return len(self.invoice_id)

    @property
    def free(self) -> np.ndarray:
        """What may be spoken about: neither disputed, nor promised, nor in a plan."""
        return np.maximum(self.open - self.disputed - self.promised - self.planned, 0)

    def with_part(self, part: Items, customers: Collection[str]) -> Items:
        """The rows of other customers, and those of `part`, which answers for some customers."""
        kept = self.at(np.flatnonzero(~among(self.customer_id, customers)))
        guards = [*kept.guards, *part.guards]
        columns: dict[str, Any] = {
            each.name: np.concatenate([getattr(kept, each.name), getattr(part, each.name)])
            for each in fields(self)
            if each.name != "guards"
        }
        return Items(**columns, guards=guards)

    def at(self, rows: np.ndarray) -> Items:
        """The rows at some positions."""
        guards = [self.guards[n] for n in rows.tolist()]
        columns: dict[str, Any] = {
            each.name: getattr(self, each.name)[rows] for each in fields(self) if each.name != "guards"
        }
        return Items(**columns, guards=guards)


def nearest_risk(chances: Sequence[np.ndarray]) -> np.ndarray:
    """The first chance, of growing delays, that is not decided (1) yet; 1 where all are."""
    found = np.ones(len(chances[0]))
    for chance in reversed(chances):
        found = np.where(chance < 1, chance, found)
    return found


def money_scale(policy: Policy, currencies: np.ndarray) -> np.ndarray:
    """What makes money of different currencies comparable: the policy's `large_amount` in each."""
    large = policy.parts.numbers.get("large_amount", {OTHERWISE: 1.0})
    names, place = numbered(currencies)
    usual = float(large[OTHERWISE])
    return np.array([usual / (float(large.get(name, usual)) or 1.0) for name in names])[place]


def items_of(
    scorer: Scorer, day: date, declared: Declared | None = None, lead_days: int | None = None
) -> Items:
    """The open invoices of a scorer's ledger with the decisions of the day; paid today is no longer open."""
    facts, history, policy = scorer.facts, scorer.history, scorer.policy
    found = scorer.decide_open(day)
    today = day_number(day) + 1
    still = facts.is_open(found.rows, today)
    rows = found.rows[still]
    cases = {name: np.asarray(column)[still] for name, column in found.cases.items()}
    owed = facts.amount_open(rows, np.full(len(rows), today))
    customer = history.invoices["customer"][rows]
    group = groups(facts, day)
    customers, place = np.unique(customer, return_inverse=True)
    lead = policy.parts.workday.pay_run_lead_days if lead_days is None else lead_days
    runs = runs_of(facts, customers, day, declared, lead)
    disputed = _disputed(cases, owed)
    agreed = np.minimum(promised(facts, rows, owed, day), owed - disputed)
    names = facts.master(customers, today)["name"].to_numpy(dtype=object)[place]
    return Items(
        invoice_id=facts.named["invoice_id"][rows],
        customer_id=facts.named["customer_id"][rows],
        case_id=group["case_id"][customer],
        name=names,
        currency=facts.named["currency"][rows],
        open=owed,
        disputed=disputed,
        promised=agreed,
        planned=planned(facts, rows, owed - disputed - agreed, day),
        amount_known=facts.amount_known(rows),
        worth=_worth(scorer, rows),
        days_past_due=day_number(day) - history.invoices["due_on"][rows],
        risk=nearest_risk([cases[name] for name in CHANCES]),
        promise_broken=cases["promise_broken"],
        days_since_promised=_days_since(cases["promised_on"], day),
        case_contacts_90=group["contacts_90"][customer],
        case_days_since_contact=group["days_since_contact"][customer],
        pays=_texts([str(run) if run else "" for run in runs.runs])[place],
        pay_run=runs.next_on[place],
        call_by=runs.call_by[place],
        **_decisions(found.decisions, still),
    )


def items_now(scorer: Scorer | LiveScorer, day: date, declared: Declared | None, kept: Items | None) -> Items:
    """The open invoices of a book, those of customers of whom the desk knows more as it knows them.

    `kept` are the whole book's `items_of` the day where they are at hand.
    """
    if isinstance(scorer, Scorer):
        return items_of(scorer, day, declared) if kept is None else kept
    items = items_of(scorer.whole, day, declared) if kept is None else kept
    if scorer.part is None:
        return items
    return items.with_part(items_of(scorer.part, day, declared), scorer.changed)


def scorers_of(scorer: Scorer | LiveScorer) -> list[Scorer]:
    """The scorer of the whole book, and the one of the customers of whom the desk knows more."""
    if isinstance(scorer, Scorer):
        return [scorer]
    return [each for each in (scorer.whole, scorer.part) if each is not None]


def _decisions(decided: dict[str, Any], still: np.ndarray) -> dict[str, Any]:
    kept = np.flatnonzero(still).tolist()
    names = ("tier", "action", "action_rule", "who", "channel", "objective", "opening", "why")
    columns: dict[str, Any] = {name: _texts([decided[name][n] for n in kept]) for name in names}
    for name in OPTIONAL:
        told = decided.get(name)
        columns[name] = _texts(["" if told is None else told[n] or "" for n in kept])
    columns["action_by"] = np.asarray(decided["action_by"]).astype("datetime64[D]")[still]
    return columns | {"guards": [decided["guards"][n] for n in kept]}


def _texts(values: list[str]) -> np.ndarray:
    return np.array(values, dtype=object) if values else np.array([], dtype=object)


def _disputed(cases: dict[str, np.ndarray], owed: np.ndarray) -> np.ndarray:
    """Minor units in dispute; a dispute without an amount is about all of it."""
    units = 10.0 ** digits_of(cases["currency"])
    stated = np.rint(np.nan_to_num(cases["disputed_amount"]) * units).astype(np.int64)
    part = np.where(stated > 0, np.minimum(stated, owed), owed)
    return np.where(cases["is_disputed"], part, 0)


def _days_since(dates: np.ndarray, day: date) -> np.ndarray:
    numbers = np.asarray(dates).astype("datetime64[D]")
    return np.where(np.isnat(numbers), np.nan, day_number(day) - numbers.astype(np.int64))


def _worth(scorer: Scorer, rows: np.ndarray) -> np.ndarray:
    """What one minor unit of each invoice counts for: by the ledger's rates where it has them, else as it is;
    then by what the policy calls a large amount in that currency."""
    own = scorer.history.invoices
    unit = scorer.history.tables["invoices"]["money_unit"].to_numpy(dtype=object)[rows]
    rate = own["amount"][rows] / np.maximum(own["amount_in_own_currency"][rows], 1)
    return np.where(rate > 0, rate, 0) / own["minor_units"][rows] * money_scale(scorer.policy, unit)


def is_reachable(call_by: np.ndarray, day: date) -> np.ndarray:
    """Whether a pay run can just be reached: the customer has to hear from us today or tomorrow."""
    ahead = call_by - day_number(day)
    return (call_by < NEVER) & (ahead >= 0) & (ahead <= 1)
