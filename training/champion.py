"""Which model is in charge, which waits beside it, and who was before? Small files, read without MLflow.

The registry's aliases decide; the files follow them and are never written first (training/registry).
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from training.durable import write_whole

MODELS = "models"
MOVES = "moves.json"
Role = Literal["champion", "challenger", "last_served"]
"""The champion scores; the challenger scores in its shadow, and nobody is shown what it says; the model that a
service last served well is what it starts with where the champion cannot be used."""
VERSION = re.compile(r"[0-9a-f]{12}")


class NoChampion(LookupError):  # noqa: N818 - a state to report, not a fault
    """There is no model to score with; the text says what to do."""


@dataclass(frozen=True)
class Champion:
    """The model in a role: since when, by whose hand and why."""

    version: str
    since: str
    who: str
    why: str


def model_folder(home: Path, version: str) -> Path:
    """Where the model of a version lies."""
    return home / MODELS / version


def champion_folder(home: Path) -> Path:
    """The folder of the model in charge; NoChampion where there is none or its folder is gone."""
    champion = read_champion(home)
    if champion is None:
        raise NoChampion(f"no model yet in {home}: run `duecourse train LEDGER` first")
    folder = model_folder(home, champion.version)
    if not folder.is_dir():
        raise NoChampion(
            f"the model in charge, {champion.version}, has no folder in {home / MODELS}: "
            "`duecourse models` fetches it from the registry or moves back to another one"
        )
    return folder


def challenger_folder(home: Path) -> Path | None:
    """The folder of the challenger; None where there is none, NoChampion where pointer or folder are damaged."""
    challenger = read_pointer(home, "challenger")
    if challenger is None:
        return None
    folder = model_folder(home, challenger.version)
    if not folder.is_dir():
        raise NoChampion(f"the challenger, {challenger.version}, has no folder in {home / MODELS}")
    return folder


def read_champion(home: Path) -> Champion | None:
    """What the champion's pointer says, or None where nothing was ever in charge; NoChampion where it is damaged."""
    return read_pointer(home, "champion")


def read_pointer(home: Path, role: Role) -> Champion | None:
    """What the pointer of a role says, or None where nobody has it; NoChampion where it is damaged."""
    file = pointer_file(home, role)
    try:
        champion = Champion(**json.loads(file.read_bytes()))
        # the version names a folder: a text such as ../elsewhere must not lead out of the store
        if VERSION.fullmatch(champion.version):
            return champion
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NoChampion(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, RecursionError):
        pass
    raise NoChampion(f"{file} is damaged: `duecourse models` writes it anew")


def point_to(home: Path, champion: Champion, role: Role = "champion") -> None:
    """Write the pointer of a role, whole or not at all, also through a power cut."""
    file = pointer_file(home, role)
    file.parent.mkdir(parents=True, exist_ok=True)
    content = json.dumps(asdict(champion), indent=1, ensure_ascii=False)
    write_whole(file, content.encode("utf-8"))


def point_to_none(home: Path, role: Role = "champion") -> None:
    """Remove the pointer of a role."""
    pointer_file(home, role).unlink(missing_ok=True)


def pointer_file(home: Path, role: Role = "champion") -> Path:
    """Where the pointer of a role lies."""
    return home / MODELS / f"{role}.json"


def write_moves(home: Path, moves: list[dict[str, Any]]) -> None:
    """Write down every move of champion and challenger that took effect, oldest first, where that is new."""
    file = home / MODELS / MOVES
    content = json.dumps(moves, indent=1, ensure_ascii=False).encode("utf-8")
    if not file.is_file() or file.read_bytes() != content:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, content)


def read_moves(home: Path) -> list[dict[str, Any]] | None:
    """The moves that were written down; None where nobody has yet, or the file is damaged."""
    try:
        told = json.loads((home / MODELS / MOVES).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    needed = {"origin", "to", "who", "when", "why", "is_rollback", "role"}
    is_whole = isinstance(told, list) and all(
        isinstance(each, dict) and needed <= each.keys() for each in told
    )
    return told if is_whole else None
