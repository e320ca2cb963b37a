"""How does somebody sign in and out? With a name and a password, or by way of the provider of single sign-on.

Wrong guesses are slowed down. They are counted in each worker's memory, by name and address and by address alone.
Nobody can lock a colleague out: too many wrong guesses from one address stop that address.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import anyio.to_thread
from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from serving.api.asking import told_as_problems
from serving.api.problems import ProblemError, busy
from serving.office import Office
from serving.pages import visits
from serving.pages.failing import HTML
from serving.pages.forms import new_key, read_form
from serving.pages.frame import frame
from serving.pages.paths import address_within, is_within, quoted
from serving.pages.rendering import HEADERS, html
from serving.pages.routing import Pages
from serving.pages.visits import ENTERING_PATH
from serving.provider import ProviderSilentError
from serving.users import NotAdmittedError, User, Users

if TYPE_CHECKING:
    from serving.single_sign_on import SingleSignOn

WINDOW_SECONDS = 15 * 60
MOST_WRONG, MOST_WRONG_OF_ADDRESS = 5, 30
"""Wrong guesses of a name, or of any names, from one address within the window."""
HOME = "/today"
T = TypeVar("T")
log = logging.getLogger("bentoml.duecourse")
_OPEN_FOR_LONG = "This page was open for long. Please sign in again."
_KEPT = "kept."
"""Before the names of the fields that somebody wrote on another page, in a session that ended."""
_NOT_BEGUN = "This sign-in was not begun in this browser, or longer than ten minutes ago. Begin it again."


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

    def __post_init__(self) -> None:
        provider, seconds = self.pages.provider, max(1.0, self.pages.asking.seconds - 1)
        self._sign_on: SingleSignOn | None = None
        if provider is not None:  # who has no provider needs none of its libraries
            from serving.single_sign_on import SingleSignOn

            self._sign_on = SingleSignOn(provider, seconds)

    def add(self) -> None:
        """The routes /sign-in, with those below it, and /sign-out."""
        app = self.pages.app
        app.add_api_route("/sign-in", self.show, methods=["GET"], include_in_schema=False)
        app.add_api_route("/sign-in", self.enter, methods=["POST"], include_in_schema=False)
        app.add_api_route("/sign-out", self.leave, methods=["POST"], include_in_schema=False)
        if self._sign_on is not None:
            ways = {"": self.go_to_provider, "/back": self.come_back, "/leave": self.leave_provider}
            for end, answer in ways.items():
                app.add_api_route(f"{ENTERING_PATH}{end}", answer, methods=["GET"], include_in_schema=False)

    async def show(self, request: Request) -> Response:
        """The form, and where nobody has to sign in, the way past it."""
        return await self._form(request, {"to": request.query_params.get("to", HOME)})

    async def enter(self, request: Request) -> Response:
        """Check name and password; on to where one wanted to go, or to what was kept meanwhile."""
        fields, office = read_form(await request.body()), self._office()
        visitor = await _in_thread(visits.visitor_of, request, office)
        if not visitor.sent(fields.get("csrf", "")):
            return await self._form(request, fields, _OPEN_FOR_LONG, 403)
        try:
            user = await _in_thread(self._checked, request, fields, office, limiter=self._hashing)
        except ProblemError as problem:
            if problem.kind != "too_many_requests":
                raise
            return await self._form(request, fields, problem.detail, problem.status, problem.headers)
        if user is None:
            wrong = "No user has this name and password. Check both; capitals count in the password."
            return await self._form(request, fields, wrong, 422)
        return await self._entered(request, fields, office, user, visitor)

    async def go_to_provider(self, request: Request) -> Response:
        """Send the browser to the provider, with a secret in a cookie that ties its way back to it."""
        assert self._sign_on is not None
        to, secret = request.query_params.get("to", HOME), secrets.token_urlsafe(32)
        try:
            response = RedirectResponse(await self._sign_on.begin(secret), 303)
        except ProviderSilentError as error:
            return await self._silent(request, to, error)
        visits.leave_for_provider(request, response, secret, to)
        return response

    async def come_back(self, request: Request) -> Response:
        """Let in whom the provider vouches for; the code is good once, and so is the cookie."""
        assert self._sign_on is not None and self.pages.provider is not None
        (secret, to), office = visits.back_from_provider(request), self._office()
        others = self.pages.provider.others
        try:
            if not secret:
                raise NotAdmittedError(_NOT_BEGUN)
            identity = await self._sign_on.identity(secret, request.query_params, office.now())
            user = await _in_thread(Users(office.desk).admit, office.now(), identity, others)
            visitor = await _in_thread(visits.visitor_of, request, office)
            response = await self._entered(request, {"to": to}, office, user, visitor)
        except NotAdmittedError as error:
            log.warning("a single sign-on was refused: %s", str(error).encode("unicode_escape").decode())
            response = await self._form(request, {"to": to}, str(error), 403)
        except ProviderSilentError as error:
            response = await self._silent(request, to, error)
        visits.forget_provider(response)
        return response

    async def leave_provider(self, request: Request) -> Response:
        """Send the browser to where it signs out of the provider too."""
        assert self._sign_on is not None and self.pages.provider is not None
        try:
            address = await self._sign_on.way_out()
        except ProviderSilentError as error:
            return await self._silent(request, HOME, error)
        if address is None:
            label = self.pages.provider.label
            wrong = f"{label} names no place to sign out at. Close your browser, or go there yourself."
            return await self._form(request, {}, wrong)
        return RedirectResponse(address, 303)

    async def leave(self, request: Request) -> Response:
        """End the session at once, also for whoever copied its secret."""
        fields, office = read_form(await request.body()), self._office()
        visitor = await _in_thread(visits.visitor_of, request, office)
        if not visitor.sent(fields.get("csrf", "")):
            raise ProblemError(
                "not_allowed", "This form did not come from a page of yours. Open the page again."
            )
        users = Users(office.desk)
        user = await _in_thread(users.of_session, visitor.secret, office.now())
        await _in_thread(users.end_session, visitor.secret)
        told = "signed_out_here" if self._sign_on and user and not user.has_password else "signed_out"
        response = RedirectResponse(f"/sign-in?told={told}", 303)
        visits.sign_out(response)
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

    async def _entered(
        self, request: Request, fields: dict[str, str], office: Office, user: User, before: visits.Visitor
    ) -> Response:
        """A session for somebody who proved a name; the one that this browser had before is over."""
        users = Users(office.desk)
        if before.is_signed_in:
            await _in_thread(users.end_session, before.secret)
        secret = await _in_thread(users.begin_session, user.name, office.now(), visits.browser_of(request))
        response = _onward(fields, visits.Visitor(user.caller(), secret, is_signed_in=True))
        visits.sign_in(request, response, secret)
        if user.language:
            visits.speak(request, response, user.language)
        return response

    async def _silent(self, request: Request, to: str, error: ProviderSilentError) -> Response:
        assert self.pages.provider is not None
        label = self.pages.provider.label
        log.error(
            "the provider of single sign-on cannot be used: %s", str(error).encode("unicode_escape").decode()
        )
        wrong = (
            f"{label} does not answer as it should, so nobody can come in that way now. Users with a password "
            "still can; the log of the service says more."
        )
        return await self._form(request, {"to": to}, wrong, 503)

    async def _form(
        self,
        request: Request,
        fields: dict[str, str],
        wrong: str = "",
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        office = self._office()
        visitor = await _in_thread(visits.visitor_of, request, office)
        kept = {name: value for name, value in fields.items() if name.startswith(_KEPT) or name == "key"}
        context = frame(request, visitor, None) | {
            "to": fields.get("to") or HOME,
            "name": fields.get("name", ""),
            "wrong": wrong,
            "twin": "",
            # never the address of the way back: it holds a code
            "here": f"/sign-in?to={quoted(fields.get('to') or HOME)}",
            "kept": kept,
            "written": _written(fields),
            "key": fields.get("key", ""),
            "provider": self.pages.provider and self.pages.provider.label,
            "nobody_yet": not await _in_thread(Users(office.desk).exist),
        }
        content = html("sign_in.html", context)
        response = Response(content, status, {**HEADERS, "Content-Type": HTML, **(headers or {})})
        visits.greet(request, response, visitor)
        return response

    def _office(self) -> Office:
        return self.pages.asking.readiness.office()


async def _in_thread(do: Callable[..., T], *given: Any, limiter: anyio.CapacityLimiter | None = None) -> T:
    """What `do` finds, off the event loop; what the desk refuses becomes a problem."""

    def work() -> T:
        with told_as_problems():
            return do(*given)

    return await anyio.to_thread.run_sync(work, limiter=limiter)


def _onward(fields: dict[str, str], visitor: visits.Visitor) -> Response:
    """To the page that was asked for; or what was written before the session ended, to be sent now."""
    to = fields.get("to", HOME)
    to = to if is_within(to) else HOME
    kept = _written(fields)
    if not kept:
        return RedirectResponse(address_within(to), 303)
    context: dict[str, Any] = {"visitor": visitor, "to": to, "fields": kept, "is_known": True}
    context |= {"lacking": "", "provider": None, "key": fields.get("key") or new_key()}
    return Response(html("resume.html", context), 200, {**HEADERS, "Content-Type": HTML})


def _written(fields: Mapping[str, str]) -> dict[str, str]:
    return {name.removeprefix(_KEPT): value for name, value in fields.items() if name.startswith(_KEPT)}
