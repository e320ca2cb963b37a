"""What does a request see, and how does it write? The book of this moment, the desk beside it, and the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from features.ledger import Ledger
from serving.book import book_day, joined
from serving.desk import Actor, Desk, Writing, request_digest
from serving.live import Live, LiveScorer
from serving.roles import Caller
from serving.scoring import Scorer


@dataclass(frozen=True)
class Answer:
    """What a write answers with; kept under its idempotency key."""

    status: int
    content: Any
    version: int | None = None
    """Of the record it made or changed: its ETag."""
    is_repeated: bool = False
    """Whether the same request was answered before and did nothing this time."""


class Office:
    """The desk and the book side by side; safe to share between threads."""

    def __init__(
        self, desk: Desk, export: Ledger, now: Callable[[], datetime], follows_policy: bool = True
    ) -> None:
        self.desk, self.now = desk, now
        # First the number, then the rows: what comes in between is read twice, and never missed.
        since = desk.sequence()
        recorded = desk.ledger_rows()
        self.ledger = joined(export, recorded)
        """The export and what the desk held at the start: what the Scorer of the whole book is made of."""
        self.book_day = book_day(export, recorded)
        """The day that is worked on, where nobody names another."""
        self._live = Live(export, desk, since, follows_policy)

    def live(self, scorer: Scorer) -> LiveScorer:
        """The scorer of this moment."""
        return self._live.over(scorer)

    def write(
        self, caller: Caller, request: tuple[Any, ...], key: str, act: Callable[[Writing], Answer]
    ) -> Answer:
        """What `act` did in one transaction, or what the same request under the same key was answered before.

        Whatever `act` raises leaves nothing behind.
        """
        digest = request_digest(*request)
        with self.desk.writing(actor_of(caller), self.now()) as writing:
            before = writing.once(key, digest)
            if before is not None:
                return Answer(before["status"], before["content"], before["version"], is_repeated=True)
            answer = act(writing)
            kept = {"status": answer.status, "content": answer.content, "version": answer.version}
            writing.remember(key, digest, kept)
        return answer


def actor_of(caller: Caller) -> Actor:
    """The caller as the desk's audit log names it."""
    return Actor(caller.name, caller.role)
