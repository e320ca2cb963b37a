"""Does any damaged model bring the service down, or answer in its place? `python -m tests.damage --artefacts 1000`

Each artefact is a copy of a good model with one random damage, or a forgery, or a damaged pointer. It is named
as the champion of a running service that callers ask without a pause. The service must refuse it and say so,
live on as the same process, and give no answer but those of the model that was in charge before.
`--against library` asks the same of the loading code alone, which is quicker. Files that were changed and signed
again are damage too (tests/damages.py says why): no such model may be loaded.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.damages import KINDS, broken_pointer
from tests.live_service import Home, asked_by, served, trained_home, worker
from tests.test_service_process import Server
from training.champion import MODELS, Champion, NoChampion, champion_folder, point_to, pointer_file
from training.model import ArtefactError
from training.model.signing import KEY
from training.model.trial import load_tried

SECONDS = 150


@dataclass(frozen=True)
class Found:
    """What came of the artefacts."""

    outcomes: Counter[tuple[str, str]]
    """Kind and outcome."""
    wrong: list[str]
    """Answers that failed or were another model's, and damage that nobody noticed."""
    answers: int
    crashes: int


class Workshop:
    """Puts one damaged model after another in the place of the champion, and the good one back."""

    def __init__(self, home: Home, scratch: Path, seed: int) -> None:
        self.home = home
        self.draw = random.Random(seed)
        self._pristine = scratch / "pristine"
        good, self.victim = home.versions
        self._good = Champion(good, "2026-01-01", "damage", "The good one.")
        self._models = home.folder / MODELS
        shutil.copytree(self._models / self.victim, self._pristine)
        self.restore()

    def restore(self) -> None:
        """The good model in charge."""
        pointer = pointer_file(self.home.folder)
        if pointer.is_dir():
            pointer.rmdir()
        point_to(self.home.folder, self._good)

    def close(self) -> None:
        """Both models as they were."""
        self.restore()
        victim = self._models / self.victim
        shutil.rmtree(victim, ignore_errors=True)
        shutil.copytree(self._pristine, victim)

    @contextmanager
    def artefact(self, kind: str) -> Iterator[None]:
        """A damaged model in charge, for the length of the block."""
        target = self._models / self.victim
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self._pristine, target)
        damage = KINDS[kind][1]
        if damage is not None:
            target = damage(target, self.draw)
        champion = Champion(target.name, "2026-01-01", "damage", kind)
        if damage is None:
            broken_pointer(pointer_file(self.home.folder), champion, self.draw)
        else:
            point_to(self.home.folder, champion)
        yield
        self.restore()
        shutil.rmtree(target, ignore_errors=True)

    def kinds(self, artefacts: int) -> list[str]:
        """So many kinds, each with its share, in random order."""
        names, shares = list(KINDS), [share for share, _ in KINDS.values()]
        some = names * (1 if artefacts >= len(names) else 0)
        some += self.draw.choices(names, shares, k=artefacts - len(some))
        self.draw.shuffle(some)
        return some


WORDS = {
    "ended the process": "broke its trial",
    "kept its trial busy": "broke its trial",
    "is not the one that was saved": "another model in its trial",
    "does not reproduce its golden": "other answers in its trial",
    "cannot be read (": "unreadable in its trial",
    "is not vouched for": "not vouched for",
    "was changed after": "hash does not fit",
    "does not match its name": "hash does not fit",
    "missing": "not there",
    "no folder": "not there",
    "no model is in charge": "not there",
    "damaged": "pointer unreadable",
    "cannot be read:": "pointer unreadable",
}


def in_short(why: str) -> str:
    return next((short for words, short in WORDS.items() if words in why), why)


def against_service(shop: Workshop, artefacts: int, callers: int, log: Path, progress: bool = False) -> Found:
    """What a running service makes of so many damaged models."""
    outcomes: Counter[tuple[str, str]] = Counter()
    unnoticed: list[str] = []
    good = shop.home.versions[0]
    with served(shop.home, log) as server:
        process = worker(server)
        # Ctrl+C ends it with the figures so far
        with asked_by(callers, server, shop.home, {good}) as asking, suppress(KeyboardInterrupt):
            for number, kind in enumerate(shop.kinds(artefacts), 1):
                with shop.artefact(kind):
                    why = _told(server, good, lambda refused: refused is not None)
                outcomes[kind, in_short(why)] += 1
                unnoticed += [f"{kind}: {why}"] if why.startswith("unnoticed") else []
                _told(server, good, lambda refused: refused is None)
                if progress and number % 50 == 0:
                    print(
                        f"{number} artefacts, {asking.answers:,} answers, wrong: {asking.wrong[:3]}",
                        flush=True,
                    )
        crashes = int(not process.is_running()) + int(worker(server).pid != process.pid)
    return Found(outcomes, asking.wrong + unnoticed, asking.answers, crashes)


def _told(server: Server, good: str, is_awaited: Callable[[object], bool]) -> str:
    """Wait until the service says of a refused champion what is awaited; why it refuses."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        status, content = server.ask("/v1/models/current")
        card = json.loads(content)
        if status != 200 or card["model_version"] != good:
            return f"unnoticed: {status}, served {card.get('model_version')}"
        if is_awaited(card["refused"]):
            return card["refused"]["why"] if card["refused"] else ""
        time.sleep(0.02)
    return "unnoticed: nothing was said in time"


def against_library(shop: Workshop, artefacts: int) -> Found:
    """What the loading code makes of so many damaged models; a crash would end this process."""
    outcomes: Counter[tuple[str, str]] = Counter()
    wrong = []
    for kind in shop.kinds(artefacts):
        with shop.artefact(kind):
            try:
                model = load_tried(champion_folder(shop.home.folder))
            except (ArtefactError, NoChampion) as error:
                outcomes[kind, in_short(str(error))] += 1
            else:
                wrong.append(f"{kind}: loaded as {model.version}")
    return Found(outcomes, wrong, 0, 0)


def told(found: Found) -> list[str]:
    """The figures, for people."""
    lines = [f"{number:5}  {kind:34} {outcome}" for (kind, outcome), number in sorted(found.outcomes.items())]
    return [
        *lines,
        f"{sum(found.outcomes.values()):5}  damaged artefacts, {found.answers:,} requests meanwhile",
        f"crashes of the service: {found.crashes}",
        f"failed requests, or answers of a wrong model: {len(found.wrong)} {found.wrong[:3] or ''}",
    ]


def main() -> None:
    """Print the figures; exit code 1 where the service fell or answered wrongly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--artefacts", type=int, default=1000)
    parser.add_argument("--callers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--against", choices=["service", "library"], default="service")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ |= {KEY: str(Path(scratch) / "signing-key.pem"), "DUECOURSE_FOLLOW_SECONDS": "0.05"}
        shop = Workshop(trained_home(Path(scratch) / "book"), Path(scratch), given.seed)
        if given.against == "library":
            found = against_library(shop, given.artefacts)
        else:
            found = against_service(
                shop, given.artefacts, given.callers, Path(scratch) / "log", progress=True
            )
        print(*told(found), sep="\n")
        raise SystemExit(1 if found.wrong or found.crashes else 0)


if __name__ == "__main__":
    main()
