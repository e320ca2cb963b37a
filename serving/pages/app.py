"""Which pages are there? One line each; a page's own file says what it shows."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from serving.api.problems import problem_of_status
from serving.pages import (
    alerts,
    audit,
    behind,
    conversation,
    customer,
    disputes,
    hand_over,
    help,
    invoice,
    language,
    losses,
    me,
    model,
    patterns,
    policy,
    policy_changes,
    portfolio,
    sendings,
    terms,
    today,
    users,
    what_if,
)
from serving.pages.kept import Kept
from serving.pages.rendering import STATIC, packed_file, static_file
from serving.pages.routing import Pages
from serving.pages.sign_in import HOME, Entrance

if TYPE_CHECKING:
    from serving.api.asking import Asking
    from serving.provider import Provider

PAGES: tuple[ModuleType, ...] = (
    today,
    help,
    conversation,
    hand_over,  # its address is longer than that of its customer
    customer,
    behind,  # and so are those of what belongs to an invoice
    what_if,
    invoice,
    alerts,
    disputes,
    sendings,
    policy_changes,
    losses,
    portfolio,
    policy,
    model,
    audit,
    terms,
    patterns,
    users,
    me,
    language,
)
"""In the order in which their routes are asked."""
A_YEAR = "public, max-age=31536000, immutable"


def add_pages(
    app: FastAPI, asking: Asking, provider: Provider | None = None, looks_ahead: bool = False
) -> None:
    """The routes of all pages; `looks_ahead` begins what takes long with the first visit (serving/pages/kept.py)."""
    pages = Pages(app, asking, provider, Kept(looks_ahead))
    Entrance(pages).add()
    _add_static(app)
    for each in PAGES:
        each.add(pages)


def _add_static(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    async def home() -> Response:
        return RedirectResponse(HOME, 303)

    @app.get("/static/{name}", include_in_schema=False)
    async def static(request: Request, name: str) -> Response:
        if name not in STATIC:
            raise problem_of_status(404)
        headers = {"Cache-Control": A_YEAR, "Vary": "Accept-Encoding"}
        # pages are not packed: they hold secrets beside what somebody else may have written into an address
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(static_file(name), media_type=STATIC[name], headers=headers)
        packed = headers | {"Content-Encoding": "gzip"}
        return Response(packed_file(name), media_type=STATIC[name], headers=packed)
