"""How is expected credit loss worked out? The policy's section `expected_credit_loss`; what it leaves out is usual."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from serving.policy.fields import Fields

SECTION = "expected_credit_loss"
SEGMENTS = ("debtor_type", "country", "industry", "none")
FOLLOW_UP = (30, 1800)
MOST_CUSTOMERS = 10_000
MOST_OUTLOOK = 10.0


@dataclass(frozen=True)
class CreditLoss:
    """What counts as lost, which customers are looked at together, and what is expected of times ahead."""

    segments: str = "debtor_type"
    follow_up_days: int = 360
    """Money that has not come so many days from now (or from the due date if later) counts as lost."""
    enough_customers: int = 30
    """So many customers of a segment tell of a step of age; fewer lean on all others."""
    outlook: float = 1.0
    """Times the loss rates of the past: what is expected of times ahead."""
    outlook_because: str = ""


def read_credit_loss(found: Fields) -> CreditLoss:
    """The section of a policy; problems are reported to `found`."""
    given: dict[str, Any] = found.mapping((SECTION,))
    if not given:
        return CreditLoss()
    usual = CreditLoss()
    found.keys((SECTION,), set(), set(asdict(usual)))
    found.choice((SECTION, "segments"), given, SEGMENTS)
    days = given.get("follow_up_days", usual.follow_up_days)
    least, most = FOLLOW_UP
    if isinstance(days, bool) or not isinstance(days, int) or not least <= days <= most or days % 30:
        mend = "write whole months of 30 days, such as 360"
        found.report(
            (SECTION, "follow_up_days"), f"'{days}' is no number of days from {least} to {most}", mend
        )
        days = usual.follow_up_days
    customers = given.get("enough_customers", usual.enough_customers)
    if isinstance(customers, bool) or not isinstance(customers, int) or not 2 <= customers <= MOST_CUSTOMERS:
        found.report(
            (SECTION, "enough_customers"), f"'{customers}' is not from 2 to {MOST_CUSTOMERS}", "write 30"
        )
        customers = usual.enough_customers
    outlook = found.share((SECTION, "outlook"), {"outlook": usual.outlook} | given, MOST_OUTLOOK)
    found.text((SECTION, "outlook_because"), given)
    because = " ".join(str(given.get("outlook_because", "")).split())
    if outlook != 1 and not because:
        found.report(
            (SECTION, "outlook"), "another outlook than the past needs its reason", "add outlook_because: …"
        )
    return CreditLoss(str(given.get("segments", usual.segments)), days, customers, outlook, because)


def changed_credit_loss(rules: CreditLoss) -> dict[str, Any]:
    """The section as plain data, with what differs from the usual; empty where nothing does."""
    usual = asdict(CreditLoss())
    section = {name: value for name, value in asdict(rules).items() if value != usual[name]}
    return {SECTION: section} if section else {}
