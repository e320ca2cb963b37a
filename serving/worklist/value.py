"""What is a contact worth today? Money at stake, what a contact changes, how urgent it is, less its cost.

value = Σ over the invoices it covers (money × risk × effect × urgency) × late_money_costs − cost of the channel

The weights stand in the policy's section `worklist`; serving/worklist.md has an example worked through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from serving.policy.workday import STAGES, Workday
from serving.worklist.items import Items, is_reachable

STAGE_ENDS = (0, 30, 90)
"""Last days past due of each stage but the last."""


@dataclass(frozen=True)
class Values:
    """What makes up the value of a contact, of n invoices or n cases; in the money of the ranking."""

    money: np.ndarray
    """What the contact is about."""
    at_stake: np.ndarray
    """Of that, what is expected to be late."""
    saved: np.ndarray
    """Of that, what a contact is expected to bring in time."""
    urgent: np.ndarray
    """The same, weighed by how little time is left."""

    def by(self, case: np.ndarray, covered: np.ndarray, cases: int) -> Values:
        """Summed over the covered invoices of each case."""
        here = case[covered]
        parts = (self.money, self.at_stake, self.saved, self.urgent)
        return Values(*(np.bincount(here, part[covered], cases) for part in parts))


def invoice_values(items: Items, amount: np.ndarray, workday: Workday, day: date) -> Values:
    """What contacts about some minor units of each invoice are worth."""
    money = amount * items.worth
    at_stake = money * items.risk
    saved = at_stake * effects(items.days_past_due, items.tier, workday)
    return Values(money, at_stake, saved, saved * urgency(items.days_past_due, items.call_by, workday, day))


def effects(days_past_due: np.ndarray, tier: np.ndarray, workday: Workday) -> np.ndarray:
    """The share of what is at stake that a contact is expected to save, by stage and tier."""
    stage = np.searchsorted(STAGE_ENDS, days_past_due, side="left")
    names, place = np.unique(tier.astype(str), return_inverse=True)
    table = np.array([[workday.effect(each, name) for name in names] for each in STAGES])
    return table.reshape(len(STAGES), -1)[stage, place] if len(tier) else np.zeros(0)


def urgency(days_past_due: np.ndarray, call_by: np.ndarray, workday: Workday, day: date) -> np.ndarray:
    """1 from the due date on, half as much for each half-life before it; more while a pay run can just be reached."""
    waits = np.maximum(-days_past_due, 0) / workday.urgency_half_life_days
    return 0.5**waits * np.where(is_reachable(call_by, day), workday.pay_run_factor, 1.0)


def value(urgent: np.ndarray, channel: np.ndarray, workday: Workday) -> np.ndarray:
    """The expected value of contacts: what lateness costs, saved in time, less the cost of the channel."""
    return urgent * workday.late_money_costs - costs(channel, workday.cost_per_contact)


def costs(channel: np.ndarray, cost_per_contact: Mapping[str, float]) -> np.ndarray:
    """The cost of a contact by each channel."""
    names, place = np.unique(channel.astype(str), return_inverse=True)
    table = np.array([float(cost_per_contact.get(name, 0.0)) for name in names])
    return table[place] if len(channel) else np.zeros(0)
