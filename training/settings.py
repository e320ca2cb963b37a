"""What did the modeller decide? `mlflow.yaml`, read and checked."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

FILE = "mlflow.yaml"
PACKAGED = Path(__file__).parent.parent / FILE


class SettingsError(ValueError):
    """mlflow.yaml cannot be used; the text lists every problem."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tracking(_Section):
    """Where trainings are recorded."""

    uri: str | None = None
    experiment: str = "duecourse"
    registered_model: str = "duecourse-late-payment"
    champion_alias: str = "champion"
    challenger_alias: str = "challenger"


class TrainingSettings(_Section):
    """How a model is made."""

    seed: int = 1
    threads: int = Field(2, ge=1)
    learning_rate: float = Field(0.03, gt=0, le=1)
    most_rounds: int = Field(600, ge=1)
    patience: int = Field(40, ge=1)
    leaves: int = Field(31, ge=2)
    depth: int = Field(8, ge=1)
    least_rows_in_leaf: int = Field(100, ge=1)
    share_of_features: float = Field(0.4, gt=0, le=1)
    share_of_rows: float = Field(0.8, gt=0, le=1)
    l2: float = Field(10, ge=0)
    folds: int = Field(4, ge=2)
    fewest_late_to_fit: int = Field(100, ge=1)
    fewest_late_to_calibrate: int = Field(30, ge=1)
    calibration_half_life_days: float = Field(60, gt=0)
    rehearsal_days: int = Field(60, ge=1)


class Gates(_Section):
    """What must hold before a model becomes champion."""

    auc_above_customer_rate: float = 0.0
    brier_below_customer_rate: float = 0.0
    mean_prediction_within: float = Field(0.04, gt=0)
    log_loss_not_above_champion: float = 0.005


class Settings(_Section):
    """All of mlflow.yaml."""

    tracking: Tracking = Tracking()
    training: TrainingSettings = TrainingSettings()
    gates: Gates = Gates()


def load_settings(explicit: Path | None = None, home: Path | None = None) -> Settings:
    """The settings of an explicit file, else of `home`, else the packaged ones.

    Raises SettingsError with every problem of the file.
    """
    beside = home / FILE if home else None
    path = explicit or (beside if beside and beside.exists() else PACKAGED)
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise SettingsError(f"{path.name} cannot be read: {error}") from error
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        problems = [_problem(path, dict(problem)) for problem in error.errors()]
        raise SettingsError("\n".join(problems)) from None


def _problem(path: Path, problem: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] != "extra_forbidden":
        return f"{path.name}: {where} is {problem['input']!r}: {problem['msg']}"
    near = difflib.get_close_matches(str(problem["loc"][-1]), _known_keys(problem["loc"][:-1]), n=1)
    hint = (
        f"did you mean {near[0]}?" if near else f"known here: {', '.join(_known_keys(problem['loc'][:-1]))}"
    )
    return f"{path.name}: unknown key {where}; {hint}"


def _known_keys(section: tuple[Any, ...]) -> list[str]:
    fields = Settings.model_fields
    if not section:
        return list(fields)
    annotation = fields[str(section[0])].annotation
    assert annotation is not None
    return list(annotation.model_fields)
