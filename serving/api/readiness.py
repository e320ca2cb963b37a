"""Is the model verified and the ledger loaded, and if not, why?

Loading takes seconds and runs beside the event loop: the process is alive at once, and ready when it is done.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from serving.api.problems import ProblemError, busy

if TYPE_CHECKING:
    from serving.scoring import Scorer

log = logging.getLogger("bentoml.duecourse")


class Readiness:
    """Holds the Scorer once it is loaded, and until then the reason why there is none."""

    def __init__(self, load: Callable[[], Scorer], afterwards: Callable[[], None] = lambda: None) -> None:
        self._load = load
        self._afterwards = afterwards
        self._scorer: Scorer | None = None
        self._failure: str | None = None

    def start(self) -> None:
        """Begin to load in a thread; the process may end while it runs."""
        threading.Thread(target=self.load, name="loading", daemon=True).start()

    def load(self) -> None:
        """Load now; a failure is kept as the reason, because a live process that says why can be mended."""
        try:
            scorer = self._load()
        except Exception as error:
            log.exception("the service could not load")
            self._failure = f"{type(error).__name__}: {error}"
        else:
            self._scorer = scorer
            self._afterwards()

    def scorer(self) -> Scorer:
        """The loaded Scorer; raises the 503 problem that says why there is none."""
        if self._scorer is not None:
            return self._scorer
        if self._failure is None:
            raise self._loading()
        raise busy("not_loaded", f"{self._failure} Mend it and start the service again.", 60)

    def why_not_ready(self) -> ProblemError | None:
        """What /readyz answers anyone; the reason may name customers' rows, so only callers read it."""
        if self._scorer is not None:
            return None
        if self._failure is None:
            return self._loading()
        return busy("not_loaded", "The model or the ledger could not be loaded. The log says why.", 60)

    def _loading(self) -> ProblemError:
        return busy("loading", "The model and the ledger are being loaded. Ask again in a second.")
