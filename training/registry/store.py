"""How do runs, versions, aliases and tags get into MLflow and out again? The only file that imports it."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

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

from training.settings import Tracking

MODEL_ARTEFACT, REPORTS = "model", "reports"
VERSION_TAG = "duecourse_version"


class RegistryError(RuntimeError):
    """The registry could not do what was asked; the text says what and how to mend it."""


@dataclass(frozen=True)
class Registered:
    """A version of the registered model: the hash of its content, MLflow's number, its run and its tags."""

    version: str
    number: int
    run_id: str
    tags: dict[str, str]


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn MLflow's errors into RegistryError.

    Their own text may hold rows of data or the password of an address, so only their kind is passed on.
    """
    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        kind = getattr(error, "error_code", None) or type(error).__name__
        raise RegistryError(
            f"could not {doing} ({kind}): check that DUECOURSE_HOME can be written and has room, "
            "and that tracking.uri in mlflow.yaml can be reached; then run the command again"
        ) from None


class Store:
    """The MLflow store of one home: its experiment and its registered model."""

    def __init__(self, home: Path, tracking: Tracking) -> None:
        self._home = home
        self._tracking = tracking
        self._model = tracking.registered_model
        uri = tracking.uri or f"sqlite:///{home / 'mlflow.db'}"
        with warnings.catch_warnings():
            # A deprecation between MLflow and SQLAlchemy that nobody here can act on.
            warnings.filterwarnings("ignore", r"The ``noload`` loader", SADeprecationWarning)
            self._client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            self._experiment = self._experiment_id()
        self._ensure_registered_model()

    def _experiment_id(self) -> str:
        """The experiment of this home.

        One that came with a moved or copied home is set aside: MLflow would go on writing to the old place.
        """
        name, uri = self._tracking.experiment, self._tracking.uri
        is_server = uri is not None and uri.startswith(("http://", "https://"))
        location = None if is_server else (self._home / "artifacts").as_uri()
        found = self._client.get_experiment_by_name(name)
        if found is not None and found.lifecycle_stage == "deleted":
            self._client.restore_experiment(found.experiment_id)
        if found is not None and (uri is not None or found.artifact_location == location):
            return str(found.experiment_id)
        if found is not None:
            aside = f"{name}, before it moved here ({found.experiment_id})"
            self._client.rename_experiment(found.experiment_id, aside)
        return str(self._client.create_experiment(name, artifact_location=location))

    def _ensure_registered_model(self) -> None:
        with suppress(MlflowException):
            self._client.get_registered_model(self._model)
            return
        self._client.create_registered_model(self._model)

    @contextmanager
    def run(self, name: str, tags: dict[str, str], now_ms: int) -> Iterator[str]:
        """A run that is open while its body lasts, and failed where the body raises; gives the run's id."""
        run_id = str(self._client.create_run(self._experiment, now_ms, tags, run_name=name).info.run_id)
        try:
            yield run_id
        except BaseException:
            with suppress(MlflowException, SQLAlchemyError):
                self._client.set_terminated(run_id, "FAILED", now_ms)
            raise
        self._client.set_terminated(run_id, "FINISHED", now_ms)

    def log(
        self,
        run_id: str,
        figures: dict[str, float],
        parameters: dict[str, str],
        model_folder: Path,
        report_files: list[Path],
        now_ms: int,
    ) -> None:
        """Put figures, parameters, the whole model folder and the reports into a run."""
        metrics = [Metric(name, value, now_ms, 0) for name, value in figures.items()]
        self._client.log_batch(run_id, metrics, [Param(name, value) for name, value in parameters.items()])
        self._client.log_artifacts(run_id, str(model_folder), MODEL_ARTEFACT)
        for file in report_files:
            self._client.log_artifact(run_id, str(file), REPORTS)

    def register(self, run_id: str, tags: dict[str, str]) -> None:
        """Make the model folder of a run a version of the registered model."""
        source = f"{self._client.get_run(run_id).info.artifact_uri}/{MODEL_ARTEFACT}"
        self._client.create_model_version(self._model, source, run_id, tags)

    def versions(self) -> dict[str, Registered]:
        """The registered versions that are duecourse's, by the hash of their content, newest first."""
        token, found = None, list[ModelVersion]()
        while True:
            page = self._client.search_model_versions(f"name='{self._model}'", 1000, page_token=token)
            found += page
            token = page.token
            if not token:
                break
        ours = [_registered(each) for each in found if VERSION_TAG in each.tags]
        return {each.version: each for each in sorted(ours, key=lambda each: -each.number)}

    def aliases_and_tags(self) -> tuple[dict[str, int], dict[str, str]]:
        """The number of the version that each alias names, and the tags of the registered model as a whole."""
        found = self._client.get_registered_model(self._model)
        return {alias: int(number) for alias, number in found.aliases.items()}, dict(found.tags)

    def set_alias(self, alias: str, found: Registered) -> None:
        """Move an alias, in one transaction."""
        self._client.set_registered_model_alias(self._model, alias, str(found.number))

    def delete_alias(self, alias: str) -> None:
        """Take an alias away."""
        self._client.delete_registered_model_alias(self._model, alias)

    def tag_version(self, found: Registered, key: str, value: str) -> None:
        """Tag a version."""
        self._client.set_model_version_tag(self._model, str(found.number), key, value)

    def tag_model(self, key: str, value: str) -> None:
        """Tag the registered model as a whole."""
        self._client.set_registered_model_tag(self._model, key, value)

    def fetch(self, found: Registered, folder: Path) -> None:
        """Bring the model folder of a version that was trained elsewhere, or lost here, from its run."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetching-") as scratch:
            shutil.move(self._client.download_artifacts(found.run_id, MODEL_ARTEFACT, scratch), folder)


@contextmanager
def alone_in(home: Path) -> Iterator[None]:
    """One process of a home at a time; a process that dies lets go."""
    with (home / ".registry.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _registered(found: ModelVersion) -> Registered:
    tags = dict(found.tags)
    return Registered(tags[VERSION_TAG], int(found.version), str(found.run_id), tags)
