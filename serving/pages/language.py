"""In which language does somebody want to read? Chosen in the foot of every page, kept by the browser and the user."""

from __future__ import annotations

import anyio.to_thread
from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from serving.api.problems import ProblemError
from serving.languages import languages
from serving.pages import visits
from serving.pages.forms import read_form
from serving.pages.paths import address_within
from serving.pages.routing import Pages
from serving.users import Users


def add(pages: Pages) -> None:
    """The form's route; whoever has not come in yet may choose too."""

    async def choose(request: Request) -> Response:
        fields, office = read_form(await request.body()), pages.asking.readiness.office()
        chosen = fields.get("language", "")
        if chosen not in languages():
            raise ProblemError("not_a_form", f"Choose one of the languages {', '.join(languages())}.")
        visitor = await anyio.to_thread.run_sync(visits.visitor_of, request, office)
        if visitor.is_signed_in and visitor.caller and visitor.sent(fields.get("csrf", "")):
            await anyio.to_thread.run_sync(Users(office.desk).speak, visitor.caller.name, chosen)
        response = RedirectResponse(address_within(fields.get("back", "/")), 303)
        visits.speak(request, response, chosen)
        return response

    pages.app.add_api_route("/language", choose, methods=["POST"], include_in_schema=False)
