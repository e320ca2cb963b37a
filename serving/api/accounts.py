"""What is there to say of an account, of credit for a newcomer, of reviews due and of hand-overs, over HTTP?"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response

from serving.accounts import Account, accounts_of, credit_as_dict
from serving.api.asking import Asking
from serving.api.bodies import body_problem, read_json, wrong_schema
from serving.api.documents import documented
from serving.api.records import Page, limit_of, wrong_parameter
from serving.api.schemas import Record
from serving.credit_loss import provision_now
from serving.hand_over import exit_queue
from serving.live import LiveScorer
from serving.new_customers import FactsError, NewCustomer, recommended
from serving.office import Office
from serving.scoring import UnknownIdError


def add_account_routes(app: FastAPI, asking: Asking) -> None:
    """The routes of whole accounts."""

    @app.get("/v1/accounts/{customer_id:path}", **documented(Record, also=(404, 409, 422)))
    async def account(request: Request, customer_id: str) -> Response:
        """An account as a whole: tier and since when, review due and what it might come to, the credit to offer."""
        return await asking.read(
            request, "read:worklist", lambda office, live: _account(office, live, customer_id)
        )

    @app.get("/v1/credit-recommendations", **documented(Record, also=(404, 409, 422)))
    async def credit(request: Request, customer_id: str) -> Response:
        """The credit to offer a customer of the book: decision, limit, days to pay, and the reasons."""
        return await asking.read(
            request, "read:worklist", lambda office, live: _credit(office, live, customer_id)
        )

    @app.post(
        "/v1/credit-recommendations",
        **documented(Record, body=NewCustomer, also=(400, 408, 409, 413, 415, 422)),
    )
    async def new_credit(request: Request) -> Response:
        """The credit to offer somebody who is not in the book yet, by facts known at order time; nothing is kept."""
        body = await request.body()
        return await asking.read(request, "read:worklist", lambda office, live: _new_credit(live, body))

    @app.get("/v1/exits", **documented(Record, also=(409,)))
    async def exits(request: Request) -> Response:
        """What might be handed over or written down, what is missing before, and what such money still brings in."""
        return await asking.read(request, "read:worklist", lambda office, live: exit_queue(live).as_dict())

    @app.get("/v1/expected-credit-loss", **documented(Record, also=(409,)))
    async def expected_credit_loss(request: Request) -> Response:
        """What is expected never to come, by currency, segment and ageing band, with the evidence behind each rate."""
        return await asking.read(request, "read:worklist", lambda office, live: provision_now(live).as_dict())

    @app.get("/v1/reviews-due", **documented(Page, also=(409, 422)))
    async def reviews_due(request: Request, after: str = "", limit: Annotated[int, Query()] = 50) -> Response:
        """Accounts that are due for a review, the longest overdue first, with what it might come to."""
        most = limit_of(limit)
        return await asking.read(
            request, "read:worklist", lambda office, live: _reviews_due(office, live, after, most)
        )


def account_of(office: Office, live: LiveScorer, customer_id: str) -> Account:
    """One account of this moment; UnknownIdError."""
    last_reviewed = office.told(live.as_of).last_reviewed
    try:
        return accounts_of(live, office.tiers(live), last_reviewed, [customer_id])[0]
    except KeyError:
        raise UnknownIdError(customer_id) from None


def _account(office: Office, live: LiveScorer, customer_id: str) -> dict[str, Any]:
    found = account_of(office, live, customer_id)
    return {"as_of": live.as_of, "policy_version": live.whole.policy.version, **found.as_dict()}


def _credit(office: Office, live: LiveScorer, customer_id: str) -> dict[str, Any]:
    return {"as_of": live.as_of, **credit_as_dict(account_of(office, live, customer_id).credit)}


def _new_credit(live: LiveScorer, body: bytes) -> dict[str, Any]:
    try:
        return {"as_of": live.as_of, **recommended(live.whole.policy, read_json(body), live.as_of)}
    except FactsError as error:
        raise wrong_schema(body_problem(each) for each in error.errors) from None


def _reviews_due(office: Office, live: LiveScorer, after: str, limit: int) -> dict[str, Any]:
    found = accounts_of(live, office.tiers(live), office.told(live.as_of).last_reviewed)
    due = [each for each in found if each.review.is_due]
    ids = [each.customer_id for each in due]
    if after and after not in ids:
        raise wrong_parameter(
            "after", f"no review of {after[:60]!r} is due", "Pass `next` of the page before."
        )
    begin = ids.index(after) + 1 if after else 0
    page = due[begin : begin + limit]
    more = page[-1].customer_id if begin + limit < len(due) else None
    return {"items": [_review(each) for each in page], "next": more}


def _review(account: Account) -> dict[str, Any]:
    told = account.as_dict()
    return {name: told[name] for name in ("customer_id", "name", "currency", "tier", "figures", "review")}
