"""Which invoices might be handed to a specialist or written down, what is still to be done before, and what for?

Never a step and never a default: a recommendation to look at, with the contact history, a checklist, what money
of that age still brings in (serving/recovery.py) and what it costs. A person decides, always.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from serving.policy.accounts import Exits
from serving.policy.columns import Columns
from serving.policy.reading import Parts


class Recovery(Protocol):
    """What money of an age still brings in, as far as the ledger tells."""

    def at(self, days_past_due: float) -> tuple[float, float, float] | None:
        """The share that came in after that age with its range (share, low, high); None without evidence."""
        ...


@dataclass(frozen=True)
class ExitAdvice:
    """One invoice for which a hand-over or a write-down may be considered."""

    invoice_id: str
    customer_id: str
    consider: str
    rule: str
    because: str
    is_prepared: bool
    """Whether every point of the checklist holds; a hand-over is recommended only then."""
    done: tuple[str, ...]
    missing: tuple[str, ...]
    amount: float
    currency: str
    days_past_due: int
    contacts_ever: int
    expected_share: float | None
    expected_low: float | None
    expected_high: float | None
    expected_amount: float | None
    cost: float | None
    """What a specialist would keep of the expected amount."""
    says: str
    person_decides: bool
    is_natural_person: bool
    who: str
    write_down_amount: float | None = None
    """What of it is expected never to come: to be written down, if the person decides so (serving/credit_loss)."""
    write_down_low: float | None = None
    write_down_high: float | None = None


def exits(columns: Columns, parts: Parts, rules: Exits, recovery: Recovery | None) -> list[ExitAdvice]:
    """Advice on the cases for which a write-down or a hand-over may be considered, largest amount first."""
    write_down, hand_over = (
        np.asarray(rule.when.holds(columns)) if rule.when else np.zeros(columns.size, bool)
        for rule in (rules.write_down, rules.hand_over)
    )
    points = [(check.says, np.asarray(check.needs.holds(columns))) for check in rules.checklist]
    is_person = (
        parts.natural_persons.when.holds(columns) if parts.natural_persons else np.zeros(columns.size, bool)
    )
    advice = []
    for row in np.flatnonzero(write_down | hand_over).tolist():
        done = tuple(says for says, holds in points if holds[row])
        missing = tuple(says for says, holds in points if not holds[row])
        advice.append(
            _advice(columns, row, bool(write_down[row]), done, missing, bool(is_person[row]), rules, recovery)
        )
    return sorted(advice, key=lambda one: (-one.amount, one.invoice_id))


def _advice(
    columns: Columns,
    row: int,
    is_write_down: bool,
    done: tuple[str, ...],
    missing: tuple[str, ...],
    is_person: bool,
    rules: Exits,
    recovery: Recovery | None,
) -> ExitAdvice:
    rule = rules.write_down if is_write_down else rules.hand_over
    amount, age = float(columns["undisputed_open"][row]), int(columns["days_past_due"][row])
    found = recovery.at(age) if recovery else None
    share, low, high = found or (None, None, None)
    expected = None if share is None or np.isnan(amount) else round(amount * share, 2)
    cost = None if expected is None or is_write_down else round(expected * rules.cost_share, 2)
    is_prepared = is_write_down or not missing
    return ExitAdvice(
        str(columns["invoice_id"][row]),
        str(columns["customer_id"][row]),
        rule.outcome,
        rule.id,
        rule.because,
        is_prepared,
        done,
        missing,
        0.0 if np.isnan(amount) else amount,
        str(columns["currency"][row]),
        age,
        int(columns["contacts_ever"][row]),
        share,
        low,
        high,
        expected,
        cost,
        _says(is_write_down, missing, found, is_person, rules),
        True,
        is_person,
        rules.who,
    )


def _says(
    is_write_down: bool,
    missing: Sequence[str],
    found: tuple[float, float, float] | None,
    is_person: bool,
    rules: Exits,
) -> str:
    """The advice in words."""
    if found is None:
        brought = "The ledger does not tell what money of this age still brings in."
    else:
        days = rules.follow_up_days
        share, low, high = (f"{part:.0%}" for part in found)
        brought = f"Of money this old {share} still came in within {days} days ({low} to {high})."
    if is_write_down:
        what = "Consider writing down what will not come; the customer is still helped, not chased."
    elif missing:
        what = f"Not ready to hand over; still missing: {'; '.join(missing)}."
    else:
        cost = f"{rules.cost_share:.0%}"
        what = f"Ready to be handed over if you decide so; a specialist keeps about {cost} of what comes in."
    gate = " A natural person stands behind this account: decide in person and look at the situation first."
    return f"{what} {brought}{gate if is_person else ''}"


def as_rows(advice: Sequence[ExitAdvice]) -> list[Mapping[str, Any]]:
    """Advice as plain data."""
    return [{name: getattr(one, name) for name in one.__dataclass_fields__} for one in advice]
