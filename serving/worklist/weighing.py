"""What is the one next step for each case, which invoices is it about, and what is it worth?

A customer gets one message, so one of its invoices leads: one with a promise that passed (the furthest along
among them), else one with a call before one with a letter or an e-mail, then the longest past due, then the
largest. A chance has no say in this order; and as a policy lets chances lead to the kindest steps only, a higher
chance brings a call sooner and makes no message firmer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from serving.policy import Policy
from serving.policy.rules import Action
from serving.policy.workday import OTHERWISE, Workday
from serving.sorted_rows import numbered
from serving.worklist.items import Items
from serving.worklist.value import Values, invoice_values, value

CONTACT, WORK, REVIEW, NOTHING = "contact", "work", "review", "nothing"
REVIEW_RULE = "review_due"


@dataclass(frozen=True)
class Cases:
    """The cases of some items and the next step of each, as columns of shape (cases,), ordered by case id."""

    case_id: np.ndarray
    case: np.ndarray
    """The case of each item, shape (items,)."""
    lead: np.ndarray
    """The item that leads each case."""
    covered: np.ndarray
    """Whether each item is what its case's step is about, shape (items,)."""
    kind: np.ndarray
    """CONTACT, WORK for a step the customer does not hear of, REVIEW, or NOTHING to do today."""
    reason: np.ndarray
    """Why there is nothing to do today; '' where there is something."""
    rule: np.ndarray
    """The rule or guard behind the step, or behind the reason."""
    action: np.ndarray
    who: np.ndarray
    channel: np.ndarray
    follows_up: np.ndarray
    """Whether a promise has passed and nobody has spoken with the case since."""
    comes_first: np.ndarray
    """The same, or a step that the policy puts first."""
    is_touch: np.ndarray
    """A kind word or a review: what no formula about money would choose."""
    days_unseen: np.ndarray
    """Days since anybody spoke with the case or reviewed it; infinite where nobody did."""
    values: Values
    value: np.ndarray

    def __len__(self) -> int:
        return len(self.case_id)


def weighed(
    items: Items,
    policy: Policy,
    day: date,
    last_reviewed: Mapping[str, date] | None = None,
    tiers: Mapping[str, str] | None = None,
) -> Cases:
    """The next step of every case. `last_reviewed` and `tiers` are by customer id."""
    workday, actions = policy.parts.workday, policy.parts.actions
    ids, case = numbered(items.case_id)
    found = _Steps(items, case, len(ids), policy, day)
    lead = found.leads()
    kind = np.where(found.is_heard[lead], CONTACT, np.where(found.is_work[lead], WORK, NOTHING)).astype(
        object
    )
    covered = found.covered(lead)
    unseen = _days_unseen(items, case, len(ids), day, last_reviewed or {})
    due = _review_due(found, kind, unseen, policy, case_tiers(items, case, policy.tiers, tiers or {}))
    kind[due] = REVIEW
    reviews = actions.get(workday.review_action or "")
    amount = np.where(found.is_heard, items.free, items.open)
    values = invoice_values(items, amount, workday, day).by(case, covered, len(ids))
    channel = _chosen(items.channel[lead], due, reviews.channel if reviews else "")
    reason, rule = found.reasons(kind, lead)
    return Cases(
        case_id=ids,
        case=case,
        lead=lead,
        covered=covered,
        kind=kind,
        reason=reason,
        rule=rule,
        action=_chosen(items.action[lead], due, reviews.code if reviews else ""),
        who=_chosen(items.who[lead], due, reviews.who if reviews else ""),
        channel=channel,
        follows_up=found.follows_up & (kind == CONTACT),
        comes_first=(kind != NOTHING) & (found.follows_up & (kind == CONTACT) | found.is_first[lead]),
        is_touch=(found.is_touch[lead] & (kind == CONTACT)) | due,
        days_unseen=unseen,
        values=values,
        value=np.where(kind == NOTHING, 0.0, value(values.urgent, channel, workday)),
    )


def _chosen(column: np.ndarray, due: np.ndarray, of_review: str) -> np.ndarray:
    return np.where(due, of_review, column)


def number_of(policy: Policy, name: str) -> float:
    """A number of the policy that holds for all currencies; infinite where it has none of that name."""
    return float(policy.parts.numbers.get(name, {OTHERWISE: np.inf})[OTHERWISE])


class _Steps:
    """What may be done about each invoice once the whole case is looked at."""

    def __init__(self, items: Items, case: np.ndarray, cases: int, policy: Policy, day: date) -> None:
        self.items, self.case, self.cases = items, case, cases
        self.day = np.datetime64(day, "D")
        self.workday: Workday = policy.parts.workday
        self._look_up(policy.parts.actions)
        broken = items.promise_broken & self._may_speak
        since = items.case_days_since_contact
        unanswered = np.isnan(since) | (since >= np.nan_to_num(items.days_since_promised))
        self.follows_up = self.any(broken & unanswered & self._is_contact)
        self.is_quiet = self._first_of(since) <= number_of(policy, "quiet_days")
        self.is_quiet &= ~self.follows_up
        most = number_of(policy, "contacts_per_quarter")
        self.is_capped = self._first_of(items.case_contacts_90) >= most
        before_all = self.any(self.is_first & self._is_contact & self._may_speak)
        self.is_held = (self.is_quiet | self.is_capped)[case]
        self.waits_for_first = before_all[case] & ~self.is_first
        self.is_heard = self._is_contact & self._may_speak & ~self.is_held & ~self.waits_for_first
        self.is_work = ~self._is_contact & ~self._waits & ~np.isnat(items.action_by)

    def _look_up(self, actions: Mapping[str, Action]) -> None:
        names, place = numbered(self.items.action)
        known = [actions[name] for name in names]
        workday = self.workday

        def each(values: list) -> np.ndarray:
            return np.array(values, dtype=np.int64)[place] if len(place) else np.zeros(0, np.int64)

        self.firmness = each([action.firmness for action in known])
        self._is_contact = each([action.is_contact for action in known]) > 0
        later = each([action.counted_from != "as_of" for action in known]) > 0
        listed = each([action.code in workday.only_waits for action in known]) > 0
        self._waits = listed | (later & ~self._is_contact & (self.items.action_by > self.day))
        self.is_touch = each([action.code in workday.minimum_touch for action in known]) > 0
        self.is_personal = each([action.channel == "phone" for action in known]) > 0
        self.is_first = each([action.code in workday.comes_first for action in known]) > 0

    @property
    def _may_speak(self) -> np.ndarray:
        """Something is open that is neither disputed nor promised, or nobody knows how much is open."""
        return (self.items.free > 0) | ~self.items.amount_known | self.is_first

    def any(self, of_items: np.ndarray) -> np.ndarray:
        """Whether it holds for any item of each case."""
        return np.bincount(self.case[of_items], minlength=self.cases) > 0

    def _first_of(self, column: np.ndarray) -> np.ndarray:
        """A column that is the same for all items of a case, by case."""
        found = np.full(self.cases, np.nan)
        found[self.case] = column
        return found

    def leads(self) -> np.ndarray:
        """The item that leads each case: steps heard by the customer, then work, then the rest."""
        items = self.items
        rank = np.select([self.is_heard, self.is_work, self._waits], [0, 1, 2], 3)
        size = np.where(items.amount_known, items.open * items.worth, np.inf)
        order = np.lexsort(
            (
                items.invoice_id.astype(str),
                -size,
                -items.days_past_due,
                ~self.is_personal,
                self.is_touch,
                np.where(items.promise_broken, -self.firmness, 0),
                ~items.promise_broken,
                ~self.is_first,
                rank,
                self.case,
            )
        )
        first = np.append(True, self.case[order][1:] != self.case[order][:-1])[: len(order)]
        return order[first]

    def covered(self, lead: np.ndarray) -> np.ndarray:
        """What the step of each case is about: everything to be spoken about, or the work of the same sort.

        A kind word does not share a message with a request, unless its invoice is past due as well.
        """
        led_by = lead[self.case] if len(lead) else np.zeros(0, np.int64)
        same_sort = self.is_touch[led_by] | ~self.is_touch | (self.items.days_past_due >= 1)
        heard = self.is_heard & self.is_heard[led_by] & same_sort
        work = self.is_work & ~self.is_heard[led_by] & (self.items.action == self.items.action[led_by])
        return heard | work

    def reasons(self, kind: np.ndarray, lead: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Why there is nothing to do for a case, and the rule behind it; '' and the step's rule elsewhere."""
        rule = self.items.action_rule[lead].copy()
        reason = np.full(self.cases, "", dtype=object)
        idle = kind == NOTHING
        wanted = self.any(self._is_contact & self._may_speak)
        asks = self.any(self._is_contact & ~self._may_speak)
        reason[idle] = "nothing_needed"
        reason[idle & self._waits[lead]] = "guard"
        reason[idle & asks] = "nothing_to_ask"
        reason[idle & wanted & self.is_quiet] = "contacted_recently"
        reason[idle & wanted & self.is_capped] = "contact_cap"
        rule[kind == REVIEW] = REVIEW_RULE
        return reason, rule


def _days_unseen(
    items: Items, case: np.ndarray, cases: int, day: date, last_reviewed: Mapping[str, date]
) -> np.ndarray:
    unseen = np.full(cases, np.inf)
    unseen[case] = np.nan_to_num(
        items.case_days_since_contact, nan=np.inf
    )  # the same for all items of a case
    if last_reviewed:
        days = [
            (day - last_reviewed[name]).days if name in last_reviewed else np.inf
            for name in items.customer_id
        ]
        np.minimum.at(unseen, case, np.array(days, dtype=np.float64))
    return unseen


def case_tiers(items: Items, case: np.ndarray, order: Sequence[str], tiers: Mapping[str, str]) -> np.ndarray:
    """Each case's tier as a place in `order`: the worst of its customers', by their invoices where none is given."""
    rank = {tier: place for place, tier in enumerate(order)}
    names, place = numbered(items.customer_id)
    given = np.array([rank.get(tiers.get(name, ""), -1) for name in names.tolist()], dtype=np.int64)[place]
    own = np.array([rank.get(tier, 0) for tier in items.tier.tolist()], dtype=np.int64)
    found = np.zeros(int(case.max(initial=-1)) + 1, np.int64)
    np.maximum.at(found, case, np.where(given >= 0, given, own))
    return found


def _review_due(
    found: _Steps, kind: np.ndarray, unseen: np.ndarray, policy: Policy, tier: np.ndarray
) -> np.ndarray:
    """Cases that need nothing, wait for nothing, and that nobody has looked at for the days of their tier."""
    reviews = policy.parts.reviews
    if reviews is None or policy.parts.workday.review_action not in policy.parts.actions:
        return np.zeros(len(kind), bool)
    waits = found.any(found._waits | found._is_contact)
    every = np.array([reviews.every_days[each] for each in policy.tiers], dtype=np.float64)
    return (kind == NOTHING) & ~waits & (unseen > every[tier])
