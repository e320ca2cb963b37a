"""What would an early payment discount cost us a year, and is that less than money costs? `early_payment_discount`.

A discount of d (2 % is 0.02) that moves a payment t days ahead is a loan: we give up d of the amount to have the rest,
1 - d, so much earlier. Annualised, with the interest compounding (the cost of a trade discount as corporate finance
teaches it, for instance Brealey, Myers and Allen, Principles of Corporate Finance, on credit management):

    cost = (1 + d / (1 - d)) ** (365 / t) - 1,      t = terms + usual days late - days within which it must be paid

Example: 0.5 % within 10 days, terms of 60 days, usually paid 2 days late: t = 52, the cost 3.6 % a year; where money
costs 8 %, it pays. With terms of 30 days t = 22 and the cost is 8.7 %: it does not. Who pays within the days anyway
(t <= 0) would take the discount for nothing: the cost is endless, and nothing is offered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from serving.policy.fields import Fields

SECTION = "early_payment_discount"
ACTION = "offer_early_payment_discount"
FACT = "discount_pays"
MOST_PERCENT, MOST_WITHIN, MOST_COST = 20.0, 120, 1.0


@dataclass(frozen=True)
class Discount:
    """The terms that are offered, and what a year of money costs us (0.08 is 8 %)."""

    percent: float
    within_days: int
    cost_of_capital: float

    def cost(self, terms_days: np.ndarray, usual_days_late: np.ndarray) -> np.ndarray:
        """What the discount costs a year with customers of such terms and habits; NaN where they are not known."""
        share = self.percent / 100
        ahead = terms_days + usual_days_late - self.within_days
        with np.errstate(divide="ignore", over="ignore"):
            cost = np.power(1 + share / (1 - share), 365 / np.maximum(ahead, 1e-9)) - 1
        return np.where(np.isnan(ahead), np.nan, np.where(ahead > 0, cost, np.inf))


def with_discount(columns: dict[str, Any], discount: Discount | None) -> dict[str, Any]:
    """`discount_cost` and `discount_pays` of cases, as far as the policy offers a discount."""
    terms, late = columns["terms_days"], columns["days_late_usual"]
    cost = np.full(len(terms), np.nan) if discount is None else discount.cost(terms, late)
    limit = 0.0 if discount is None else discount.cost_of_capital
    return {"discount_cost": cost, FACT: cost < limit}


def read_discount(found: Fields) -> Discount | None:
    """The section of a policy, None without one; problems are reported to `found`."""
    given: dict[str, Any] = found.mapping((SECTION,))
    if not given:
        return None
    found.keys((SECTION,), {"percent", "within_days", "cost_of_capital"}, set())
    percent = found.share((SECTION, "percent"), given, MOST_PERCENT)
    found.whole((SECTION, "within_days"), given, MOST_WITHIN)
    cost = found.share((SECTION, "cost_of_capital"), given, MOST_COST)
    if "percent" in given and percent == 0:
        found.report(
            (SECTION, "percent"), "0 % is no offer", "write 0.5 for half a percent, or drop the section"
        )
    days = given.get("within_days", 0)
    return Discount(percent, days if isinstance(days, int) else 0, cost)


def check_discount(found: Fields, strategies: Mapping[str, Any], discount: Discount | None) -> None:
    """A discount is offered only by terms that are written, and only where the step asks whether it pays."""
    is_table = "strategies" not in found.data
    for name, strategy in strategies.items():
        for n, step in enumerate(strategy.steps):
            if step.outcome != ACTION:
                continue
            here = ("rules", n) if is_table else ("strategies", name, "steps", n)
            if discount is None:
                mend = f"add {SECTION} with percent, within_days and cost_of_capital"
                found.report(here, "offers a discount whose terms stand nowhere", mend)
            if step.stated is None or not _asks(step.stated.text):
                mend = f"write when: {FACT} and …"
                found.report(here, "offers a discount also to those who pay early anyway", mend)


def _asks(condition: str) -> bool:
    """Whether a condition can only hold where the discount pays: it is one of its parts joined by and."""
    return any(part.strip() == FACT for part in condition.split(" and ")) and " or " not in condition


def section_of(discount: Discount | None) -> dict[str, Any]:
    """The section as plain data."""
    return {SECTION: asdict(discount)} if discount else {}
