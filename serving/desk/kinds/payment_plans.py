"""What is kept of a plan to pay in instalments, and how is an amount cut into them?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.desk.kinds.content import (
    Content,
    Currency,
    Day,
    Flaw,
    ForeignId,
    Id,
    Line,
    MoneyAboveZero,
    in_order,
    moves,
    on_disk,
)

MOST_INSTALMENTS = 60
FARTHEST = timedelta(days=62)
"""A pay run comes at least every other month."""


class Instalment(BaseModel):
    """One payment of a plan."""

    model_config = ConfigDict(extra="forbid")
    due_on: Day
    amount: MoneyAboveZero


class PaymentPlan(Content):
    """Instalments agreed for one invoice, or for all that a customer owes."""

    KIND, PREFIX, KEY = "payment_plans", "L", ("plan_id",)
    MOVES = moves(
        running=("completed", "broken", "cancelled"),
        broken=("running", "completed", "cancelled"),
        completed=("running", "broken"),
        cancelled=(),
    )
    LEDGER = ("plan_id", "customer_id", "invoice_id", "agreed_on", "due_on", "amount", "known_on")
    PERSONAL = ("person",)

    plan_id: Id | None = None
    customer_id: ForeignId
    invoice_id: ForeignId | None = None
    agreed_on: Day
    instalments: list[Instalment] = Field(min_length=1, max_length=MOST_INSTALMENTS)
    currency: Currency | None = None
    person: Line | None = None
    known_on: Day | None = None
    status: Literal["running", "completed", "broken", "cancelled"] = "running"

    def flaws(self) -> Iterator[Flaw]:
        before, said = self.agreed_on, "agreed_on"
        for place, each in enumerate(self.instalments or ()):
            yield from in_order(before, each.due_on, f"instalments/{place}/due_on", said)
            if place and each.due_on == before:
                yield Flaw(f"/instalments/{place}/due_on", f"two instalments on {each.due_on}; make them one")
            before, said = each.due_on, "the instalment before, of"

    @classmethod
    def rows(cls, content: Mapping[str, Any], record_id: str) -> list[dict[str, str]]:
        """One row for each instalment, as the ledger's table wants them."""
        whole = super().rows(content, record_id)
        return [row | {name: on_disk(each[name]) for name in ("due_on", "amount")}
                for row in whole for each in content["instalments"]]  # fmt: skip


def instalments(
    amount: Decimal,
    days: list[date],
    digits: int = 2,
    is_pay_run: Callable[[date], bool] = lambda day: True,
) -> list[Instalment]:
    """The amount cut into equal parts, each on the first pay-run day from its own day on; cents go to the last.

    Days that fall on the same pay run become one instalment. Raises ValueError where there is nothing to cut,
    or no pay run within two months of a day.
    """
    snapped = sorted({_pay_run(day, is_pay_run) for day in days})
    unit = Decimal(1).scaleb(-digits)
    part = (amount / max(len(snapped), 1)).quantize(unit, rounding="ROUND_DOWN")
    if not snapped or part <= 0:
        raise ValueError(f"{amount} cannot be cut into {len(snapped)} instalments; take fewer")
    last = amount - part * (len(snapped) - 1)
    amounts = [part] * (len(snapped) - 1) + [last]
    return [Instalment(due_on=day, amount=each) for day, each in zip(snapped, amounts, strict=True)]


def _pay_run(day: date, is_pay_run: Callable[[date], bool]) -> date:
    for after in range(FARTHEST.days + 1):
        if is_pay_run(day + timedelta(days=after)):
            return day + timedelta(days=after)
    raise ValueError(f"no pay run within {FARTHEST.days} days of {day}")
