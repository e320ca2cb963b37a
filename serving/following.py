"""Which model does a running service score with, and when does it take up another?

The champion's pointer is looked at every second or so. Another version there is verified, tried by a process
of its own, loaded and warmed up beside the requests; then one assignment puts it in the place of the old model,
on which requests that have begun are answered to their end. On any doubt (missing, damaged, not vouched for,
other features, failed its trial) the model at hand goes on, and why is said once in the log and, as long as it
holds, by `GET /v1/models/current`. So `duecourse models promote` and `rollback` need no restart, and with
several workers each of them follows by itself.

A service that starts while the champion cannot be used begins with the model that was last served well here.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.champion import (
    Champion,
    NoChampion,
    champion_folder,
    model_folder,
    point_to,
    pointer_file,
    read_champion,
    read_pointer,
)
from training.model import ArtefactError, RiskModel, describe_signature
from training.model.trial import load_tried

if TYPE_CHECKING:
    from serving.scoring import Scorer

log = logging.getLogger("bentoml.duecourse")
SECONDS_TO_TRY_AGAIN = 30
"""What was refused is looked at again after so long, or as soon as one of its files changes."""


@dataclass(frozen=True)
class Refused:
    """What is named as the champion, and why it does not score; version None where the pointer is at fault."""

    version: str | None
    why: str


class Following:
    """The champion of a home as one service process follows it; one thread asks, any may read `refused`."""

    def __init__(self, home: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._home = home
        self._clock = clock
        self._tried_at = 0.0
        self._stamp_then: Any = None
        self.refused: Refused | None = None

    def first(self) -> RiskModel:
        """The champion's model, or the one last served here where the champion cannot be used.

        Raises NoChampion or ArtefactError, as the champion does, where neither can be used.
        """
        version = None
        self._note_try()
        try:
            folder = champion_folder(self._home)
            version = folder.name
            model = load_tried(folder)
        except (NoChampion, ArtefactError) as error:
            self._refuse(version, error)
            with suppress(NoChampion, ArtefactError):
                return self._last_served(version)
            raise
        self.refused = None
        return model

    def _last_served(self, refused: str | None) -> RiskModel:
        last = read_pointer(self._home, "last_served")
        if last is None or last.version == refused:
            raise NoChampion("no other model was served here")
        model = load_tried(model_folder(self._home, last.version))
        log.warning("starting with model %s, which was last served here", last.version)
        return model

    def successor(self, scorer: Scorer) -> Scorer | None:
        """A Scorer by the champion's model, ready to answer; None where the present one is to go on."""
        version = None
        try:
            champion = read_champion(self._home)
            if champion is None:
                raise NoChampion("no model is in charge any more; the one at hand goes on")
            version = champion.version
            if version == scorer.model.version:
                self.refused = None
                return None
            if self.refused and self.refused.version == version and not self.is_worth_a_try():
                return None
            successor = scorer.with_model(load_tried(model_folder(self._home, version)))
            successor.warm_up()
        except Exception as error:  # whatever it is, the model at hand goes on
            self._refuse(version, error)
            return None
        self.serves(successor)
        return successor

    def serves(self, scorer: Scorer) -> None:
        """Note that a model answers well: the next start may fall back on it."""
        version = scorer.model.version
        if self.refused is None or self.refused.version == version:
            self.refused = None
        signature = describe_signature(model_folder(self._home, version))
        log.info("scoring as of the start of %s by model %s (%s)", scorer.as_of, version, signature)
        try:
            last = read_pointer(self._home, "last_served")
            if last is None or last.version != version:
                point_to(self._home, Champion(version, "", "service", "Served here."), "last_served")
        except (OSError, NoChampion) as error:
            log.warning("could not note model %s as served: %s", version, error)

    def is_worth_a_try(self) -> bool:
        """Whether what failed may have been mended since: a file of the model changed, or some time went by."""
        is_late = self._clock() - self._tried_at >= SECONDS_TO_TRY_AGAIN
        return is_late or self._stamp() != self._stamp_then

    def _note_try(self) -> None:
        self._tried_at, self._stamp_then = self._clock(), self._stamp()

    def _refuse(self, version: str | None, error: Exception) -> None:
        refused = Refused(version, str(error) or type(error).__name__)
        if refused != self.refused:
            log.warning("model %s is refused: %s", version or "of a damaged pointer", refused.why)
            if not isinstance(error, NoChampion | ArtefactError):
                log.error("a refusal that was not foreseen", exc_info=error)
        self.refused = refused
        self._note_try()

    def _stamp(self) -> Any:
        """What changes when the pointer, or a file of the model it names, is written anew."""
        files = [pointer_file(self._home)]
        with suppress(NoChampion, OSError):
            champion = read_champion(self._home)
            folder = model_folder(self._home, champion.version) if champion else self._home
            files += [folder, *sorted(folder.iterdir())] if champion else []
        return [_state(file) for file in files]


def _state(file: Path) -> Any:
    try:
        found = file.stat()
    except OSError:
        return None
    return file.name, found.st_ino, found.st_size, found.st_mtime_ns, found.st_mode
