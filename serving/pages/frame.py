"""What stands on every page: where one is, who one is, where one can go, and what was just done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request

from serving.languages import gettext
from serving.live import LiveScorer
from serving.pages.forms import new_key
from serving.pages.paths import TWIN
from serving.pages.rendering import level_of
from serving.pages.visits import Visitor
from serving.roles import Caller

PLACES = (
    ("/today", "Today", "read:worklist"),
    ("/alerts", "Alerts", "read:alerts"),
    ("/disputes", "Disputes", "read:facts"),
    ("/messages", "Messages", "read:facts"),
    ("/portfolio", "Portfolio", "read:kpis"),
    ("/policy", "Policy", "read:policy"),
    ("/model", "Model", "read:models"),
    ("/audit", "Audit", "read:audit"),
    ("/users", "Users", "write:users"),
    ("/glossary", "Glossary", ""),
)
"""The main pages: address, name, and the right that one needs there."""
TOLD = {
    "contact": "The contact is recorded, with the day of the next one.",
    "promise": "The promise is recorded. Nobody asks for that money until its day has passed.",
    "dispute": "The dispute is open. The disputed part is not asked for until it is settled.",
    "note": "The note is recorded.",
    "conversation": "The conversation is closed and recorded. Below is the summary for the customer.",
    "complaint": "The complaint is open. It is answered before anybody speaks about money.",
    "task": "The task is recorded, with its owner.",
    "task_done": "The task is done.",
    "objection": "It is recorded, and counts at once.",
    "message": "The text is kept as it was sent.",
    "state": "It is recorded, and today’s list is made anew with it.",
    "decision": "The decision is recorded, with the score and the policy it was taken on.",
    "policy_kept": "The version is kept. Nothing is in force yet: look at what it would change.",
    "policy_active": "The version is in force from now on.",
    "alert": "The alert is changed.",
    "sending": "It is recorded what became of the message.",
    "review": "The review is recorded, with the figures that were on the table.",
    "credit": "The decision on credit is recorded, with what was recommended and why.",
    "flag": "It is recorded, and holds until somebody takes it away.",
    "flag_cleared": "It no longer holds. Who said so and when stays in the record.",
    "signed_out": "You are signed out.",
    "signed_out_here": "You are signed out here.",
    "back_to_tab": "You are signed in. Go back to the other tab and send what you wrote.",
    "user_added": "The user may sign in.",
    "user_changed": "The user has another role, at once also where the user is signed in.",
    "user_password": "The user has another password; all the user’s sessions ended.",
    "user_revoked": "The user is revoked and signed out everywhere.",
    "session_ended": "The session is over.",
    "token_repeated": "That token was made before, and its secret was shown then. Revoke it and make another "
    "if nobody kept it.",
    "token_revoked": "The token no longer works.",
    "own_password": "Your password is changed. All your other sessions are over.",
}
"""What a page says after a form did its work, by the code in its address: never words from the address itself."""


def first_place(caller: Caller) -> str:
    """Where somebody begins: the first of the main pages that they may see."""
    return next(to for to, _, right in PLACES if not right or caller.may(right))


def frame(
    request: Request,
    visitor: Visitor,
    live: LiveScorer | None,
    mend: Mapping[str, Any] | None = None,
    waiting: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """The part of a template's context that all pages share; `waiting` counts what waits at a place."""
    caller, path = visitor.caller, request.url.path
    mended = {"form": "", "given": {}, "errors": {}, "whole": []} | dict(mend or {})
    tiers = live.whole.policy.tiers if live else ()
    told = request.query_params.get("told", "")
    here = f"/{path.split('/')[1]}"
    return {
        "visitor": visitor,
        "caller": caller,
        "places": [
            (to, gettext(name), to == here, (waiting or {}).get(to, 0))
            for to, name, right in PLACES
            if caller is not None and (not right or caller.may(right))
        ],
        "path": path,
        "twin": path + TWIN + (f"?{request.url.query}" if request.url.query else ""),
        "query": dict(request.query_params),
        "told": gettext(TOLD[told]) if told in TOLD else None,
        "here": path + (f"?{request.url.query}" if request.url.query else ""),
        "book_day": live.as_of if live else None,
        "tiers": tiers,
        "level": lambda tier: level_of(tier, tiers),
        "new_key": new_key,
        "mend": mended,
    }
