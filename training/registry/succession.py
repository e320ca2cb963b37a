"""Who is in charge, who waits, who was before, and how does that change without ever being half done?

The aliases are the truth. Moving one takes three steps, and an interruption between any two of them leaves a
whole state behind:
1. the move is written down, as a tag of the registered model (MLflow keeps no history of aliases);
2. the alias moves;
3. the pointer that scoring reads, and the moves that pages show, follow the alias (`reconcile`, repeated by
   every opening).
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
from training.champion import Champion, NoChampion, Role, model_folder
from training.model import ArtefactError
from training.model.trial import load_tried
from training.registry.store import Registered, RegistryError, Store, explained
from training.settings import Tracking

MOVE_TAGS: dict[Role, str] = {"champion": "move_", "challenger": "challenge_"}


@dataclass(frozen=True)
class Move:
    """An alias went from one version to another; from or to None where nobody had or has it."""

    origin: str | None
    to: str | None
    who: str
    when: str
    why: str
    is_rollback: bool = False
    role: Role = "champion"


@dataclass(frozen=True)
class Standing:
    """What the registry says at one moment. `noted` holds the moves that were written down, made or not."""

    versions: dict[str, Registered]
    champion: str | None
    challenger: str | None
    noted: dict[Role, list[Move]]

    def holder(self, role: Role) -> str | None:
        """The version in a role."""
        return self.champion if role == "champion" else self.challenger

    def moves(self, role: Role = "champion") -> list[Move]:
        """Every change of a role that took effect, oldest first."""
        noted = self.noted[role]
        next_origins = [move.origin for move in noted[1:]] + [self.holder(role)]
        return [move for move, origin in zip(noted, next_origins, strict=False) if move.to == origin]

    def all_moves(self) -> list[Move]:
        """Every change of both roles that took effect, oldest first."""
        return sorted(self.moves("champion") + self.moves("challenger"), key=lambda move: move.when)

    def line(self) -> list[str]:
        """The champions that led to today's, oldest first, without those that were rolled back."""
        line: list[str] = []
        for move in self.moves():
            if not line and move.origin:
                line.append(move.origin)
            assert move.to is not None  # nothing of duecourse takes the champion away without another
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
        noted: dict[Role, list[Move]] = {
            role: [Move(**json.loads(tags[key])) for key in sorted(tags) if key.startswith(prefix)]
            for role, prefix in MOVE_TAGS.items()
        }
        return Standing(versions, champion, challenger, noted)

    def challenge(self, standing: Standing, found: Registered, who: str, why: str) -> None:
        """Make a version the challenger."""
        if standing.challenger != found.version:
            self._note(standing, "challenger", found.version, who, why)
            self._store.set_alias(self._tracking.challenger_alias, found)
        self.reconcile()

    def move(
        self, standing: Standing, found: Registered, who: str, why: str, is_rollback: bool = False
    ) -> None:
        """Put a version in charge once its folder is verified and tried; RegistryError, and no change, else."""
        self._check(found)
        self._note(standing, "champion", found.version, who, why, is_rollback)
        self._store.set_alias(self._tracking.champion_alias, found)
        self.reconcile()

    def _note(
        self, standing: Standing, role: Role, to: str | None, who: str, why: str, is_rollback: bool = False
    ) -> None:
        """Write a move down before it is made."""
        when = self._clock().isoformat(timespec="seconds")
        move = Move(standing.holder(role), to, who, when, why, is_rollback, role)
        key = f"{MOVE_TAGS[role]}{len(standing.noted[role]) + 1:06d}"
        self._store.tag_model(key, json.dumps(asdict(move), ensure_ascii=False))

    def _check(self, found: Registered) -> None:
        folder = model_folder(self._home, found.version)
        if not folder.is_dir():
            with explained(f"fetch model {found.version}, which has no folder here, from the registry"):
                self._store.fetch(found, folder)
        try:
            load_tried(folder)
        except ArtefactError as error:
            raise RegistryError(f"{found.version} cannot be put in charge: {error}") from error

    def reconcile(self) -> None:
        """Make what scoring reads follow the aliases, and nobody both champion and challenger."""
        standing = self.standing()
        if standing.champion is not None and standing.champion == standing.challenger:
            self._end_challenge(standing)
            standing = self.standing()
        self._follow(standing, "champion")
        self._follow(standing, "challenger")
        pointer.write_moves(self._home, [asdict(move) for move in standing.all_moves()])

    def _end_challenge(self, standing: Standing) -> None:
        """The challenger took charge: nobody waits any more."""
        last = self._described(standing.champion or "", standing, "champion")
        self._note(standing, "challenger", None, last.who, "It took charge.")
        self._store.delete_alias(self._tracking.challenger_alias)

    def _follow(self, standing: Standing, role: Role) -> None:
        holder, pointed_at = standing.holder(role), self._pointed_at(role)
        if holder is None:
            # A pointer to a model that this registry has never heard of is not its to remove.
            if pointed_at in standing.versions:
                pointer.point_to_none(self._home, role)
            return
        folder = model_folder(self._home, holder)
        if not folder.is_dir():
            # Opening must not fail for it: training again is one way to mend a lost model.
            with suppress(RegistryError), explained(f"fetch the {role}"):
                self._store.fetch(standing.versions[holder], folder)
        if pointed_at != holder:
            pointer.point_to(self._home, self._described(holder, standing, role), role)

    def _pointed_at(self, role: Role) -> str | None:
        try:
            found = pointer.read_pointer(self._home, role)
        except NoChampion:
            return None
        return found.version if found else None

    def _described(self, version: str, standing: Standing, role: Role) -> Champion:
        last = next((move for move in reversed(standing.moves(role)) if move.to == version), None)
        if last is None:
            since = self._clock().isoformat(timespec="seconds")
            return Champion(version, since, "unknown", "The alias was moved outside duecourse.")
        return Champion(version, last.when, last.who, last.why)
