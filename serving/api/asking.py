"""How does every route answer? Who asks is checked, the work is done off the event loop, faults become problems."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

import anyio
import anyio.to_thread
import numpy as np
from fastapi import Request, Response

from serving.api.bodies import read_json, wrong_schema
from serving.api.problems import ProblemError, busy
from serving.api.readiness import Readiness
from serving.api.settings import Settings
from serving.desk import (
    AlreadyThere,
    DeskUnavailable,
    KeyReused,
    RecordError,
    StaleVersion,
    UnknownPolicy,
    UnknownRecord,
    Writing,
)
from serving.live import LiveScorer
from serving.office import Answer, Office
from serving.policy.decision import NotInPolicy
from serving.roles import Caller
from serving.scoring import NotOpenError, UnknownIdError

T = TypeVar("T")
THREADS = 4
"""Scoring holds the interpreter: more threads would only make every caller wait for every other."""
WRITERS = 8
"""Writes wait for the disk, not for each other's arithmetic."""
CALLER = "duecourse.caller"
"""Where a request's scope holds who asks."""
KEY = "idempotency-key"
LONGEST_KEY = 200
_MEND = "Mend it and send it again, under a new idempotency key."


@dataclass
class Asking:
    """The ways in which routes answer."""

    readiness: Readiness
    seconds: float = Settings.timeout_seconds
    """So long a caller waits for an answer."""
    _readers: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(THREADS))
    _writers: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(WRITERS))

    async def read(self, request: Request, right: str, ask: Callable[[Office, LiveScorer], Any]) -> Response:
        """What `ask` finds, as JSON."""
        caller_with(request, right)
        content = await self.reading(lambda office, live: as_json(ask(office, live)))
        return Response(content, media_type="application/json")

    async def reading(self, ask: Callable[[Office, LiveScorer], T]) -> T:
        """What `ask` finds in this moment's book, worked out in a thread of readers."""
        return await self._worked(ask, self._readers)

    async def writing(self, act: Callable[[Office, LiveScorer], T]) -> T:
        """The same in a thread of writers."""
        return await self._worked(act, self._writers)

    async def _worked(self, do: Callable[[Office, LiveScorer], T], limiter: anyio.CapacityLimiter) -> T:
        office, scorer, in_time = self.readiness.office(), self.readiness.scorer(), self._in_time()

        def work() -> T:
            in_time()
            with told_as_problems():
                return do(office, office.live(scorer))

        return await anyio.to_thread.run_sync(work, limiter=limiter)

    def _in_time(self) -> Callable[[], None]:
        """Raises once nobody waits for the answer any more: work that could not begin in time is not begun.

        Otherwise callers who ask again would make everybody wait for answers that nobody reads.
        """
        until = time.monotonic() + self.seconds

        def check() -> None:
            if time.monotonic() > until:
                raise busy("took_too_long", "The work could not begin in time.")

        return check

    async def write(
        self, request: Request, right: str, act: Callable[[Office, LiveScorer, Writing, Any, Caller], Answer]
    ) -> Response:
        """What `act` did with the body, in one transaction under the request's idempotency key."""
        caller, key = caller_with(request, right), idempotency_key(request)
        given = read_json(await request.body())
        told = (request.method, request.url.path, request.headers.get("if-match"), given)
        done = await self.writing(
            lambda office, live: office.write(
                caller, told, key, lambda writing: act(office, live, writing, given, caller)
            )
        )
        return answered(done)


def answered(done: Answer) -> Response:
    """The response to a write."""
    headers = {} if done.version is None else {"ETag": etag(done.version)}
    if done.is_repeated:
        headers["Idempotency-Replayed"] = "true"
    return Response(as_json(done.content), done.status, headers, media_type="application/json")


def caller_with(request: Request, right: str) -> Caller:
    """Who asks; raises the 403 problem where its role lacks the right."""
    caller: Caller = request.scope[CALLER]
    if not caller.may(right):
        raise ProblemError(
            "not_allowed",
            f"{caller.name} is {caller.role} and has no right {right}. "
            "`duecourse tokens create --help` lists what each role may do.",
        )
    return caller


def idempotency_key(request: Request) -> str:
    """The key under which a write is done once however often it is sent; raises the 422 problem without one."""
    key = request.headers.get(KEY, "")
    if not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise wrong_schema(
            [
                {
                    "parameter": "Idempotency-Key",
                    "code": "idempotency_key_needed",
                    "detail": "every write needs a key of its own, so that a retry does nothing twice",
                    "mend": f"Send the header Idempotency-Key with up to {LONGEST_KEY} characters, "
                    "a new UUID for each new request and the same for its retries.",
                }
            ]
        )
    return key


def etag(version: int) -> str:
    """The ETag of a version of a record."""
    return f'"{version}"'


def expected_version(request: Request) -> int:
    """The version that a change was made to; raises the 428 problem where the request does not say."""
    given = request.headers.get("if-match", "").strip().removeprefix("W/").strip('"')
    if not given.isascii() or not given.isdigit():
        raise ProblemError(
            "version_needed",
            "Send the header If-Match with the ETag of what you read, so that nobody's change is overwritten.",
        )
    return int(given)


class told_as_problems:  # noqa: N801 - reads as a word of the `with` statement
    """Turns what the desk and the book refuse into problem documents."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        found = problem_of(error) if error is not None else None
        if found is not None:
            raise found from None


def problem_of(error: BaseException) -> ProblemError | None:
    """The problem that an error is told as; None for a fault of ours."""
    match error:
        case RecordError(flaws=flaws):
            return wrong_schema(
                {
                    "pointer": flaw.pointer,
                    "code": "wrong_value",
                    "detail": flaw.text,
                    "mend": "Mend it and send it again.",
                }
                for flaw in flaws
            )
        case StaleVersion(current=current):
            return ProblemError("stale_version", str(error), headers={"ETag": etag(current)})
        case AlreadyThere():
            return ProblemError("already_there", str(error))
        case KeyReused():
            return ProblemError("key_reused", str(error))
        case UnknownRecord() | UnknownPolicy():
            return ProblemError("unknown_id", f"{error}.")
        case UnknownIdError():
            return ProblemError("unknown_id", f"Nothing of the id {error} is known on that day.")
        case NotOpenError():
            return ProblemError("invoice_not_open", str(error))
        case NotInPolicy():
            return ProblemError("not_in_policy", f"{error}.")
        case DeskUnavailable(reason=reason):
            return busy("desk_unavailable", str(error), 1 if reason == "locked" else 30)
    return None


def as_json(value: Any) -> bytes:
    """JSON in UTF-8; NaN has no form in it."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain).encode("utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat() if value.tzinfo else value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no form in JSON")
