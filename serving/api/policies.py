"""How is the policy read, tried and changed over HTTP?"""

from __future__ import annotations

from typing import Any, TypeVar

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from serving.accounts import money
from serving.api.asking import Asking, caller_with
from serving.api.bodies import body_problem, read_json, wrong_schema
from serving.api.documents import documented
from serving.api.records import Page
from serving.api.schemas import Record
from serving.comparing import compared
from serving.desk import PolicyVersion, UnknownPolicy, Writing
from serving.in_force import policy_of as kept_policy
from serving.list_changes import list_change, sentence_of
from serving.live import LiveScorer
from serving.office import Answer, Office
from serving.policy import Policy, PolicyError
from serving.roles import Caller

Body = TypeVar("Body", bound=BaseModel)
_WRITE = (400, 408, 409, 413, 415, 422)


class PolicyText(BaseModel):
    """A policy to keep: the YAML of a policy file."""

    model_config = ConfigDict(extra="forbid", strict=True)
    text: str = Field(max_length=1_000_000)
    note: str = Field("", max_length=2_000)


class DryRun(BaseModel):
    """The policy to try: its text, or a version that is kept."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"oneOf": [{"required": ["text"]}, {"required": ["version"]}]},
    )
    text: str | None = Field(None, max_length=1_000_000)
    version: str | None = None


class Activation(BaseModel):
    """Which kept version is to be in force, and why."""

    model_config = ConfigDict(extra="forbid", strict=True)
    version: str
    why: str = Field(min_length=1, max_length=2_000)


class Rollback(BaseModel):
    """Why the version that was in force before is to be so again."""

    model_config = ConfigDict(extra="forbid", strict=True)
    why: str = Field(min_length=1, max_length=2_000)


def add_policy_routes(app: FastAPI, asking: Asking) -> None:
    """The routes under /v1/policy."""

    @app.get("/v1/policy", **documented(Record))
    async def in_force(request: Request) -> Response:
        """The policy that turns scores into tiers and next actions."""
        return await asking.read(request, "read:policy", lambda office, live: live.whole.policy_card())

    @app.get("/v1/policy/versions", **documented(Page))
    async def versions(request: Request) -> Response:
        """Every version kept, the first one first."""
        return await asking.read(
            request,
            "read:policy",
            lambda office, live: {"items": [_told(each) for each in office.desk.policies()], "next": None},
        )

    @app.get("/v1/policy/history", **documented(Page))
    async def history(request: Request) -> Response:
        """Every time a version came into force: which, when, by whose hand, why."""
        return await asking.read(
            request,
            "read:policy",
            lambda office, live: {"items": [vars(each) for each in office.desk.activations()], "next": None},
        )

    @app.post("/v1/policy/versions", **documented(Record, body=PolicyText, also=_WRITE, status=201))
    async def save(request: Request) -> Response:
        """Keep a policy; it is not in force yet. Every problem of it is told with its line."""
        return await asking.write(request, "write:policy", _saved)

    @app.post(
        "/v1/policy/dry-run",
        **documented(Record, body=DryRun, also=(400, 404, 408, 413, 415, 422)),
    )
    async def dry_run(request: Request) -> Response:
        """What would change today if another policy were in force: cases that move, steps, calls. Changes nothing.

        `listed` says who comes on the day's list, who drops off, and whose step or place changes; null for a caller
        who may not read the worklist.
        """
        body = await request.body()
        has_list = caller_with(request, "read:policy").may("read:worklist")
        return await asking.read(
            request, "read:policy", lambda office, live: _tried(office, live, body, has_list)
        )

    @app.post("/v1/policy/activate", **documented(Record, body=Activation, also=(*_WRITE, 404)))
    async def activate(request: Request) -> Response:
        """Put a kept version in force, at once."""
        return await asking.write(request, "write:policy", _activated)

    @app.post("/v1/policy/rollback", **documented(Record, body=Rollback, also=(*_WRITE, 404)))
    async def rollback(request: Request) -> Response:
        """Put the version in force again that was so before."""
        return await asking.write(request, "write:policy", _rolled_back)


def _saved(office: Office, live: LiveScorer, writing: Writing, given: Any, caller: Caller) -> Answer:
    asked = read_as(PolicyText, given)
    policy = policy_of(asked.text)
    # A version is what a policy says: with other comments it is the same one, and the text kept first stays.
    if all(each.version != policy.version for each in office.desk.policies()):
        writing.save_policy(policy.version, asked.text, asked.note)
    return Answer(201, {"policy_version": policy.version, "sentences": policy.sentences()})


def _tried(office: Office, live: LiveScorer, body: bytes, has_list: bool) -> dict[str, Any]:
    asked = read_as(DryRun, read_json(body))
    if (asked.text is None) == (asked.version is None):
        detail = "give either text or version"
        mend = "Send the YAML text of a policy, or the version of one that is kept."
        raise wrong_schema([{"pointer": "", "code": "one_of", "detail": detail, "mend": mend}])
    candidate = policy_of(asked.text) if asked.text is not None else _kept(office, str(asked.version))
    told = compared(live.whole.policy, candidate, live.open_cases(), live.as_of).as_dict()
    for move in told["moves"]:
        move["amount_open"] = money(move["amount_open"], move["currency"])
    return told | {"listed": _list_changed(office, live, candidate) if has_list else None}


def _list_changed(office: Office, live: LiveScorer, candidate: Policy) -> dict[str, Any]:
    listed = list_change(office.worklist(live), office.list_under(live, candidate)).as_dict()
    return listed | {"sentence": sentence_of(listed)}


def _kept(office: Office, version: str) -> Policy:
    kept = next((each for each in office.desk.policies() if each.version == version), None)
    if kept is None:
        raise UnknownPolicy(version)
    return kept_policy(kept)


def _activated(office: Office, live: LiveScorer, writing: Writing, given: Any, caller: Caller) -> Answer:
    asked = read_as(Activation, given)
    writing.activate_policy(asked.version, asked.why)
    return Answer(200, {"policy_version": asked.version, "in_force": True})


def _rolled_back(office: Office, live: LiveScorer, writing: Writing, given: Any, caller: Caller) -> Answer:
    asked = read_as(Rollback, given)
    before = version_before(office)
    writing.activate_policy(before, asked.why)
    return Answer(200, {"policy_version": before, "in_force": True})


def version_before(office: Office) -> str:
    """The version that was in force before the present one; raises the 422 problem where there was none."""
    versions = [each.version for each in office.desk.activations()]
    earlier = [each for each in versions if each != versions[-1]]
    if not earlier:
        detail = "no other version was in force before"
        raise wrong_schema(
            [
                {
                    "pointer": "",
                    "code": "no_earlier_version",
                    "detail": detail,
                    "mend": "Activate a version by name.",
                }
            ]
        )
    return earlier[-1]


def policy_of(text: str) -> Policy:
    """The policy of a text; raises the 422 problem with every problem of it, by line."""
    try:
        return Policy.read(text)
    except PolicyError as error:
        raise wrong_schema(
            {
                "pointer": "/text",
                "code": "policy_problem",
                "detail": f"line {each.line}: {each.place}: {each.message}",
                "mend": each.suggestion or "Mend that line.",
            }
            for each in error.problems
        ) from None


def read_as(form: type[Body], given: Any) -> Body:
    """A body in its documented form; raises the 422 problem with everything that is wrong."""
    try:
        return form.model_validate(given)
    except ValidationError as error:
        raise wrong_schema(body_problem(one) for one in error.errors(include_url=False)) from None


def _told(kept: PolicyVersion) -> dict[str, Any]:
    return vars(kept)
