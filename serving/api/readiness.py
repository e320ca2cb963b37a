"""Is the model verified and the ledger loaded, and if not, why? Which Scorer answers now, beside which desk?

Loading takes seconds and runs beside the event loop: the process is alive at once, and ready when it is done.
The same thread then follows the champion (serving/following.py).
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from serving.api.problems import ProblemError, busy

if TYPE_CHECKING:
    from serving.following import Following
    from serving.office import Office
    from serving.scoring import Scorer

log = logging.getLogger("bentoml.duecourse")
READY = "worker %d is ready"
"""Each worker says so once: those beside it may be loading still, and answer 503."""


class Readiness:
    """Holds the Scorer once it is loaded, and until then the reason why there is none."""

    def __init__(
        self,
        load: Callable[[], Scorer],
        afterwards: Callable[[], None] = lambda: None,
        following: Following | None = None,
        open_office: Callable[[Scorer], Office] | None = None,
    ) -> None:
        self._load = load
        self._open_office = open_office
        self._office: Office | None = None
        self._afterwards = afterwards
        self._following = following
        self._scorer: Scorer | None = None
        self._failure: str | None = None

    def start(self, seconds: float) -> None:
        """Begin to load in a thread, then look for another champion every so many seconds; it ends with the process."""
        threading.Thread(target=self._run, args=(seconds,), name="loading", daemon=True).start()

    def _run(self, seconds: float) -> None:
        self.load()
        while self._following is not None:
            time.sleep(seconds)
            self.look()

    def load(self) -> None:
        """Load now; a failure is kept as the reason, because a live process that says why can be mended."""
        try:
            scorer = self._load()
            self._office = self._open_office(scorer) if self._open_office else None
            self._prepare(scorer)
        except Exception as error:
            failure = f"{type(error).__name__}: {error}"
            if failure != self._failure:
                log.exception("the service could not load")
            self._failure = failure
        else:
            self._scorer = scorer
            self._afterwards()
            log.info(READY, os.getpid())

    def look(self) -> None:
        """Take up the model in charge, if it is another one and can be used; load again if nothing is loaded."""
        if self._following is None:
            return
        if self._scorer is None:
            if self._following.is_worth_a_try():
                self.load()
            return
        successor = self._following.successor(self._scorer)
        if successor is not None:
            self._prepare(successor)
            # One assignment: a request reads the Scorer once, so it is answered by one whole model.
            self._scorer = successor

    def _prepare(self, scorer: Scorer) -> None:
        """Do what takes long in a large book before anybody asks; what fails is told to whoever asks."""
        if self._office is None:
            return
        try:
            self._office.prepare(scorer)
        except Exception:
            log.exception("the first list could not be made ahead")

    def refused(self) -> dict[str, Any] | None:
        """The champion that is named but does not score, and why; None where the champion scores."""
        refused = self._following.refused if self._following else None
        return asdict(refused) if refused else None

    def scorer(self) -> Scorer:
        """The loaded Scorer; raises the 503 problem that says why there is none."""
        if self._scorer is not None:
            return self._scorer
        if self._failure is None:
            raise self._loading()
        raise busy("not_loaded", f"{self._failure} Mend it; the service tries again by itself.", 60)

    def office(self) -> Office:
        """The desk beside the book; there once the Scorer is."""
        self.scorer()
        assert self._office is not None
        return self._office

    def why_not_ready(self) -> ProblemError | None:
        """What /readyz answers anyone; the reason may name customers' rows, so only callers read it."""
        if self._scorer is not None:
            return None
        if self._failure is None:
            return self._loading()
        what = "model in charge" if self.refused() else "model or the ledger"
        return busy("not_loaded", f"The {what} could not be loaded. The log says why.", 60)

    def _loading(self) -> ProblemError:
        return busy("loading", "The model and the ledger are being loaded. Ask again in a second.")
