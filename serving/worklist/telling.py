"""What does a person read about a case: who, about what, how, by when, why? Made for the listed few."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from features.days import NEVER, day_number, to_date
from features.ledger import written_amount
from serving.policy import Policy
from serving.policy.deadlines import action_by
from serving.profile import spoken
from serving.worklist.choosing import CaseState
from serving.worklist.items import OPTIONAL, Items
from serving.worklist.value import costs
from serving.worklist.weighing import CONTACT, REVIEW, WORK, Cases

if TYPE_CHECKING:
    from serving.tiers import Tiers

PARTS = ("open", "past_due", "not_yet_due", "disputed", "promised", "planned", "asked_about")


@dataclass(frozen=True)
class Item:
    """One open invoice of a case."""

    invoice_id: str
    customer_id: str
    amount_open: str
    currency: str
    days_past_due: int
    tier: str
    action: str
    """What the policy decided for this invoice alone, and by which rule or guard."""
    action_rule: str
    guards: list[str]
    is_covered: bool
    """Whether the case's step is about it."""


@dataclass(frozen=True)
class Case:
    """One line of the worklist: a customer or a group of customers, and the one next step."""

    rank: int
    case_id: str
    customers: list[str]
    name: str
    tier: str
    """Of the customer, or of the group where there are several: the worst of the open invoices where none is kept."""
    tier_since: date | None
    kind: str
    action: str
    action_rule: str
    who: str
    assigned_to: str | None
    channel: str
    is_first: bool
    """Whether it comes before all others: a promise to follow up, or a step the policy puts first."""
    by: date | None
    lead_days: int | None
    """Days left until the first covered invoice falls due; None where all are past due."""
    about: str
    why: str
    """One sentence to be said aloud."""
    policy_why: str
    """The policy's own reasoning on the leading invoice, with the ids of its rules and guards."""
    objective: str
    opening: str
    template: str
    segment: str
    strategy: str
    commitment: str
    """What closes the step."""
    totals: dict[str, dict[str, str]]
    """By currency, as decimal texts: PARTS."""
    items: list[Item]
    held: dict[str, int]
    """Invoices held back, by the rule or guard that holds them."""
    also: dict[str, int]
    """Other steps of the case that the customer does not hear of, and on how many invoices."""
    next_pay_run: date | None
    call_by: date | None
    waited: int
    """Lists in a row that the case was left out of before."""
    value: dict[str, float]
    """What the rank is made of: serving/worklist.md."""
    reasons: list[str] = field(default_factory=list)
    """Why the largest invoice it is about may be late, in the model's sentences."""
    habits: list[str] = field(default_factory=list)
    """How its customers pay, in the sentences of their profiles."""


@dataclass(frozen=True)
class _Run:
    """A pay run that can be reached, by when, and on which days it comes; empty where none is known."""

    pays: str = ""
    next_on: date | None = None
    call_by: date | None = None


class Teller:
    """Tells cases of a day."""

    def __init__(
        self, items: Items, cases: Cases, policy: Policy, day: date, tiers: Tiers | None = None
    ) -> None:
        self.items, self.cases, self.policy, self.day, self.tiers = items, cases, policy, day, tiers
        order = np.argsort(cases.case, kind="stable")
        self._order = order
        self._ends = np.searchsorted(cases.case[order], np.arange(len(cases) + 1))

    def tell(self, rank: int, case: int, state: CaseState | None, waited: int, starved: bool) -> Case:
        """The line of a case at a rank."""
        rows = self._order[self._ends[case] : self._ends[case + 1]]
        oldest_first = np.lexsort((self.items.invoice_id[rows].astype(str), -self.items.days_past_due[rows]))
        rows = rows[oldest_first]
        mine, covered = self.items.at(rows), self.cases.covered[rows]
        lead = self.items.at(self.cases.lead[[case]])
        said: dict[str, Any] = {
            name: "" if self.cases.kind[case] == REVIEW else str(getattr(lead, name)[0]) for name in OPTIONAL
        }
        kind = str(self.cases.kind[case])
        run = self._pay_run(mine, covered) if kind == CONTACT else _Run()
        totals = _totals(mine, covered, kind)
        about = _about(mine, covered, kind)
        by = self._by(case, lead, run.call_by, kind)
        because, now = self._because(case, lead), _now(run, by, waited if starved else 0, state)
        ahead = -mine.days_past_due[covered & (mine.days_past_due < 0)]
        customers = sorted(set(mine.customer_id.tolist()))
        tier, since = self._tier(case, mine, customers)
        return Case(
            rank=rank,
            case_id=str(self.cases.case_id[case]),
            customers=customers,
            tier=tier,
            tier_since=since,
            name=_name(mine, str(self.cases.case_id[case])),
            kind=kind,
            action=str(self.cases.action[case]),
            action_rule=str(self.cases.rule[case]),
            who=str(self.cases.who[case]),
            assigned_to=state.assigned_to if state else None,
            channel=str(self.cases.channel[case]),
            is_first=bool(self.cases.comes_first[case]),
            by=by,
            lead_days=int(ahead.min()) if len(ahead) else None,
            about=about,
            why="; ".join([f"{about[:1].upper()}{about[1:]}: {because}", *now]) + ".",
            policy_why="" if kind == REVIEW else str(lead.why[0]),
            objective=self._of_step(case, lead, "objective"),
            opening=self._of_step(case, lead, "opening"),
            **said,
            totals=totals,
            items=list(_items(mine, covered)),
            held=_held(mine, covered, self.policy),
            also=_also(mine, covered, self.policy),
            next_pay_run=run.next_on,
            call_by=run.call_by,
            waited=waited,
            value=self._value(case),
        )

    def _tier(self, case: int, mine: Items, customers: list[str]) -> tuple[str, date | None]:
        if self.tiers:
            found = self.tiers.of_case(str(self.cases.case_id[case]), customers)
            return found.tier, found.since
        return max(mine.tier.tolist(), key=self.policy.tiers.index), None

    def _of_step(self, case: int, lead: Items, name: str) -> str:
        if self.cases.kind[case] == REVIEW:
            return str(getattr(self.policy.parts.actions[str(self.cases.action[case])], name))
        return str(getattr(lead, name)[0])

    def _pay_run(self, mine: Items, covered: np.ndarray) -> _Run:
        """The first pay run among those of the customers the step is about."""
        here = np.flatnonzero(covered & (mine.call_by < NEVER))
        if not len(here):
            return _Run()
        first = here[np.lexsort((mine.pay_run[here], mine.call_by[here]))[0]]
        return _Run(str(mine.pays[first]), to_date(mine.pay_run[first]), to_date(mine.call_by[first]))

    def _by(self, case: int, lead: Items, call_by: date | None, kind: str) -> date | None:
        """By when: the policy's day, or earlier where a pay run would be missed."""
        if kind == REVIEW:
            within = self.policy.parts.actions[str(self.cases.action[case])].within_working_days
            today = np.array([self.day], dtype="datetime64[D]")
            never = np.array(["NaT"], dtype="datetime64[D]")
            counted = action_by(today, np.array([within or 0.0]), today, never, np.array([""], dtype=object))
            return to_date(int(counted.astype(np.int64)[0]))
        told = lead.action_by[0]
        day = None if np.isnat(told) else to_date(int(told.astype(np.int64)))
        if call_by and call_by >= self.day and (day is None or call_by < day):
            return call_by
        return day

    def _because(self, case: int, lead: Items) -> str:
        """Why this step: the policy's reason, or that nobody has looked for long."""
        if self.cases.kind[case] != REVIEW:
            return _reason(str(lead.why[0]), str(lead.action_rule[0]))
        unseen = self.cases.days_unseen[case]
        since = "never, as far as noted" if np.isinf(unseen) else f"{unseen:.0f} days ago"
        return (
            f"nothing is asked for; the last contact or review was {since}, so somebody looks at the account"
        )

    def _value(self, case: int) -> dict[str, float]:
        values = self.cases.values
        cost = costs(self.cases.channel[[case]], self.policy.parts.workday.cost_per_contact)[0]
        parts = {
            "money": values.money[case],
            "at_stake": values.at_stake[case],
            "saved": values.saved[case],
            "urgent": values.urgent[case],
            "cost": cost,
            "value": self.cases.value[case],
        }
        return {name: round(float(part), 2) for name, part in parts.items()}


def _now(run: _Run, by: date | None, waited: int, state: CaseState | None) -> Iterator[str]:
    """Why now: the pay run, the waiting, or somebody's word."""
    if run.call_by:
        in_time = by is not None and run.call_by <= by
        reach = (
            f"reach them by {spoken(run.call_by)} for the run of"
            if in_time
            else "the next run we can reach is"
        )
        yield f"they pay {run.pays}: {reach} {spoken(run.next_on)}"
    if waited:
        yield f"it has been left out {waited} lists in a row"
    if state and state.position:
        yield f"put here by hand{f': {state.reason}' if state.reason else ''}"


def _reason(why: str, rule: str) -> str:
    """The reason behind a rule, out of the policy's reasoning: what stands before the rule's id."""
    said = why.split(f" ({rule})")[0].rstrip(".")
    return f"{said[:1].lower()}{said[1:]}"


def _name(mine: Items, case_id: str) -> str:
    """What to call a case: the name of its top parent where it owes too, else of the customer who owes most."""
    own = mine.name[mine.customer_id == case_id]
    named = own if len(own) else mine.name[np.argsort(-mine.open * mine.worth, kind="stable")]
    return next((str(name) for name in named if name), "")


def _items(mine: Items, covered: np.ndarray) -> Iterator[Item]:
    for n in range(len(mine)):
        yield Item(
            str(mine.invoice_id[n]),
            str(mine.customer_id[n]),
            written_amount(int(mine.open[n]), str(mine.currency[n])),
            str(mine.currency[n]),
            int(mine.days_past_due[n]),
            str(mine.tier[n]),
            str(mine.action[n]),
            str(mine.action_rule[n]),
            list(mine.guards[n]),
            bool(covered[n]),
        )


def _asked(mine: Items, kind: str) -> np.ndarray:
    return mine.open if kind == WORK else mine.free


def _totals(mine: Items, covered: np.ndarray, kind: str) -> dict[str, dict[str, str]]:
    past = mine.days_past_due >= 1
    parts = {
        "open": mine.open,
        "past_due": np.where(past, mine.open, 0),
        "not_yet_due": np.where(past, 0, mine.open),
        "disputed": mine.disputed,
        "promised": mine.promised,
        "planned": mine.planned,
        "asked_about": np.where(covered & (kind == CONTACT), mine.free, 0),
    }
    return {
        currency: {
            name: written_amount(int(part[mine.currency == currency].sum()), currency)
            for name, part in parts.items()
        }
        for currency in sorted(set(mine.currency.tolist()))
    }


def _held(mine: Items, covered: np.ndarray, policy: Policy) -> dict[str, int]:
    """What nobody speaks about now, by the guard that holds it."""
    waits = policy.parts.workday.only_waits
    rows = np.flatnonzero(~covered).tolist()
    return dict(sorted(Counter(str(mine.action_rule[n]) for n in rows if mine.action[n] in waits).items()))


def _also(mine: Items, covered: np.ndarray, policy: Policy) -> dict[str, int]:
    actions, waits = policy.parts.actions, policy.parts.workday.only_waits
    rows = [n for n in np.flatnonzero(~covered).tolist() if not np.isnat(mine.action_by[n])]
    steps = [str(mine.action[n]) for n in rows if mine.action[n] not in waits]
    return dict(sorted(Counter(step for step in steps if not actions[step].is_contact).items()))


def _about(mine: Items, covered: np.ndarray, kind: str) -> str:
    """The money a step is about, past due and not yet due apart, by currency."""
    rows = covered if covered.any() else np.ones(len(mine), bool)
    money = _asked(mine, kind)
    said = []
    for is_past in (True, False):
        here = rows & ((mine.days_past_due >= 1) == is_past)
        if here.any():
            days = mine.days_past_due[here]
            said.append(_clause(mine, money, here, is_past, int(days.max())))
    return ", and ".join(said)


def _clause(mine: Items, money: np.ndarray, here: np.ndarray, is_past: bool, days: int) -> str:
    amounts = [
        f"{_rounded(int(money[here & (mine.currency == currency)].sum()), currency)} {currency}"
        for currency in sorted(set(mine.currency[here].tolist()))
    ]
    many = int(here.sum())
    count = "1 invoice" if many == 1 else f"{many} invoices"
    if is_past:
        when = f"past due by {_days(days)}" if many == 1 else f"past due, the oldest by {_days(days)}"
    else:
        ahead = "today" if days == 0 else f"in {_days(-days)}"
        when = (
            f"due {ahead}" if many == 1 else f"not yet due, the first {'due today' if days == 0 else ahead}"
        )
    unknown = " (some of unknown amount)" if not mine.amount_known[here].all() else ""
    return f"{' and '.join(amounts)} in {count} {when}{unknown}"


def _days(days: int) -> str:
    return f"{days} day{'s' * (days != 1)}"


def _rounded(amount: int, currency: str) -> str:
    """An amount as it is said aloud: without cents from a hundred on, with separators."""
    value = float(written_amount(amount, currency))
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.2f}"


def in_words(by: date | None, day: date) -> str:
    """By when, as people say it."""
    if by is None:
        return "when there is time"
    ahead = day_number(by) - day_number(day)
    return "today" if ahead <= 0 else "tomorrow" if ahead == 1 else f"by {spoken(by)}"


def as_plain(value: Any) -> Any:
    """A value ready for JSON: days as ISO texts."""
    return value.isoformat() if isinstance(value, date) else value
