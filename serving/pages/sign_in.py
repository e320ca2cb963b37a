"""How does somebody sign in and out? With a name and a password; wrong guesses are slowed down.

Guesses are counted in each worker's memory, by name and address and by address alone. Nobody can lock a colleague out:
too many wrong guesses from one address stop that address.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.to_thread
from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from serving.api.problems import ProblemError, busy
from serving.office import Office
from serving.pages import visits
from serving.pages.failing import HTML
from serving.pages.forms import new_key, read_form
from serving.pages.frame import frame
from serving.pages.paths import is_within
from serving.pages.rendering import HEADERS, html
from serving.pages.routing import Pages
from serving.users import User, Users

WINDOW_SECONDS = 15 * 60
MOST_WRONG, MOST_WRONG_OF_ADDRESS = 5, 30
"""Wrong guesses of a name, or of any names, from one address within the window."""
HOME = "/today"
log = logging.getLogger("bentoml.duecourse")


class Guesses:
    """Wrong guesses of the last minutes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._wrong: dict[tuple[str, ...], list[float]] = {}

    def check(self, address: str, name: str) -> None:
        """Raise the 429 problem where there were too many."""
        with self._lock:
            for about, most in (((address, name), MOST_WRONG), ((address,), MOST_WRONG_OF_ADDRESS)):
                recent = self._recent(about)
                if len(recent) >= most:
                    seconds = recent[0] + WINDOW_SECONDS - self._clock()
                    minutes = max(1, round(seconds / 60))
                    detail = f"Too many wrong passwords. Try again in {minutes} minute{'s' * (minutes != 1)}."
                    raise busy("too_many_requests", detail, seconds)

    def wrong(self, address: str, name: str) -> None:
        """Count one."""
        with self._lock:
            for about in ((address, name), (address,)):
                self._wrong[about] = [*self._recent(about), self._clock()]
            if len(self._wrong) > 10_000:
                self._wrong = {about: times for about in self._wrong if (times := self._recent(about))}

    def _recent(self, about: tuple[str, ...]) -> list[float]:
        since = self._clock() - WINDOW_SECONDS
        return [moment for moment in self._wrong.get(about, []) if moment > since]


@dataclass
class Entrance:
    """The pages on which people come and go."""

    pages: Pages
    guesses: Guesses = field(default_factory=Guesses)
    _hashing: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(2))
    """A password is hashed in 64 MB: a crowd of guesses must not fill the memory."""

    def add(self) -> None:
        """The routes /sign-in and /sign-out."""
        app = self.pages.app
        app.add_api_route("/sign-in", self.show, methods=["GET"], include_in_schema=False)
        app.add_api_route("/sign-in", self.enter, methods=["POST"], include_in_schema=False)
        app.add_api_route("/sign-out", self.leave, methods=["POST"], include_in_schema=False)

    async def show(self, request: Request) -> Response:
        """The form, and where nobody has to sign in, the way past it."""
        office = self.pages.asking.readiness.office()
        visitor = await anyio.to_thread.run_sync(visits.visitor_of, request, office)
        return _form(request, visitor, {"to": request.query_params.get("to", HOME)})

    async def enter(self, request: Request) -> Response:
        """Check name and password; on to where one wanted to go, or to what was kept meanwhile."""
        fields, office = read_form(await request.body()), self.pages.asking.readiness.office()
        visitor = visits.visitor_of(request, None)
        if not visitor.sent(fields.get("csrf", "")):
            return _form(request, visitor, fields, "This page was open for long. Please sign in again.", 403)
        user = await anyio.to_thread.run_sync(self._checked, request, fields, office, limiter=self._hashing)
        if user is None:
            wrong = "No user has this name and password. Check both; capitals count in the password."
            return _form(request, visitor, fields, wrong, 422)
        secret = await anyio.to_thread.run_sync(Users(office.desk).begin_session, user.name, office.now())
        response = _onward(fields, visits.Visitor(user.caller(), secret, is_signed_in=True))
        visits.sign_in(request, response, secret)
        return response

    def _checked(self, request: Request, fields: dict[str, str], office: Office) -> User | None:
        address = request.client.host if request.client else ""
        name, password = fields.get("name", "")[:64], fields.get("password", "")
        self.guesses.check(address, name)
        user = Users(office.desk).check(name, password)
        if user is None:
            self.guesses.wrong(address, name)
            log.info("a sign-in as %r from %s was refused", name, address)
        return user

    async def leave(self, request: Request) -> Response:
        """End the session at once, also for whoever copied its secret."""
        fields, office = read_form(await request.body()), self.pages.asking.readiness.office()
        visitor = await anyio.to_thread.run_sync(visits.visitor_of, request, office)
        if not visitor.sent(fields.get("csrf", "")):
            raise ProblemError(
                "not_allowed", "This form did not come from a page of yours. Open the page again."
            )
        await anyio.to_thread.run_sync(Users(office.desk).end_session, visitor.secret)
        response = RedirectResponse("/sign-in?told=signed_out", 303)
        visits.sign_out(response)
        return response


def _onward(fields: dict[str, str], visitor: visits.Visitor) -> Response:
    """To the page that was asked for; or what was written before the session ended, to be sent now."""
    to = fields.get("to", HOME)
    to = to if is_within(to) else HOME
    kept = {name.removeprefix("kept."): value for name, value in fields.items() if name.startswith("kept.")}
    if not kept:
        return RedirectResponse(to, 303)
    context: dict[str, Any] = {"visitor": visitor, "to": to, "fields": kept, "is_known": True}
    return Response(
        html("resume.html", context | {"key": fields.get("key") or new_key()}),
        200,
        {**HEADERS, "Content-Type": HTML},
    )


def _form(
    request: Request, visitor: visits.Visitor, fields: dict[str, str], wrong: str = "", status: int = 200
) -> Response:
    kept = {name: value for name, value in fields.items() if name.startswith("kept.") or name == "key"}
    context = frame(request, visitor, None) | {
        "to": fields.get("to", HOME),
        "name": fields.get("name", ""),
        "wrong": wrong,
        "kept": kept,
    }
    response = Response(html("sign_in.html", context), status, {**HEADERS, "Content-Type": HTML})
    visits.greet(request, response, visitor)
    return response
