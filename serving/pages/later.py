"""What takes too long for one answer? It is begun once, goes on by itself, and is shown as soon as it is done.

Whoever asks waits a moment, in case it is quick; then the page says since when it is being worked out. A service that
people look at begins by itself with the first of them, so that hardly anybody meets that.
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
Begun = tuple[object, Future[Any], datetime]
"""What a work is for, what it will find, and since when it is being done."""


@dataclass(frozen=True)
class Waiting:
    """It is still being worked out."""

    since: datetime

    def seconds(self, now: datetime) -> int:
        """For how long, in full seconds."""
        return int((now - self.since).total_seconds())


class Later:
    """The works of a service, by name: the latest of each is kept."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._begun: dict[str, Begun] = {}
        self._ahead: object = None

    def begin(self, anchor: object, works: Works, now: Callable[[], datetime]) -> None:
        """Do all works for an anchor, one after another, before anybody asks; once for each anchor."""
        with self._lock:
            if self._ahead is anchor:
                return
            self._ahead = anchor

        def run() -> None:
            for name, work in works.items():
                if self._ahead is not anchor:  # another book took its place
                    return
                begun, _ = self._start(anchor, {name: work}, now())
                wait([future for _, future, _ in begun.values()])

        threading.Thread(target=run, name="duecourse ahead", daemon=True).start()

    def found(
        self, anchor: object, works: Works, now: datetime, patience: float | None = None
    ) -> dict[str, Any]:
        """What each work found for this anchor (the book it is of, say), or Waiting where it is still at it.

        What one raises is raised once; the next caller begins it anew.
        """
        begun, is_fresh = self._start(anchor, works, now)
        if is_fresh:
            wait(
                [future for _, future, _ in begun.values()], self._patience if patience is None else patience
            )
        return {name: self._of(name, future, since) for name, (_, future, since) in begun.items()}

    def _start(self, anchor: object, works: Works, now: datetime) -> tuple[dict[str, Begun], bool]:
        """The works as they stand, and whether any of them was begun just now."""
        with self._lock:
            # what was found for a book that gave way to another would hold that book in memory
            self._begun = {
                name: each
                for name, each in self._begun.items()
                if each[0] is anchor or not each[1].done() or name in works
            }
            fresh = [name for name in works if self._begun.get(name, (None,))[0] is not anchor]
            self._begun |= {name: (anchor, _begun(works[name]), now) for name in fresh}
            return {name: self._begun[name] for name in works}, bool(fresh)

    def under_way(self, name: str, patience: float | None = None) -> Waiting | None:
        """Since when a work is being done, where it does not end within moments; raises, once, what it raised."""
        with self._lock:
            begun = self._begun.get(name)
        if begun is None:
            return None
        wait([begun[1]], self._patience if patience is None else patience)
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


class Again:
    """A work in a thread of its own, done once more where it was asked for while it was being done."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._is_asked = self._is_at_it = False

    def ask(self) -> None:
        """Have it done from now on."""
        with self._lock:
            self._is_asked = True
            if self._is_at_it:
                return
            self._is_at_it = True
        threading.Thread(target=self._run, name="duecourse again", daemon=True).start()

    def _run(self) -> None:
        while self._goes_on():
            self._work()

    def _goes_on(self) -> bool:
        with self._lock:
            self._is_asked, self._is_at_it = False, self._is_asked
            return self._is_at_it


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
