"""Which models were trained, which one is in charge, and why? The only file that speaks to MLflow.

A training becomes a run (parameters, figures, model folder, reports) and its model a registered version. The
champion alias is the truth about who is in charge. Moving it takes three steps, and an interruption between
any two of them leaves a whole state behind:
1. the move is written down, as a tag of the registered model (MLflow keeps no history of aliases);
2. the alias moves;
3. the pointer that scoring reads follows the alias (`reconcile`, which every opening repeats).
A move that was written down but not made is recognised by what follows: the next move, or the alias itself,
starts from somewhere else.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

# MLflow reads these when it is imported.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SADeprecationWarning, SQLAlchemyError

from training import champion as pointer
from training.champion import Champion, NoChampion, model_folder
from training.evaluation import Evaluation
from training.gates import GateResult
from training.model import ArtefactError, RiskModel, load_model
from training.settings import Settings

MODEL_ARTEFACT, REPORTS = "model", "reports"
VERSION_TAG, VERDICT_TAG, MOVE_TAG = "duecourse_version", "verdict", "move_"


class RegistryError(RuntimeError):
    """The registry could not do what was asked; the text says what and how to mend it."""


@dataclass(frozen=True)
class Move:
    """The champion alias went from one version to another."""

    origin: str | None
    to: str
    who: str
    when: str
    why: str


@dataclass(frozen=True)
class Decision:
    """Whether a version is in charge after its gates were judged, and why."""

    promoted: bool
    why: str


@contextmanager
def _explained(doing: str) -> Iterator[None]:
    """MLflow's own messages may hold rows of data and passwords of addresses: only their kind is passed on."""
    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        kind = getattr(error, "error_code", None) or type(error).__name__
        raise RegistryError(
            f"could not {doing} ({kind}): check that DUECOURSE_HOME can be written and has room, "
            "and that tracking.uri in mlflow.yaml can be reached; then run the command again"
        ) from None


class Registry:
    """The trainings and versions of one home; opening it finishes what an interruption left undone."""

    @_explained("open the model registry")
    def __init__(self, home: Path, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._home = home.resolve()
        self._tracking = settings.tracking
        self._clock = clock
        self._home.mkdir(parents=True, exist_ok=True)
        uri = self._tracking.uri or f"sqlite:///{self._home / 'mlflow.db'}"
        with self._alone(), warnings.catch_warnings():
            # A deprecation between MLflow and SQLAlchemy that nobody here can act on.
            warnings.filterwarnings("ignore", r"The ``noload`` loader", SADeprecationWarning)
            self._client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            self._experiment = self._experiment_id()
            self._ensure_registered_model()
            self._reconcile()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process of this home at a time; a process that dies lets go."""
        with (self._home / ".registry.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _experiment_id(self) -> str:
        """The experiment of this home. One that came here with a moved or copied home is set aside, because
        MLflow would go on writing to where the home was before."""
        name = self._tracking.experiment
        location = None if self._tracking.uri else (self._home / "artifacts").as_uri()
        found = self._client.get_experiment_by_name(name)
        if found is not None and found.lifecycle_stage == "deleted":
            self._client.restore_experiment(found.experiment_id)
        if found is not None and location in (None, found.artifact_location):
            return str(found.experiment_id)
        if found is not None:
            self._client.rename_experiment(
                found.experiment_id, f"{name}, before it moved here ({found.experiment_id})"
            )
        return str(self._client.create_experiment(name, artifact_location=location))

    def _ensure_registered_model(self) -> None:
        try:
            self._client.create_registered_model(self._tracking.registered_model)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    @_explained("record the training")
    def log_training(
        self,
        model: RiskModel,
        evaluation: Evaluation | None,
        parameters: dict[str, Any],
        report_files: list[Path],
        data_fingerprint: str,
    ) -> str:
        """Record a training of a saved model as a run, register its version, and return the run's id.

        A model of the same content is one version, however often it is trained.
        """
        tags = self._tags(model, evaluation, data_fingerprint)
        run = self._client.create_run(self._experiment, self._now_ms(), tags, run_name=model.version)
        run_id = run.info.run_id
        try:
            self._fill(run_id, model, evaluation, parameters, report_files)
        except BaseException:
            with suppress(MlflowException, SQLAlchemyError):
                self._client.set_terminated(run_id, "FAILED", self._now_ms())
            raise
        self._client.set_terminated(run_id, "FINISHED", self._now_ms())
        with self._alone():
            if model.version not in self._versions():
                source = f"{run.info.artifact_uri}/{MODEL_ARTEFACT}"
                self._client.create_model_version(self._tracking.registered_model, source, run_id, tags)
        return str(run_id)

    def _tags(self, model: RiskModel, evaluation: Evaluation | None, fingerprint: str) -> dict[str, str]:
        figures = figures_of(evaluation)
        return {
            VERSION_TAG: model.version,
            "trained_as_of": model.card["trained_on_facts_before"],
            "created": self._now(),
            "late_after_days": str(model.rule.late_after_days),
            "calendar_days": str(model.rule.calendar_days).lower(),
            "data_fingerprint": fingerprint,
            "feature_fingerprint": model.card["feature_fingerprint"],
            "roc_auc": json.dumps(figures.get("p_late/model/roc_auc")),
            "brier": json.dumps(figures.get("p_late/model/brier")),
        }

    def _fill(
        self,
        run_id: str,
        model: RiskModel,
        evaluation: Evaluation | None,
        parameters: dict[str, Any],
        report_files: list[Path],
    ) -> None:
        metrics = [Metric(name, value, self._now_ms(), 0) for name, value in figures_of(evaluation).items()]
        params = [Param(name, str(value)) for name, value in parameters.items()]
        self._client.log_batch(run_id, metrics, params)
        self._client.log_artifacts(run_id, str(model_folder(self._home, model.version)), MODEL_ARTEFACT)
        for file in report_files:
            self._client.log_artifact(run_id, str(file), REPORTS)

    @_explained("promote the model")
    def promote_if(self, version: str, results: list[GateResult], who: str = "train") -> Decision:
        """Put a version in charge if all its gates hold, or if nobody is; else it becomes the challenger."""
        if not results:
            raise ValueError("no gates were judged: pass the results of training.gates.judge")
        missed = " ".join(result.sentence for result in results if not result.ok)
        with self._alone():
            found, incumbent = self._version(version), self._champion()
            if incumbent == version:
                return Decision(True, "It is the champion already: the same content gives the same version.")
            if incumbent is not None and missed:
                why = f"The champion {incumbent} stays. {missed}"
                self._set_tag(found, VERDICT_TAG, why)
                self._set_alias(self._tracking.challenger_alias, found)
                return Decision(False, why)
            held = " ".join(result.sentence for result in results)
            why = f"All gates hold. {held}"
            if missed:
                why = f"There was no champion yet, so the first model is in charge, with its shortfalls. {missed}"
            self._move(found, who, why)
            return Decision(True, why)

    @_explained("change the champion")
    def set_champion(self, version: str, who: str, why: str) -> None:
        """Put a registered version in charge, whatever its gates said, once its folder is verified."""
        with self._alone():
            found = self._version(version)
            if self._champion() != version:
                self._move(found, who, why)

    @_explained("roll back")
    def rollback(self, who: str, why: str) -> str:
        """Put the champion before this one back in charge and return its version; repeated, go further back."""
        with self._alone():
            earlier = self._line_of_champions()[:-1]
            if not earlier:
                raise RegistryError(
                    "there is no champion to go back to: this is the first one; choose another with "
                    "`duecourse models`, or train again"
                )
            self._move(self._version(earlier[-1]), who, why, is_rollback=True)
            return earlier[-1]

    def _line_of_champions(self) -> list[str]:
        """The champions that led to today's, without those that were rolled back."""
        line: list[str] = []
        for move, is_rollback in self._moves():
            if not line and move.origin:
                line.append(move.origin)
            if is_rollback and move.to in line:
                line = line[: len(line) - line[::-1].index(move.to)]
            else:
                line.append(move.to)
        return line

    def _move(self, found: ModelVersion, who: str, why: str, is_rollback: bool = False) -> None:
        self._check(found)
        move = Move(self._champion(), found.tags[VERSION_TAG], who, self._now(), why)
        written = json.dumps(asdict(move) | {"is_rollback": is_rollback}, ensure_ascii=False)
        name = self._tracking.registered_model
        self._client.set_registered_model_tag(name, f"{MOVE_TAG}{self._next_move():06d}", written)
        self._set_alias(self._tracking.champion_alias, found)
        self._reconcile()

    def _check(self, found: ModelVersion) -> None:
        """Raise RegistryError unless the version's folder is here, unchanged and fit for this program."""
        folder = model_folder(self._home, found.tags[VERSION_TAG])
        if not folder.is_dir():
            self._fetch(found, folder)
        try:
            load_model(folder)
        except ArtefactError as error:
            raise RegistryError(f"{folder.name} cannot be put in charge: {error}") from error

    def _fetch(self, found: ModelVersion, folder: Path) -> None:
        """Bring the folder of a version that was trained elsewhere, or lost here, from MLflow."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetching-") as scratch:
            fetched = self._client.download_artifacts(found.run_id, MODEL_ARTEFACT, scratch)
            shutil.move(fetched, folder)

    def _reconcile(self) -> None:
        """Make what scoring reads follow the alias, and nobody both champion and challenger."""
        aliases = self._aliases()
        number = aliases.get(self._tracking.champion_alias)
        versions = self._versions()
        in_charge = next((found for found in versions.values() if str(found.version) == number), None)
        pointed_at = self._pointed_at()
        if in_charge is None:
            # A pointer to a model that this registry has never heard of is not its to remove.
            if pointed_at in versions:
                pointer.point_to_none(self._home)
            return
        if aliases.get(self._tracking.challenger_alias) == number:
            self._client.delete_registered_model_alias(
                self._tracking.registered_model, self._tracking.challenger_alias
            )
        version = in_charge.tags[VERSION_TAG]
        folder = model_folder(self._home, version)
        if not folder.is_dir():
            # Opening must not fail for it: training again is one way to mend a lost model.
            with suppress(MlflowException, OSError):
                self._fetch(in_charge, folder)
        if pointed_at != version:
            pointer.point_to(self._home, self._as_champion(version))

    def _pointed_at(self) -> str | None:
        try:
            found = pointer.read_champion(self._home)
        except NoChampion:
            return None
        return found.version if found else None

    def _as_champion(self, version: str) -> Champion:
        made = [move for move, _ in self._moves() if move.to == version]
        if not made:
            return Champion(version, self._now(), "unknown", "The alias was moved outside duecourse.")
        return Champion(version, made[-1].when, made[-1].who, made[-1].why)

    def moves(self) -> list[Move]:
        """Every change of champion that took effect, oldest first."""
        with _explained("read the history of the champion"):
            return [move for move, _ in self._moves()]

    def _moves(self) -> list[tuple[Move, bool]]:
        written = self._client.get_registered_model(self._tracking.registered_model).tags
        noted = [json.loads(written[key]) for key in sorted(written) if key.startswith(MOVE_TAG)]
        starts = [note["origin"] for note in noted[1:]] + [self._champion()]
        return [
            (Move(**{name: note[name] for name in Move.__dataclass_fields__}), note["is_rollback"])
            for note, next_start in zip(noted, starts, strict=False)
            if note["to"] == next_start
        ]

    def _next_move(self) -> int:
        tags = self._client.get_registered_model(self._tracking.registered_model).tags
        return 1 + max((int(key.removeprefix(MOVE_TAG)) for key in tags if key.startswith(MOVE_TAG)), default=0)

    @_explained("list the models")
    def list_versions(self) -> list[dict[str, Any]]:
        """Every version, newest first: its target, figures of the rehearsal, aliases, and why it is where it is."""
        aliases, moves = self._aliases(), [move for move, _ in self._moves()]
        described = [_described(found, aliases, moves) for found in self._versions().values()]
        return sorted(described, key=lambda row: row["number"], reverse=True)

    def _versions(self) -> dict[str, ModelVersion]:
        """The registered versions of duecourse by the hash of their content."""
        wanted, token, found = f"name='{self._tracking.registered_model}'", None, []
        while True:
            page = self._client.search_model_versions(wanted, max_results=1000, page_token=token)
            found += page
            token = page.token
            if not token:
                return {each.tags[VERSION_TAG]: each for each in found if VERSION_TAG in each.tags}

    def _version(self, version: str) -> ModelVersion:
        versions = self._versions()
        if version not in versions:
            known = ", ".join(versions) or "none yet; run `duecourse train LEDGER` first"
            raise RegistryError(f"there is no model version {version!r}; registered are: {known}")
        return versions[version]

    def _champion(self) -> str | None:
        number = self._aliases().get(self._tracking.champion_alias)
        return next((name for name, each in self._versions().items() if str(each.version) == number), None)

    def _aliases(self) -> dict[str, str]:
        aliases = self._client.get_registered_model(self._tracking.registered_model).aliases
        return {alias: str(number) for alias, number in aliases.items()}

    def _set_alias(self, alias: str, found: ModelVersion) -> None:
        self._client.set_registered_model_alias(self._tracking.registered_model, alias, str(found.version))

    def _set_tag(self, found: ModelVersion, key: str, value: str) -> None:
        self._client.set_model_version_tag(
            self._tracking.registered_model, str(found.version), key, value
        )

    def _now(self) -> str:
        return self._clock().isoformat(timespec="seconds")

    def _now_ms(self) -> int:
        return int(self._clock().timestamp() * 1000)


def figures_of(evaluation: Evaluation | None) -> dict[str, float]:
    """The figures of all rows as MLflow names them, such as `p_late/model/roc_auc`; the rest is in the report."""
    if evaluation is None:
        return {}
    figures: dict[str, float] = {}
    for target, found in evaluation.targets.items():
        group = found.overall
        counts = {"rows": group.rows, "late": group.late, "rate": group.rate, "brier": group.brier_of_constant}
        figures |= {f"{target}/all/{name}": value for name, value in counts.items() if value is not None}
        for model, measures in group.models.items():
            for measure, estimate in measures.items():
                if estimate.value is not None:
                    figures[f"{target}/{model}/{measure}"] = estimate.value
    return figures


def _described(found: ModelVersion, aliases: dict[str, str], moves: list[Move]) -> dict[str, Any]:
    tags = found.tags
    version = tags[VERSION_TAG]
    return {
        "version": version,
        "number": int(found.version),
        "trained_as_of": tags["trained_as_of"],
        "created": tags["created"],
        "aliases": sorted(alias for alias, number in aliases.items() if number == str(found.version)),
        "late_after_days": int(tags["late_after_days"]),
        "calendar_days": tags["calendar_days"] == "true",
        "roc_auc": json.loads(tags["roc_auc"]),
        "brier": json.loads(tags["brier"]),
        "promoted": any(move.to == version for move in moves),
        "why": _story(version, moves) or tags.get(VERDICT_TAG, "It was not judged: its training was interrupted."),
    }


def _story(version: str, moves: list[Move]) -> str | None:
    """Why a version that was ever in charge still is, or is no longer."""
    told = [move for move in moves if version in (move.origin, move.to)]
    if not told:
        return None
    last = told[-1]
    if last.to == version:
        return last.why
    return f"It gave way to {last.to} on {last.when[:10]} ({last.who}). {last.why}"
