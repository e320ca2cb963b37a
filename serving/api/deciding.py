"""What should be done today, what was decided, and how does the department do, over HTTP?"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response

from serving.api.asking import Asking, caller_with
from serving.api.documents import documented
from serving.api.records import Page, may_read, shown, wrong_parameter
from serving.api.schemas import AsOfParameter, Record
from serving.desk.checked import checked_now
from serving.kpis import GROUPINGS, Settings, kpis
from serving.live import LiveScorer
from serving.office import EVERYBODY, Office
from serving.plans import proposed_plan
from serving.profile import profile
from serving.roles import Caller
from serving.scoring import UnknownIdError
from serving.worklist import Case, Worklist

AsOf = Annotated[AsOfParameter, Query()]
DAYS_OF_PERIOD = 90


def add_deciding_routes(app: FastAPI, asking: Asking) -> None:
    """The routes of the worklist, of cases and of figures."""

    @app.get("/v1/worklist", **documented(Record, also=(422,)))
    async def worklist(
        request: Request,
        capacity: Annotated[int | None, Query(ge=0)] = None,
        skill: Annotated[list[str] | None, Query()] = None,
        left_out: bool = False,
    ) -> Response:
        """Today's list: whom to contact first, about what, how, by when and why; and who was left out."""
        places = dict(_places(each) for each in skill or [])
        return await asking.read(
            request,
            "read:worklist",
            lambda office, live: _worklist(office, live, capacity, places).as_dict(left_out),
        )

    @app.get("/v1/cases", **documented(Page, also=(422,)))
    async def cases(
        request: Request, after: str = "", limit: Annotated[int, Query(ge=1, le=200)] = 50
    ) -> Response:
        """Every case with open invoices by its number, with its step, or why nothing is to be done."""
        return await asking.read(
            request, "read:worklist", lambda office, live: _cases(office, live, after, limit)
        )

    @app.get("/v1/cases/{case_id:path}", **documented(Record, also=(404, 422)))
    async def case(request: Request, case_id: str) -> Response:
        """One case: its step, its items, how its customers pay, and what was told and done."""
        caller = caller_with(request, "read:worklist")
        return await asking.read(
            request, "read:worklist", lambda office, live: _case(office, live, case_id, caller)
        )

    @app.get("/v1/recommendations", **documented(Page, also=(404, 422)))
    async def recommendations(request: Request, customer_id: str) -> Response:
        """What the policy recommends for each open invoice of a customer, with reasons."""
        return await asking.read(
            request, "read:worklist", lambda office, live: _recommendations(live, customer_id)
        )

    @app.get("/v1/plan-proposals", **documented(Record, also=(404, 422)))
    async def plan_proposal(
        request: Request,
        customer_id: str,
        invoice_id: Annotated[list[str] | None, Query()] = None,
        parts: Annotated[int, Query(ge=1, le=24)] = 3,
        every_days: Annotated[int, Query(ge=7, le=92)] = 30,
    ) -> Response:
        """What a customer owes on some invoices (or all that are open), in instalments on its own pay runs."""
        return await asking.read(
            request,
            "read:worklist",
            lambda office, live: _plan(office, live, customer_id, invoice_id or [], parts, every_days),
        )

    @app.get("/v1/kpis", **documented(Record, also=(422,)))
    async def figures(
        request: Request,
        asked: AsOf,
        days: Annotated[int, Query(ge=1, le=3660)] = DAYS_OF_PERIOD,
        by: Annotated[list[str] | None, Query()] = None,
    ) -> Response:
        """The figures of the receivables department as of the start of a day."""
        if unknown := [each for each in by or [] if each not in GROUPINGS]:
            raise wrong_parameter(
                "by", f"no figures by {unknown[0]!r}", f"Choose from {', '.join(GROUPINGS)}."
            )
        return await asking.read(
            request,
            "read:kpis",
            lambda office, live: _kpis(office, live, asked.as_of, days, by or ["division"]),
        )

    @app.get("/v1/audit", **documented(Record, also=(422,)))
    async def audit(request: Request, verify: bool = False) -> Response:
        """Whether the audit log is whole, and where it ends now.

        `checked` says when the whole log was read last, by whom and up to which entry; every night does it. Entries
        that came since are read for each answer. With `verify=true`, and where the latest check did not find all
        well or was of another log, the whole log is read for this answer, which takes seconds on a long one.
        """
        caller = caller_with(request, "read:audit")
        return await asking.read(
            request, "read:audit", lambda office, live: _audit(office, caller.name, verify)
        )


def _audit(office: Office, by: str, is_anew: bool) -> dict[str, Any]:
    found, whole = checked_now(office.desk, by, office.now(), is_anew)
    checked = {"at": whole.at, "by": whole.by, "position": whole.head.position}
    told = {name: each for name, each in asdict(found).items() if name != "since"}
    return {"is_valid": found.is_valid, **told, "checked": checked}


def _places(text: str) -> tuple[str, int]:
    role, _, places = text.partition(":")
    if not role or not places.isdigit():
        raise wrong_parameter(
            "skill", f"{text!r} is no role with its places", "Write skill=credit_manager:5."
        )
    return role, int(places)


def _worklist(
    office: Office, live: LiveScorer, capacity: int | None, by_skill: Mapping[str, int] | None = None
) -> Worklist:
    try:
        return office.worklist(live, capacity, by_skill)
    except ValueError as error:
        raise wrong_parameter("skill", str(error), "Name roles of the policy.") from None


def _cases(office: Office, live: LiveScorer, after: str, limit: int) -> dict[str, Any]:
    def of_the_page(ids: list[str]) -> list[str]:
        return heapq.nsmallest(limit + 1, (each for each in ids if each > after))

    told = office.worklist(live, EVERYBODY, about=of_the_page).as_dict(left_out=True)
    found = sorted([*told["cases"], *told["left_out"]], key=lambda each: each["case_id"])
    return {"items": found[:limit], "next": found[limit - 1]["case_id"] if len(found) > limit else None}


def _case(office: Office, live: LiveScorer, case_id: str, caller: Caller) -> dict[str, Any]:
    made = office.worklist(live, EVERYBODY, about=lambda ids: {case_id})
    listed: Case | None = next(iter(made.cases), None)
    told = next(iter(made.as_dict(True)["left_out"]), None)
    customers = list(listed.customers) if listed else live.members_of(case_id)
    if not customers:
        raise UnknownIdError(case_id)
    profiles = [profile(live.of_customer(each).facts, each, live.as_of) for each in customers]
    records = office.desk.timeline(customers)
    return {
        "case_id": case_id,
        "customers": customers,
        "as_of": live.as_of,
        "listed": next(iter(made.as_dict()["cases"]), None),
        "left_out": told,
        "profiles": [each.as_dict() for each in profiles],
        "recommendations": [row for each in customers for row in _recommendations(live, each)["items"]],
        "timeline": [shown(each) for each in records if may_read(caller, each.kind, each.content)],
    }


def _recommendations(live: LiveScorer, customer_id: str) -> dict[str, Any]:
    scores = live.customer(customer_id)["scores"]
    return {"items": [live.score_of(each["invoice_id"]) for each in scores], "next": None}


def _plan(
    office: Office, live: LiveScorer, customer_id: str, wanted: list[str], parts: int, every_days: int
) -> dict[str, Any]:
    facts = live.of_customer(customer_id).facts
    mine = [each["invoice_id"] for each in live.customer(customer_id)["scores"]]
    if unknown := [each for each in wanted if each not in mine]:
        raise wrong_parameter("invoice_id", f"{unknown[0]!r} is no open invoice of theirs", "Name open ones.")
    if not mine:
        raise wrong_parameter("customer_id", "nothing is open", "A plan needs something to pay.")
    declared = office.told(live.as_of).declared
    try:
        return proposed_plan(facts, customer_id, wanted or mine, live.as_of, parts, every_days, declared)
    except ValueError as error:
        raise wrong_parameter(
            "invoice_id", str(error), "Name invoices of one currency, or fewer parts."
        ) from None


def _kpis(office: Office, live: LiveScorer, as_of: Any, days: int, by: list[str]) -> dict[str, Any]:
    day = as_of or live.as_of
    desk, tiers = office.desk, office.tiers(live)
    return kpis(
        live.whole.history,
        day,
        by=by,
        settings=Settings.of(live.whole.policy.parts, days),
        scored=live.score_open(day),
        reviews=[each.content for each in desk.find("reviews", status="recorded")],
        cancelled_promises=frozenset(each.record_id for each in desk.find("promises", status="cancelled")),
        tiers=tiers.by_customer if tiers else None,
    )
