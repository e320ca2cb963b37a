"""How does every page answer, and how does every form act? Who looks, the work in a thread, the page or its twin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, quote

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from serving.api.asking import Asking, as_json, problem_of
from serving.api.problems import ProblemError
from serving.desk import StaleVersion, Writing
from serving.live import LiveScorer
from serving.office import Answer, Office
from serving.pages.failing import HTML
from serving.pages.forms import by_field, new_key, read_form, repeatable, said
from serving.pages.frame import PLACES, first_place, frame
from serving.pages.kept import Kept
from serving.pages.meanwhile import meanwhile
from serving.pages.paths import TWIN, is_twin
from serving.pages.rendering import HEADERS, html
from serving.pages.visits import Visitor, greet, visitor_of
from serving.provider import Provider
from serving.roles import Caller

MENDABLE = (409, 412, 422)
"""What a person can mend in the form, which is shown again with everything in it."""


@dataclass(frozen=True)
class Visit:
    """One look at a page: what it may see, and what was asked."""

    office: Office
    live: LiveScorer
    caller: Caller
    query: Mapping[str, str]
    parameters: Mapping[str, str]
    kept: Kept
    """What was worked out for others at the same moment."""
    session: str = field(default="", repr=False)
    """The secret of the session of whoever looks; empty without one."""
    once: dict[str, str] = field(default_factory=dict, repr=False)
    """What a form shows once, on the page itself, and nothing keeps: the secret of a new token."""
    given: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What stands in the form that is shown again, or looked at before it is sent."""

    def may(self, right: str) -> bool:
        """Whether whoever looks has a right."""
        return self.caller.may(right)

    def query_on(self, path: str) -> Mapping[str, str]:
        """What was asked of the page; of a form that has to be mended, on the page where it stood."""
        back = self.given.get("back", "")
        return dict(parse_qsl(back.partition("?")[2])) if back.startswith(path) else self.query


View = Callable[[Visit], dict[str, Any]]
Act = Callable[[Visit, dict[str, str], Writing], Answer]
Look = Callable[[Visit, dict[str, str]], dict[str, Any]]
"""What is to be told of something that somebody is still writing."""


@dataclass(frozen=True)
class Page:
    """A page: its address, the right to see it, its template, and the view that fills it and is its twin."""

    path: str
    right: str
    template: str
    view: View


@dataclass
class Pages:
    """The pages of an app, each with its twin, and their forms."""

    app: FastAPI
    asking: Asking
    provider: Provider | None = None
    """Who else may say who somebody is."""
    kept: Kept = field(default_factory=Kept)

    def page(self, page: Page) -> Page:
        """Answer GET for a page and for its twin."""

        async def answer(request: Request) -> Response:
            return await self.asking.reading(lambda office, live: self._shown(request, page, office, live))

        # the twin first: an id may hold anything, so the page would take its address too
        for path in (page.path + TWIN, page.path):
            self.app.add_api_route(path, answer, methods=["GET"], include_in_schema=False)
        return page

    def form(self, path: str, right: str, act: Act, page: Page) -> None:
        """Answer POST: `act` writes and says where to go on (`after`); what can be mended is shown on `page` again."""

        async def answer(request: Request) -> Response:
            body = await request.body()
            return await self.asking.writing(
                lambda office, live: self._done(request, body, right, act, page, office, live)
            )

        self.app.add_api_route(path, answer, methods=["POST"], include_in_schema=False)

    def again(self, path: str, right: str, page: Page) -> None:
        """Answer POST with the page as it is with what stands in a form so far; nothing is kept."""

        async def answer(request: Request) -> Response:
            fields = read_form(await request.body())
            return await self.asking.reading(
                lambda office, live: self._looked_at(request, fields, right, page, office, live)
            )

        self.app.add_api_route(path, answer, methods=["POST"], include_in_schema=False)

    def _looked_at(
        self,
        request: Request,
        fields: dict[str, str],
        right: str,
        page: Page,
        office: Office,
        live: LiveScorer,
    ) -> Response:
        visitor = visitor_of(request, office)
        if visitor.caller is None or not visitor.sent(fields.get("csrf", "")):
            return kept_for_later(request, visitor, fields, self.provider)
        if not visitor.caller.may(right):
            return kept_for_later(request, visitor, fields, self.provider, right)
        mend = {"form": fields.get("form", ""), "given": repeatable(fields)}
        return self._again(request, visitor, visitor.caller, page, office, live, mend)

    def file(self, path: str, right: str, media_type: str, make: Callable[[Visit], bytes]) -> None:
        """Answer GET with a file to keep, under the last name of its address."""

        async def answer(request: Request) -> Response:
            return await self.asking.reading(
                lambda office, live: self._filed(request, right, media_type, make, office, live)
            )

        self.app.add_api_route(path, answer, methods=["GET"], include_in_schema=False)

    def _filed(
        self,
        request: Request,
        right: str,
        media_type: str,
        make: Callable[[Visit], bytes],
        office: Office,
        live: LiveScorer,
    ) -> Response:
        visitor = visitor_of(request, office)
        if visitor.caller is None:
            return _to_sign_in(request)
        _check_right(visitor.caller, right)
        content = make(self._visit(request, visitor, visitor.caller, office, live))
        name = request.url.path.rpartition("/")[2]
        return Response(
            content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )

    def part(self, path: str, right: str, template: str, look: Look) -> None:
        """Answer POST with a part of a page, worked out from what stands in a form so far; nothing is kept."""

        async def answer(request: Request) -> Response:
            fields = read_form(await request.body())
            return await self.asking.reading(
                lambda office, live: self._looked(request, fields, right, template, look, office, live)
            )

        self.app.add_api_route(path, answer, methods=["POST"], include_in_schema=False)

    def _looked(
        self,
        request: Request,
        fields: dict[str, str],
        right: str,
        template: str,
        look: Look,
        office: Office,
        live: LiveScorer,
    ) -> Response:
        visitor = visitor_of(request, office)
        if visitor.caller is None or not visitor.sent(fields.get("csrf", "")):
            raise ProblemError("token_needed", "Sign in again; what is written stays where it is.")
        _check_right(visitor.caller, right)
        visit = self._visit(request, visitor, visitor.caller, office, live)
        told = look(visit, said(fields))
        content = html(template, frame(request, visitor, live) | {"view": told})
        return Response(content, 200, {**HEADERS, "Content-Type": HTML})

    def _shown(self, request: Request, page: Page, office: Office, live: LiveScorer) -> Response:
        visitor = visitor_of(request, office)
        if visitor.caller is None:
            return _to_sign_in(request)
        visit, begins = (
            self._visit(request, visitor, visitor.caller, office, live),
            first_place(visitor.caller),
        )
        if request.scope["path"] == PLACES[0][0] != begins:  # everybody is led there who comes in
            return RedirectResponse(begins, 303)
        _check_right(visit.caller, page.right)
        self.kept.look_ahead(office, self.asking.readiness.scorer(), live)
        view = page.view(visit)
        if is_twin(request.scope["path"]):
            return Response(as_json(view), media_type="application/json")
        return _rendered(request, visitor, visit, page, view)

    def _done(
        self,
        request: Request,
        body: bytes,
        right: str,
        act: Act,
        page: Page,
        office: Office,
        live: LiveScorer,
    ) -> Response:
        fields, visitor = read_form(body), visitor_of(request, office)
        caller = visitor.caller
        if caller is None or not visitor.sent(fields.get("csrf", "")):
            return kept_for_later(request, visitor, fields, self.provider)
        if right and not caller.may(right):
            return kept_for_later(request, visitor, fields, self.provider, right)
        visit, given = self._visit(request, visitor, caller, office, live), said(fields)
        told = ("FORM", request.url.path, None, repeatable(fields))
        try:
            done = office.write(
                caller, told, fields.get("key", ""), lambda writing: act(visit, given, writing)
            )
        except Exception as error:
            problem = as_problem(error)
            if problem is None or problem.status not in MENDABLE:
                raise
            mend = {"form": fields.get("form", ""), "given": repeatable(fields), **_to_mend(problem)}
            if isinstance(error, StaleVersion):
                mend["given"], mend["whole"] = meanwhile(office.desk, error, mend["given"])
            return self._again(request, visitor, caller, page, office, live, mend, problem.status)
        self.kept.look_ahead(office, self.asking.readiness.scorer())
        if visit.once and not done.is_repeated:
            return self._again(request, visitor, caller, page, office, live, {"once": visit.once})
        return RedirectResponse(str(done.content["to"]), 303)

    def _again(
        self,
        request: Request,
        visitor: Visitor,
        caller: Caller,
        page: Page,
        office: Office,
        live: LiveScorer,
        mend: Mapping[str, Any],
        status: int = 200,
    ) -> Response:
        """The page after its form: to be mended, or with what is shown once."""
        visit = replace(self._visit(request, visitor, caller, office, live), given=mend.get("given", {}))
        return _rendered(request, visitor, visit, page, page.view(visit), mend, status)

    def _visit(
        self, request: Request, visitor: Visitor, caller: Caller, office: Office, live: LiveScorer
    ) -> Visit:
        session = visitor.secret if visitor.is_signed_in else ""
        return Visit(
            office, live, caller, dict(request.query_params), _parameters(request), self.kept, session
        )


def back_to(path: str, given: Mapping[str, str]) -> str:
    """The page on which a form stood, as it was asked for there; the plain one where it does not say."""
    back = given.get("back", "")
    return back if back.partition("?")[0] == path else path


def after(path: str, told: str) -> Answer:
    """The answer of a form that did its work: the page to go to, and the code of what is told there (frame.py)."""
    page, mark, place = path.partition("#")
    return Answer(303, {"to": f"{page}{'&' if '?' in page else '?'}told={told}{mark}{place}"})


def kept_for_later(
    request: Request,
    visitor: Visitor,
    fields: Mapping[str, str],
    provider: Provider | None = None,
    lacking: str = "",
) -> Response:
    """What was written when nobody (or somebody else) was signed in any more: kept, to be sent after a look.

    `lacking` is the right that whoever is signed in now would need for it.
    """
    context = {
        "visitor": visitor,
        "to": request.url.path,
        "fields": repeatable(fields) | {"form": fields.get("form", "")},
        "key": fields.get("key") or new_key(),
        "is_known": visitor.caller is not None and not lacking,
        "lacking": lacking,
        "provider": provider and provider.label,
    }
    response = Response(
        html("resume.html", context), 403 if visitor.caller else 401, {**HEADERS, "Content-Type": HTML}
    )
    greet(request, response, visitor)
    return response


def as_problem(error: Exception) -> ProblemError | None:
    """The problem that an error is told as, if it is one that a caller can do something about."""
    return error if isinstance(error, ProblemError) else problem_of(error)


def _rendered(
    request: Request,
    visitor: Visitor,
    visit: Visit,
    page: Page,
    view: Mapping[str, Any],
    mend: Mapping[str, Any] | None = None,
    status: int = 200,
) -> Response:
    waiting = {"/alerts": visit.kept.open_alerts(visit.office, visit.live)}
    context = frame(request, visitor, visit.live, mend, waiting)
    content = html(page.template, {**context, "view": view})
    response = Response(content, status, {**HEADERS, "Content-Type": HTML})
    greet(request, response, visitor)
    return response


def _to_mend(problem: ProblemError) -> dict[str, Any]:
    errors, whole = by_field(problem.problems)
    return {"errors": errors, "whole": whole if problem.problems else [problem.detail]}


def _to_sign_in(request: Request) -> Response:
    path = request.url.path
    if is_twin(request.scope["path"]):
        raise ProblemError(
            "token_needed",
            "Sign in, or send `Authorization: Bearer TOKEN`; `duecourse tokens create NAME` makes one.",
            headers={"WWW-Authenticate": 'Bearer realm="duecourse"'},
        )
    asked = f"{path}?{request.url.query}" if request.url.query else path
    return RedirectResponse(f"/sign-in?to={quote(asked, safe='')}", 303)


def _check_right(caller: Caller, right: str) -> None:
    if right and not caller.may(right):
        raise ProblemError(
            "not_allowed",
            f"{caller.name} is {caller.role.replace('_', ' ')}, and this needs the right {right}. "
            "Ask an administrator for another role.",
        )


def _parameters(request: Request) -> dict[str, str]:
    return {name: str(value) for name, value in request.path_params.items()}
