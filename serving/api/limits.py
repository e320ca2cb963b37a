"""How much may one caller ask, and how large may a body be?"""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.types import Receive

from serving.api.problems import ProblemError, busy

MOST_CALLERS_REMEMBERED = 10_000
DRAINED_BODIES = 8
"""A body over the limit is read on and thrown away for this many times the limit: a caller that is still
sending would otherwise see a broken connection instead of the answer."""


class Allowance:
    """A token bucket per caller: `rate` requests a second, and twice that many at once."""

    def __init__(self, rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, caller: str) -> None:
        """Count one request; raises the 429 problem where the caller has none left."""
        now = self._clock()
        left, since = self._left.pop(caller, (2.0 * self._rate, now))
        left = min(2.0 * self._rate, left + (now - since) * self._rate)
        self._left[caller] = (left - 1 if left >= 1 else left, now)
        if len(self._left) > MOST_CALLERS_REMEMBERED:
            del self._left[next(iter(self._left))]  # whoever asked longest ago: its bucket is full again
        if left < 1:
            raise busy(
                "too_many_requests",
                f"This caller may ask {self._rate} times a second (DUECOURSE_REQUESTS_PER_SECOND). "
                "Ask for many invoices in one POST /v1/scores, or wait as Retry-After says.",
                (1 - left) / self._rate,
            )


def check_content_type(values: list[bytes]) -> None:
    """Raise the 415 problem for anything but JSON in UTF-8: a form could be sent by any web page."""
    parts = [part.strip().lower() for part in values[0].split(b";")] if len(values) == 1 else []
    parameters = [part.replace(b'"', b"") for part in parts[1:] if part]
    if parts[:1] != [b"application/json"] or any(part != b"charset=utf-8" for part in parameters):
        said = b", ".join(values).decode("latin-1") or "nothing"
        raise ProblemError(
            "not_application_json",
            f"Content-Type says {said}. Send JSON with `Content-Type: application/json`.",
        )


async def read_body(receive: Receive, most_bytes: int) -> bytes:
    """The whole body, whether its length was announced or not; raises the 413 problem over `most_bytes`."""
    chunks: list[bytes] = []
    size = 0
    more = True
    while more and size <= DRAINED_BODIES * most_bytes:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError("the caller left before its body was complete")
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
        if size <= most_bytes:
            chunks.append(message.get("body", b""))
        else:
            chunks.clear()
    if size > most_bytes:
        raise ProblemError(
            "body_too_large",
            f"The body has more than {most_bytes:,} bytes. Send fewer invoices or rows at once, "
            "or score the whole ledger with `duecourse score`.",
            headers={"Connection": "close"},
        )
    return b"".join(chunks)
