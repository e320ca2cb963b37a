"""What would an invoice's score be under the levers that we control? Read over HTTP; nothing is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue, create_model

from serving.api.asking import Asking
from serving.api.bodies import wrong_schema
from serving.api.documents import documented
from serving.api.schemas import Probability
from serving.levers import LEVERS
from serving.what_if import WrongOption, chosen_options, what_if_now

MEANINGS = {
    "send_sooner": "1: issued on the day of delivery, and sent on the day of issue",
    "purchase_order": "1: the customer's purchase order stands on it",
    "settle_dispute": "1: the open dispute about it is settled",
    "longer_terms": "so many days more to pay",
    "align_due": "1: due on a day of the customer's pay run",
    "instalments": "paid in so many instalments",
    "deposit": "so many per cent of what is open paid in advance",
    "lower_limit": "the credit limit lower by so many per cent",
}
"""What each lever's setting means; 0 leaves it alone."""


class Then(BaseModel):
    """What the model and the policy say of the invoice as it would be."""

    chance: Probability
    low: Probability
    high: Probability
    tier: str
    action: str
    change: float = Field(description="in probability: positive is more likely late")
    reacts: bool = Field(description="false where the model does not react at all")
    within_range: bool = Field(description="whether the new chance lies within the present score's range")
    changes_step: bool = Field(description="whether tier or step would be others")


class Present(BaseModel):
    """What they say of it as it is."""

    chance: Probability
    low: Probability
    high: Probability
    tier: str
    action: str


class LeverTold(BaseModel):
    """One lever, pulled alone."""

    model_config = ConfigDict(extra="allow")
    code: str
    options: list[int]
    option: int
    is_chosen: bool
    says: str | None = Field(description="what would be different; null where it changes nothing")
    why_not: str | None = Field(description="why it changes nothing")
    when: str | None = Field(description="now, by_agreement or next_invoice")
    note: str
    then: Then | None


class WhatIf(BaseModel):
    """An invoice's score beside what it would be: association, not promise."""

    model_config = ConfigDict(extra="allow")
    invoice_id: str
    customer_id: str
    target: str | None = Field(description="the nearest lateness not decided yet; null where all are")
    present: Present | None
    levers: list[LeverTold]
    together: dict[str, Any] | None = Field(description="the chosen levers together, as `then`")
    caution: str
    model_version: str
    policy_version: str


def _lever_field(code: str, options: tuple[int, ...]) -> Any:
    settings: list[JsonValue] = ["0", *map(str, sorted(options))]
    return (str, Field("0", description=MEANINGS[code], json_schema_extra={"enum": settings}))


LeverParameters = create_model(
    "LeverParameters",
    __config__=ConfigDict(extra="forbid"),
    __doc__="The levers that are pulled together; what is left out stays as it is.",
    **{lever.code: _lever_field(lever.code, lever.options) for lever in LEVERS},
)


def add_what_if_routes(app: FastAPI, asking: Asking) -> None:
    """The route of the levers."""

    @app.get("/v1/invoices/{invoice_id:path}/what-if", **documented(WhatIf, also=(404, 409, 422)))
    async def invoice_what_if(
        request: Request,
        invoice_id: str,
        levers: Annotated[LeverParameters, Query()],
    ) -> Response:
        """An open invoice's score beside what it would be under each lever, and under the named ones together."""
        chosen = levers_of(levers.model_dump())
        return await asking.read(
            request, "read:scores", lambda office, live: what_if_now(office, live, invoice_id, chosen)
        )


def levers_of(given: Mapping[str, str]) -> dict[str, int]:
    """The levers of a query; raises the 422 problem."""
    try:
        return chosen_options(given)
    except WrongOption as error:
        name = next((each for each in given if str(error).startswith(each)), "")
        raise wrong_schema(
            [{"parameter": name, "code": "wrong_value", "detail": str(error), "mend": "Name one of these."}]
        ) from None
