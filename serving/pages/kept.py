"""What need not be worked out twice? Whatever covers the book, once for each moment: the worklist first of all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from serving.live import LiveScorer
from serving.office import Office
from serving.worklist import Worklist

T = TypeVar("T")


class Kept:
    """One makes what is missing, the others wait for it instead of doing the same.

    A moment ends with the next write at the desk, with another model, policy or book.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._moment: LiveScorer | None = None
        self._made: dict[str, Any] = {}

    def once(self, live: LiveScorer, name: str, make: Callable[[], T]) -> T:
        """What was made under this name at this moment, or what `make` makes now."""
        with self._lock:
            if self._moment is not live:
                self._moment, self._made = live, {}
            if name not in self._made:
                self._made[name] = make()
            found: T = self._made[name]
            return found

    def worklist(self, office: Office, live: LiveScorer) -> Worklist:
        """The list of the book day with the policy's places, while desk, model and policy stand."""
        return self.once(live, "worklist", lambda: office.worklist(live))

    def left_out(self, office: Office, live: LiveScorer) -> dict[str, dict[str, Any]]:
        """Every case that is not on that list, by its number, and why."""

        def by_case() -> dict[str, dict[str, Any]]:
            rows = self.worklist(office, live).left_out.to_dict(orient="records")
            return {str(row["case_id"]): {str(name): value for name, value in row.items()} for row in rows}

        return self.once(live, "left_out", by_case)
