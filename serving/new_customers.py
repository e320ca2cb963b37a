"""Which credit should somebody get who is not in the book yet, from the facts that are known at order time?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal, Optional

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, create_model

from serving.accounts import credit_as_dict
from serving.policy import Policy
from serving.policy.accounts import ACCOUNT_TERMS
from serving.policy.vocabulary import DEBTOR_TYPES

WORKED_OUT = ("has_limit", "utilisation", "overdue_share", "cost_to_collect", "margin_365", "cost_of_margin")
MAY_BE_NEGATIVE = ("slower_by_days", "days_late_90", "days_late_365", "report_score", "margin_percent")
DATED = {"reported_on": "report_age_days", "reference_received_on": "reference_age_days"}
"""Days may be given instead of ages."""
MOST = 1e15

Text = Annotated[str, StringConstraints(strict=True, max_length=200)]
_OF_KIND: dict[str, Any] = {
    "number": Annotated[float, Field(strict=True, ge=0, le=MOST, allow_inf_nan=False)],
    "share": Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)],
    "flag": Annotated[bool, Field(strict=True)],
    "text": Text,
}
_SIGNED = Annotated[float, Field(strict=True, ge=-MOST, le=MOST, allow_inf_nan=False)]
_OWN: dict[str, Any] = {
    "debtor_type": Literal[DEBTOR_TYPES],
    "currency": Annotated[str, StringConstraints(strict=True, pattern="^[A-Z]{3}$")],
    "country": Annotated[str, StringConstraints(strict=True, pattern="^[A-Z]{2}$")],
} | dict.fromkeys(MAY_BE_NEGATIVE, _SIGNED)


def _fields() -> Iterator[tuple[str, Any]]:
    for name, term in ACCOUNT_TERMS.items():
        kind: Any = _OWN.get(name, _OF_KIND.get(term.kind))
        if name == "currency":
            yield name, (kind, Field(description=term.meaning))
        elif name not in WORKED_OUT:
            yield name, (Optional[kind], Field(None, description=term.meaning))  # noqa: UP045 - kind is a value
    for name, age in DATED.items():
        yield name, (date | None, Field(None, description=f"the day of it, instead of {age}"))


NewCustomer: type[BaseModel] = create_model(
    "NewCustomer",
    __config__=ConfigDict(extra="forbid"),
    __doc__="Facts about a customer who is not in the book yet: names of serving/policy.md, none but currency needed.",
    **dict(_fields()),
)


class FactsError(ValueError):
    """Facts that cannot be used; `errors` lists everything."""

    def __init__(self, errors: list[Any]) -> None:
        self.errors = errors
        listed = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'the whole'}: {each['msg']}" for each in errors
        )
        super().__init__(f"these facts cannot be used: {listed}. serving/policy.md lists the names.")


def recommended(policy: Policy, given: Any, as_of: date) -> dict[str, Any]:
    """The credit recommendation for a new customer by its facts; FactsError, and ValueError without a section."""
    facts = _facts(given, as_of)
    return credit_as_dict(policy.credit_decisions({name: [value] for name, value in facts.items()})[0])


def _facts(given: Any, as_of: date) -> dict[str, Any]:
    try:
        told = NewCustomer.model_validate(given).model_dump(exclude_none=True)
    except ValidationError as error:
        raise FactsError(error.errors(include_url=False)) from None
    wrong = []
    for name, age in DATED.items():
        if name in told:
            days = (as_of - told.pop(name)).days
            if days < 0 or age in told:
                why = f"lies after {as_of}" if days < 0 else f"is given beside {age}: give one of the two"
                wrong.append({"type": "wrong_value", "loc": (name,), "msg": why, "input": given[name]})
            told[age] = float(days)
    if wrong:
        raise FactsError(wrong)
    return told
