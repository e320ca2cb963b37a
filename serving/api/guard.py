"""What reaches the service at all, and what leaves it?

The guard stands around every route, also around those of the server framework. It decides who may ask,
how much and how long, and it sees to it that every answer carries the security headers and every answer
that is not 2xx is a problem document.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api.access import Access
from serving.api.asking import CALLER
from serving.api.documents import CONTENT_POLICY
from serving.api.limits import Allowance, check_content_type, read_body
from serving.api.problems import MEDIA_TYPE, ProblemError, busy, new_incident, problem_of_status
from serving.api.settings import Settings
from serving.languages import ENGLISH, speaking
from serving.languages.choosing import wanted
from serving.pages.failing import HTML, told
from serving.pages.forms import check_form
from serving.pages.paths import is_page

HEALTH_PATHS = {"/livez", "/readyz"}
FRAMEWORK_PATHS = {"/healthz", "/metrics", "/schema.json"}
"""Routes that the server framework adds by itself: they tell of its insides, or never end."""
METHODS_WITH_BODY = {"POST", "PUT", "PATCH"}
SECURITY_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"cache-control": b"no-store",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"content-security-policy": CONTENT_POLICY.encode(),
}
KEPT_HEADERS = {b"allow", b"retry-after", b"www-authenticate"}

log = logging.getLogger("bentoml.duecourse")


class Guard:
    """ASGI middleware around all routes of the service."""

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        access: Access | None = None,
        allowance: Allowance | None = None,
        why_not_ready: Callable[[], ProblemError | None] = lambda: None,
    ) -> None:
        self._app = app
        self._settings = settings
        self._access = access or Access(settings.home, settings.requires_token)
        self._allowance = allowance or Allowance(settings.requests_per_second)
        self._why_not_ready = why_not_ready
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass the server's own start and stop messages on."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http":
            # pages speak the visitor's language; what machines read stays as it is documented
            language = wanted(scope, self._settings.language) if is_page(scope["path"]) else ENGLISH
            with speaking(language):
                await self._answer(scope, receive, _Answer(scope, send))
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        began = time.perf_counter()
        try:
            if scope["path"] in HEALTH_PATHS:
                answer.instead_of_503 = self._why_not_ready()
                await self._app(scope, receive, answer.send)
            else:
                self._admit(scope)
                await self._within_time(scope, receive, answer)
        except ProblemError as problem:
            await answer.send_problem(problem)
        except ConnectionResetError:
            answer.close()
        except Exception:
            incident = new_incident()
            log.exception("incident %s: %s %r", incident.incident, scope["method"], scope["path"])
            await answer.send_problem(incident)
        await answer.finish()
        if scope["path"] not in HEALTH_PATHS:
            milliseconds = 1000 * (time.perf_counter() - began)
            # the path as repr: an escaped line break in it must not forge a line of the log
            log.info("%s %r %s in %.1f ms", scope["method"], scope["path"], answer.status, milliseconds)

    def _admit(self, scope: Scope) -> None:
        """Raise the problem that keeps this request out, if there is one."""
        stranger = "stranger at " + (scope.get("client") or ("",))[0]
        is_for_people = is_page(scope["path"])
        try:
            caller = self._access.visitor(scope) if is_for_people else self._access.caller(scope)
        except ProblemError:
            self._allowance.take(stranger)
            raise
        self._allowance.take(f"{caller.role} {caller.name}" if caller else stranger)
        scope[CALLER] = caller
        if scope["path"] in FRAMEWORK_PATHS:
            raise problem_of_status(404)
        if scope["method"] in METHODS_WITH_BODY and is_for_people:
            check_form(scope)
        elif scope["method"] in METHODS_WITH_BODY:
            check_content_type([value for key, value in scope["headers"] if key == b"content-type"])
        if self._in_flight >= self._settings.max_in_flight:
            raise busy("busy", f"{self._in_flight} requests are being answered. Ask again in a second.")

    async def _within_time(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        """Answer, or say that it took too long; work that goes on in a thread keeps its place meanwhile."""
        seconds = self._settings.timeout_seconds
        work = asyncio.create_task(self._work(scope, receive, answer))
        self._in_flight += 1
        work.add_done_callback(self._landed)
        await asyncio.wait({work}, timeout=seconds)
        if work.done():
            work.result()
        elif answer.has_whole_body:
            work.add_done_callback(_log_late_failure)
            await answer.send_problem(
                busy("took_too_long", f"No answer within {seconds:g} seconds. Ask for less at once.")
            )
        else:
            work.cancel()
            raise ProblemError(
                "body_too_slow", f"The body was not complete after {seconds:g} seconds. Send it again."
            )

    async def _work(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        body = b""
        if scope["method"] in METHODS_WITH_BODY:
            body = await read_body(receive, self._settings.max_body_bytes)
        answer.has_whole_body = True
        await self._app(scope, _replay(body, receive), answer.send)

    def _landed(self, work: asyncio.Task[None]) -> None:
        self._in_flight -= 1
        if not work.cancelled():
            work.exception()  # looked at, so that the loop does not report it a second time


def _log_late_failure(work: asyncio.Task[None]) -> None:
    if not work.cancelled() and work.exception() is not None:
        log.error("a request failed after its time was up", exc_info=work.exception())


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that hands out the body already read, then whatever follows it."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def replayed() -> Message:
        for message in messages:
            return message
        return await receive()

    return replayed


_TOLD = (MEDIA_TYPE.encode(), HTML.encode())
"""Of what type a problem is that was told in our own words."""


class _Answer:
    """One answer on its way out: adds headers, and turns a bare error into a problem document."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.status = 0
        self._path: str = scope["path"]
        self._send = send
        self._is_started = False
        self._is_closed = False
        self._bare_error: ProblemError | None = None
        self.has_whole_body = False
        self.instead_of_503: ProblemError | None = None

    async def send(self, message: Message) -> None:
        """Pass one message of the app on, unless it belongs to a bare error or comes too late."""
        if self._is_closed or self._bare_error is not None:
            return
        if message["type"] == "http.response.start":
            self._bare_error = self._problem_instead_of(message)
            if self._bare_error is not None:
                return
            self._is_started = True
            self.status = message["status"]
            message = {**message, "headers": _with_security(message.get("headers", []))}
        await self._send(message)

    async def send_problem(self, problem: ProblemError) -> None:
        """Answer with a problem document, if nothing has been sent yet, and let nothing follow it."""
        if self._is_started or self._is_closed:
            self.close()
            return
        self._is_started = True
        self.status = problem.status
        body, headers = told(self._path, problem)
        headers["Content-Length"] = str(len(body))
        encoded = [(key.lower().encode(), value.encode("latin-1")) for key, value in headers.items()]
        self.close()
        await self._send(
            {"type": "http.response.start", "status": problem.status, "headers": _with_security(encoded)}
        )
        await self._send({"type": "http.response.body", "body": body})

    async def finish(self) -> None:
        """Send the problem document that stands for a bare error, if there was one."""
        if self._bare_error is not None:
            await self.send_problem(self._bare_error)

    def close(self) -> None:
        """Let nothing more out."""
        self._is_closed = True

    def _problem_instead_of(self, message: Message) -> ProblemError | None:
        headers = dict(message.get("headers", []))
        is_told = headers.get(b"content-type", b"").startswith(_TOLD) or is_page(self._path)
        if message["status"] < 400 or is_told:
            return None
        if message["status"] == 503 and self.instead_of_503 is not None:
            return self.instead_of_503
        kept = {
            key.decode(): value.decode("latin-1") for key, value in headers.items() if key in KEPT_HEADERS
        }
        return problem_of_status(message["status"], kept)


def _with_security(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers and those of SECURITY_HEADERS that are not among them."""
    present = {key.lower() for key, _ in headers}
    return [*headers, *(pair for pair in SECURITY_HEADERS.items() if pair[0] not in present)]
