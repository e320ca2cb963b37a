"""Which text goes with a case's step, and may a text be kept as sent? Every phrase is checked before it leaves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from serving.api.asking import Asking
from serving.api.documents import documented
from serving.api.problems import ProblemError
from serving.api.schemas import Record
from serving.case_messages import approved_step, message_case, name_of
from serving.desk import Flaw, RecordError, Writing
from serving.live import LiveScorer
from serving.mail import queue_message
from serving.messages import CHANNELS, Finding, lint, render
from serving.messages.rendering import NEEDS_APPROVAL, Channel
from serving.office import Answer, Office
from serving.roles import Caller
from serving.scoring import UnknownIdError
from serving.worklist import LEFT_OUT, Case

CHECKED = ("subject", "body")


def add_letter_routes(app: FastAPI, asking: Asking) -> None:
    """The text of a case's recommended step."""

    @app.get("/v1/cases/{case_id:path}/message", **documented(Record, also=(404, 409, 422)))
    async def message(
        request: Request,
        case_id: str,
        channel: Channel | None = None,
        language: Annotated[str, Query(pattern="^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$")] = "en",
    ) -> Response:
        """What to write or say: the recommended step in words, with what no customer should read in it."""
        return await asking.read(
            request,
            "read:worklist",
            lambda office, live: message_of(office, live, case_id, channel, language),
        )

    @app.post(
        "/v1/messages/{message_id}/send",
        **documented(Record, body=NothingMore, also=(400, 404, 408, 409, 413, 415, 422), status=201),
    )
    async def send(request: Request, message_id: str) -> Response:
        """Queue a kept e-mail for its customer; `duecourse messages send --really` hands over what is queued."""
        return await asking.write(request, "write:dialogue", lambda *given: _queued(message_id, *given))


class NothingMore(BaseModel):
    """An empty object: the text is the one that is kept."""

    model_config = ConfigDict(extra="forbid")


def _queued(
    message_id: str, office: Office, live: LiveScorer, writing: Writing, given: Any, caller: Caller
) -> Answer:
    if given != {}:
        raise RecordError("sendings", [Flaw("", "send an empty object: {}")])
    try:
        kept = queue_message(office, live, writing, message_id, office.now(), caller.may("write:decisions"))
    except ValueError as error:
        raise ProblemError("cannot_be_sent", f"{error}.") from None
    return Answer(201, {"id": kept.record_id, **kept.content}, kept.version)


def message_of(
    office: Office, live: LiveScorer, case_id: str, channel: str | None, language: str
) -> dict[str, Any]:
    """The recommended step of a case in words; raises the problem of one that nothing is said to today."""
    case = listed(office, live, case_id)
    return message_for(office, live, case, channel or case.channel, language)


def message_for(office: Office, live: LiveScorer, case: Case, channel: str, language: str) -> dict[str, Any]:
    """The step of a case in words for a channel; raises the problem of one that its customer does not hear of."""
    return messages_for(office, live, case, [channel], language)[0]


def messages_for(
    office: Office, live: LiveScorer, case: Case, channels: Iterable[str], language: str
) -> list[dict[str, Any]]:
    """The same for several channels: what the words are about is read once."""
    if case.channel not in CHANNELS:
        raise ProblemError(
            "nothing_to_say",
            f"The step of {case.case_id!r} is {case.action}, which its customer does not hear of.",
        )
    records = office.desk.timeline(case.customers)
    facts = message_case(live, case, office.items_of(live, case.case_id), records, language)
    step = approved_step(records)
    if case.template == NEEDS_APPROVAL and step is None:
        raise ProblemError("nothing_to_say", "No step is decided and approved that could be announced.")
    never = live.whole.policy.parts.never_say

    def told(channel: str) -> dict[str, Any]:
        found = render(case.template or case.action, channel, facts, language, step, never)
        return {
            "case_id": case.case_id,
            "as_of": live.as_of,
            "action": case.action,
            "action_rule": case.action_rule,
            "channel": channel,
            **asdict(found),
            "may_be_sent": all(each.severity != "reject" for each in found.findings),
            "policy_version": live.whole.policy.version,
        }

    return [told(channel) for channel in channels]


def listed(office: Office, live: LiveScorer, case_id: str) -> Case:
    """The case with its step of today; UnknownIdError, and a problem where nothing is to be said."""
    made = office.case(live, live.case_of(case_id))
    if made.cases:
        return made.cases[0]
    if not live.members_of(case_id):
        raise UnknownIdError(case_id)
    why = LEFT_OUT[str(made.left_out["reason"].iat[0])] if len(made.left_out) else "nothing is open"
    raise ProblemError("nothing_to_say", f"There is nothing to say to {case_id!r} today: {why}.")


def check_wording(office: Office, live: LiveScorer, content: Mapping[str, Any]) -> None:
    """Raise RecordError with every phrase of a text that no customer should read.

    The customer's own name is none of our words; a firm step may be named where a person decided on it.
    """
    flaws = list(_flaws(office, live, content))
    if flaws:
        raise RecordError("messages", flaws)


def _flaws(office: Office, live: LiveScorer, content: Mapping[str, Any]) -> Iterator[Flaw]:
    customer_id = str(content.get("customer_id"))
    if not live.knows_customer(customer_id):
        return
    for field, finding in found_in(office, live, customer_id, content):
        if finding.severity == "reject":
            yield Flaw(f"/{field}", f"{finding} (character {finding.start + 1})")


def found_in(
    office: Office, live: LiveScorer, customer_id: str, content: Mapping[str, Any]
) -> Iterator[tuple[str, Finding]]:
    """Each phrase of a text that a customer should not or had better not read, with the field it stands in."""
    step = approved_step(office.desk.find("decisions", customer_ids=[customer_id]))
    name = name_of(live, customer_id)
    for field in CHECKED:
        text = content.get(field)
        if isinstance(text, str):
            theirs = [match.span() for match in re.finditer(re.escape(name), text)] if name else []
            language, never = str(content.get("language") or "en"), live.whole.policy.parts.never_say
            yield from ((field, each) for each in lint(text, language, step, never, theirs))
