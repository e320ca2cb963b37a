"""What takes too long for one answer? It is begun once, goes on by itself, and is shown as soon as it is done.

Whoever asks waits a moment, in case it is quick; then the page says since when it is being worked out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import datetime
from typing import Any

PATIENCE = 1.0
"""Seconds that whoever asks first waits for what is not there yet."""
Works = Mapping[str, Callable[[], Any]]


@dataclass(frozen=True)
class Waiting:
    """It is still being worked out."""

    since: datetime


class Later:
    """The works of a service, by name: the latest of each is kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun: dict[str, tuple[object, Future[Any], datetime]] = {}

    def found(
        self, anchor: object, works: Works, now: datetime, patience: float = PATIENCE
    ) -> dict[str, Any]:
        """What each work found for this anchor (the book it is of, say), or Waiting where it is still at it.

        What one raises is raised once; the next caller begins it anew.
        """
        with self._lock:
            # what was found for a book that gave way to another would hold that book in memory
            self._begun = {
                name: each
                for name, each in self._begun.items()
                if each[0] is anchor or not each[1].done() or name in works
            }
            fresh = [name for name in works if self._begun.get(name, (None,))[0] is not anchor]
            self._begun |= {name: (anchor, _begun(works[name]), now) for name in fresh}
            kept = {name: self._begun[name] for name in works}
        if fresh:
            wait([future for _, future, _ in kept.values()], patience)
        return {name: self._of(name, future, since) for name, (_, future, since) in kept.items()}

    def under_way(self, name: str, patience: float = PATIENCE) -> Waiting | None:
        """Since when a work is being done, where it does not end within moments; raises, once, what it raised."""
        with self._lock:
            begun = self._begun.get(name)
        if begun is None:
            return None
        wait([begun[1]], patience)
        found = self._of(name, begun[1], begun[2])
        return found if isinstance(found, Waiting) else None

    def _of(self, name: str, future: Future[Any], since: datetime) -> Any:
        if not future.done():
            return Waiting(since)
        if future.exception() is not None:
            with self._lock:
                if self._begun.get(name, (None, None))[1] is future:
                    del self._begun[name]
        return future.result()


def _begun(work: Callable[[], Any]) -> Future[Any]:
    """The work in a thread that holds up nobody's shutdown."""
    promised: Future[Any] = Future()

    def run() -> None:
        try:
            promised.set_result(work())
        except BaseException as error:
            promised.set_exception(error)

    threading.Thread(target=run, name="duecourse later", daemon=True).start()
    return promised
