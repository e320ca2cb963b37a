"""Who is in charge, who was before, and how does that change without ever being half done?

The champion alias is the truth. Moving it takes three steps, and an interruption between any two of them
leaves a whole state behind:
1. the move is written down, as a tag of the registered model (MLflow keeps no history of aliases);
2. the alias moves;
3. the pointer that scoring reads follows the alias (`reconcile`, repeated by every opening).
A move that was written down but not made is recognised by what follows: the next move, or the alias of today,
starts from somewhere else. Say A is champion, a move A to B is written down, and the power fails: the alias
still says A, not B, so that move never was.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from training import champion as pointer
from training.champion import Champion, NoChampion, model_folder
from training.model import ArtefactError, load_model
from training.registry.store import Registered, RegistryError, Store, explained
from training.settings import Tracking

MOVE_TAG = "move_"


@dataclass(frozen=True)
class Move:
    """The champion alias went from one version to another."""

    origin: str | None
    to: str
    who: str
    when: str
    why: str
    is_rollback: bool = False


@dataclass(frozen=True)
class Standing:
    """What the registry says at one moment. `noted` holds every move that was written down, made or not."""

    versions: dict[str, Registered]
    champion: str | None
    challenger: str | None
    noted: list[Move]

    def moves(self) -> list[Move]:
        """Every change of champion that took effect, oldest first."""
        next_origins = [move.origin for move in self.noted[1:]] + [self.champion]
        return [move for move, origin in zip(self.noted, next_origins, strict=False) if move.to == origin]

    def line(self) -> list[str]:
        """The champions that led to today's, oldest first, without those that were rolled back."""
        line: list[str] = []
        for move in self.moves():
            if not line and move.origin:
                line.append(move.origin)
            if move.is_rollback and move.to in line:
                line = line[: len(line) - line[::-1].index(move.to)]
            else:
                line.append(move.to)
        return line if self.champion is None or line[-1:] == [self.champion] else [*line, self.champion]

    def story(self, version: str) -> str | None:
        """Why a version that was ever in charge still is, or is no longer."""
        last = next((move for move in reversed(self.moves()) if version in (move.origin, move.to)), None)
        if last is None or last.to == version:
            return last.why if last else None
        return f"It gave way to {last.to} on {last.when[:10]} ({last.who}). {last.why}"

    def registered(self, version: str) -> Registered:
        """A version by its hash; RegistryError, naming the known ones, where there is none."""
        if version not in self.versions:
            known = ", ".join(self.versions) or "none yet; run `duecourse train LEDGER` first"
            raise RegistryError(f"there is no model version {version!r}; registered: {known}")
        return self.versions[version]


class Succession:
    """How the champion of one home changes."""

    def __init__(self, home: Path, store: Store, tracking: Tracking, clock: Callable[[], datetime]) -> None:
        self._home = home
        self._store = store
        self._tracking = tracking
        self._clock = clock

    def standing(self) -> Standing:
        """What the registry says now."""
        versions = self._store.versions()
        aliases, tags = self._store.aliases_and_tags()
        by_number = {found.number: version for version, found in versions.items()}
        champion, challenger = (
            by_number.get(aliases.get(alias, -1))
            for alias in (self._tracking.champion_alias, self._tracking.challenger_alias)
        )
        noted = [Move(**json.loads(tags[key])) for key in sorted(tags) if key.startswith(MOVE_TAG)]
        return Standing(versions, champion, challenger, noted)

    def challenge(self, found: Registered) -> None:
        """Make a version the challenger."""
        self._store.set_alias(self._tracking.challenger_alias, found)

    def move(
        self, standing: Standing, found: Registered, who: str, why: str, is_rollback: bool = False
    ) -> None:
        """Put a version in charge once its folder is verified; RegistryError, and no change, where it is not."""
        self._check(found)
        when = self._clock().isoformat(timespec="seconds")
        move = Move(standing.champion, found.version, who, when, why, is_rollback)
        key = f"{MOVE_TAG}{len(standing.noted) + 1:06d}"
        self._store.tag_model(key, json.dumps(asdict(move), ensure_ascii=False))
        self._store.set_alias(self._tracking.champion_alias, found)
        self.reconcile()

    def _check(self, found: Registered) -> None:
        folder = model_folder(self._home, found.version)
        if not folder.is_dir():
            with explained(f"fetch model {found.version}, which has no folder here, from the registry"):
                self._store.fetch(found, folder)
        try:
            load_model(folder)
        except ArtefactError as error:
            raise RegistryError(f"{found.version} cannot be put in charge: {error}") from error

    def reconcile(self) -> None:
        """Make what scoring reads follow the alias, and nobody both champion and challenger."""
        standing, pointed_at = self.standing(), self._pointed_at()
        champion = standing.champion
        if champion is None:
            # A pointer to a model that this registry has never heard of is not its to remove.
            if pointed_at in standing.versions:
                pointer.point_to_none(self._home)
            return
        if champion == standing.challenger:
            self._store.delete_alias(self._tracking.challenger_alias)
        folder = model_folder(self._home, champion)
        if not folder.is_dir():
            # Opening must not fail for it: training again is one way to mend a lost model.
            with suppress(RegistryError), explained("fetch the champion"):
                self._store.fetch(standing.versions[champion], folder)
        if pointed_at != champion:
            pointer.point_to(self._home, self._described(champion, standing))

    def _pointed_at(self) -> str | None:
        try:
            found = pointer.read_champion(self._home)
        except NoChampion:
            return None
        return found.version if found else None

    def _described(self, version: str, standing: Standing) -> Champion:
        last = next((move for move in reversed(standing.moves()) if move.to == version), None)
        if last is None:
            since = self._clock().isoformat(timespec="seconds")
            return Champion(version, since, "unknown", "The alias was moved outside duecourse.")
        return Champion(version, last.when, last.who, last.why)
