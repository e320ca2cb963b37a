"""What was trained, and does it take charge? Trainings are recorded, judged and listed here."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from training.champion import model_folder
from training.evaluation import Evaluation
from training.gates import GateResult, headline
from training.model import RiskModel
from training.registry.store import VERSION_TAG, Registered, RegistryError, Store, alone_in, explained
from training.registry.succession import Move, Standing, Succession
from training.settings import Settings

VERDICT_TAG = "verdict"
UNSAID = ""


@dataclass(frozen=True)
class Decision:
    """Whether a version is in charge after its gates were judged, and why."""

    promoted: bool
    why: str


class Registry:
    """The trainings and versions of one home; opening it finishes what an interruption left undone."""

    @explained("open the model registry")
    def __init__(self, home: Path, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._home = home.resolve()
        self._clock = clock
        self._home.mkdir(parents=True, exist_ok=True)
        with alone_in(self._home):
            self._store = Store(self._home, settings.tracking)
            self._succession = Succession(self._home, self._store, settings.tracking, clock)
            self._succession.reconcile()

    @explained("record the training")
    def log_training(
        self,
        model: RiskModel,
        evaluation: Evaluation | None,
        parameters: dict[str, Any],
        report_files: list[Path],
        data_fingerprint: str,
    ) -> str:
        """Record the training of a saved model as a run, register its version, and return the run's id.

        A model of the same content is one version, however often it is trained.
        """
        tags = self._tags(model, evaluation, data_fingerprint)
        figures, texts = figures_of(evaluation), {name: str(value) for name, value in parameters.items()}
        folder, now_ms = model_folder(self._home, model.version), int(self._clock().timestamp() * 1000)
        with self._store.run(model.version, tags, now_ms) as run_id:
            self._store.log(run_id, figures, texts, folder, report_files, now_ms)
        with alone_in(self._home):
            if model.version not in self._store.versions():
                self._store.register(run_id, tags)
        return run_id

    def _tags(self, model: RiskModel, evaluation: Evaluation | None, fingerprint: str) -> dict[str, str]:
        figures, first = figures_of(evaluation), model.horizons[0].target
        return {
            VERSION_TAG: model.version,
            "trained_as_of": model.card["trained_on_facts_before"],
            "created": self._clock().isoformat(timespec="seconds"),
            "late_after_days": str(model.rule.late_after_days),
            "calendar_days": json.dumps(model.rule.calendar_days),
            "data_fingerprint": fingerprint,
            "feature_fingerprint": model.card["feature_fingerprint"],
            "roc_auc": json.dumps(figures.get(f"{first}/model/roc_auc")),
            "brier": json.dumps(figures.get(f"{first}/model/brier")),
        }

    @explained("promote the model")
    def promote_if(
        self, version: str, results: list[GateResult], who: str = "train", judged_against: str | None = UNSAID
    ) -> Decision:
        """Put a version in charge if all its gates hold, or if nobody is; else it becomes the challenger.

        `judged_against` is the champion that the gates compared it with, None where there was none: with another
        one in charge by now, they say nothing, and RegistryError is raised.
        """
        if not results:
            raise ValueError("no gate was judged: pass the results of training.gates.judge")
        is_missed, why = not all(result.ok for result in results), headline(results)
        with alone_in(self._home):
            standing = self._succession.standing()
            found, incumbent = standing.registered(version), standing.champion
            if incumbent == version:
                return Decision(True, "It is the champion already: the same content gives the same version.")
            if incumbent and judged_against not in (UNSAID, incumbent):
                raise RegistryError(
                    f"the champion is {incumbent} now, and {version} was held against "
                    f"{judged_against or 'nobody'}: run the command again"
                )
            # A champion that this registry has never heard of (a copied folder) is a champion all the same.
            in_charge = incumbent or judged_against
            if in_charge and is_missed:
                kept = f"The champion {in_charge} stays. {why}"
                self._store.tag_version(found, VERDICT_TAG, kept)
                self._succession.challenge(standing, found, who, why)
                return Decision(False, kept)
            if is_missed:
                why = f"There was no champion yet: the first model takes charge, with its shortfalls. {why}"
            self._succession.move(standing, found, who, why)
            return Decision(True, why)

    @explained("change the champion")
    def set_champion(self, version: str, who: str, why: str) -> None:
        """Put a registered version in charge, whatever its gates said, once its folder is verified."""
        with alone_in(self._home):
            standing = self._succession.standing()
            found = standing.registered(version)
            if standing.champion != version:
                self._succession.move(standing, found, who, why)

    @explained("roll back")
    def rollback(self, who: str, why: str) -> str:
        """Put the champion before this one back in charge and return its version; repeated, go further back."""
        with alone_in(self._home):
            standing = self._succession.standing()
            earlier = standing.line()[:-1]
            if not earlier:
                raise RegistryError(
                    "there is no earlier champion to go back to: choose a version that `duecourse models` lists, "
                    "or train again"
                )
            found = standing.registered(earlier[-1])
            self._succession.move(standing, found, who, why, is_rollback=True)
            return earlier[-1]

    @explained("read the history of the champion")
    def moves(self) -> list[Move]:
        """Every change of champion that took effect, oldest first."""
        return self._succession.standing().moves()

    @explained("read the history of champion and challenger")
    def all_moves(self) -> list[Move]:
        """Every change of champion and of challenger that took effect, oldest first."""
        return self._succession.standing().all_moves()

    @explained("list the models")
    def list_versions(self) -> list[dict[str, Any]]:
        """Every version, newest first: its target, figures of the rehearsal, aliases, and why it is where it is."""
        standing = self._succession.standing()
        aliases, _ = self._store.aliases_and_tags()
        return [_described(found, aliases, standing) for found in standing.versions.values()]


def figures_of(evaluation: Evaluation | None) -> dict[str, float]:
    """The figures of all rows as MLflow names them, such as `p_late/model/roc_auc`; the rest is in the report."""
    figures: dict[str, float | None] = {}
    for target, found in evaluation.targets.items() if evaluation else ():
        group = found.overall
        counts = {
            "rows": group.rows,
            "late": group.late,
            "rate": group.rate,
            "brier": group.brier_of_constant,
        }
        figures |= {f"{target}/constant/{name}": value for name, value in counts.items()}
        for model, measures in group.models.items():
            figures |= {f"{target}/{model}/{name}": measured.value for name, measured in measures.items()}
    return {name: float(value) for name, value in figures.items() if value is not None}


def _described(found: Registered, aliases: dict[str, int], standing: Standing) -> dict[str, Any]:
    tags = found.tags
    judged = tags.get(VERDICT_TAG, "It was not judged: its training was interrupted.")
    return {
        "version": found.version,
        "number": found.number,
        "trained_as_of": tags["trained_as_of"],
        "created": tags["created"],
        "aliases": sorted(alias for alias, number in aliases.items() if number == found.number),
        "late_after_days": int(tags["late_after_days"]),
        "calendar_days": json.loads(tags["calendar_days"]),
        "roc_auc": json.loads(tags["roc_auc"]),
        "brier": json.loads(tags["brier"]),
        "promoted": any(move.to == found.version for move in standing.moves()),
        "why": standing.story(found.version) or judged,
    }
