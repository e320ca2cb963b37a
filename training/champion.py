"""Which model is in charge? A small pointer file beside the model folders, read without MLflow.

The registry's alias decides; the pointer follows it and is never written first (training/registry.py).
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

MODELS = "models"
POINTER = "champion.json"


class NoChampion(LookupError):  # noqa: N818 - a state to report, not a fault
    """There is no model to score with; the text says what to do."""


@dataclass(frozen=True)
class Champion:
    """The model in charge: since when, by whose hand and why."""

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


def read_champion(home: Path) -> Champion | None:
    """What the pointer says, or None where nothing was ever in charge; NoChampion where it is damaged."""
    pointer = home / MODELS / POINTER
    try:
        return Champion(**json.loads(pointer.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        raise NoChampion(f"{pointer} is damaged: `duecourse models` writes it anew") from None


def point_to(home: Path, champion: Champion) -> None:
    """Write the pointer, whole or not at all, also through a power cut."""
    folder = home / MODELS
    folder.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=folder, prefix=".writing-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(asdict(champion), file, indent=1, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        Path(scratch).replace(folder / POINTER)
    finally:
        Path(scratch).unlink(missing_ok=True)
    _make_durable(folder)


def point_to_none(home: Path) -> None:
    """Remove the pointer."""
    (home / MODELS / POINTER).unlink(missing_ok=True)


def _make_durable(folder: Path) -> None:
    """A rename survives a power cut only once its folder is on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
