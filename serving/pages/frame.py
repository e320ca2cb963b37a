"""What stands on every page: where one is, who one is, where one can go, and what was just done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request

from serving.live import LiveScorer
from serving.pages.forms import new_key
from serving.pages.paths import TWIN
from serving.pages.rendering import level_of
from serving.pages.visits import Visitor

PLACES = (
    ("/today", "Today", "read:worklist"),
    ("/alerts", "Alerts", "read:alerts"),
    ("/portfolio", "Portfolio", "read:kpis"),
    ("/policy", "Policy", "read:policy"),
    ("/model", "Model", "read:models"),
    ("/audit", "Audit", "read:audit"),
    ("/glossary", "Terms", ""),
)
"""The main pages: address, name, and the right that one needs there."""
TOLD = {
    "contact": "The contact is recorded, with the day of the next one.",
    "promise": "The promise is recorded. Nobody asks for that money until its day has passed.",
    "dispute": "The dispute is open. The disputed part is not asked for until it is settled.",
    "note": "The note is recorded.",
    "state": "Changed. The list is in its new order.",
    "decision": "The decision is recorded, with the score and the policy it was taken on.",
    "alert": "The alert is changed.",
    "signed_out": "You are signed out.",
}
"""What a page says after a form did its work, by the code in its address: never words from the address itself."""


def frame(
    request: Request, visitor: Visitor, live: LiveScorer | None, mend: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The part of a template's context that all pages share."""
    caller, path = visitor.caller, request.url.path
    mended = {"form": "", "given": {}, "errors": {}, "whole": []} | dict(mend or {})
    tiers = live.whole.policy.tiers if live else ()
    here = f"/{path.split('/')[1]}"
    return {
        "visitor": visitor,
        "caller": caller,
        "places": [
            (to, name, to == here)
            for to, name, right in PLACES
            if caller is not None and (not right or caller.may(right))
        ],
        "path": path,
        "twin": path + TWIN + (f"?{request.url.query}" if request.url.query else ""),
        "query": dict(request.query_params),
        "told": TOLD.get(request.query_params.get("told", "")),
        "book_day": live.as_of if live else None,
        "tiers": tiers,
        "level": lambda tier: level_of(tier, tiers),
        "new_key": new_key,
        "mend": mended,
    }
