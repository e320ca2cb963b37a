"""What did the modeller decide? `mlflow.yaml`, read and checked."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

FILE = "mlflow.yaml"
PACKAGED = Path(__file__).parent.parent / FILE


class SettingsError(ValueError):
    """mlflow.yaml cannot be used; the text lists every problem."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Tracking(_Section):
    """Where trainings are recorded."""

    uri: str | None = None
    experiment: str = "duecourse"
    registered_model: str = "duecourse-late-payment"
    champion_alias: str = "champion"
    challenger_alias: str = "challenger"

    @field_validator("champion_alias", "challenger_alias")
    @classmethod
    def _is_accepted_by_mlflow(cls, alias: str) -> str:
        if not re.fullmatch(r"[\w-]+", alias, re.ASCII) or re.fullmatch(r"latest|v\d+", alias, re.IGNORECASE):
            raise ValueError(
                "use letters, digits, _ and -, but not latest or v1, which MLflow keeps for itself"
            )
        return alias

    @field_validator("experiment", "registered_model")
    @classmethod
    def _is_a_plain_name(cls, name: str) -> str:
        if not re.fullmatch(r"[\w.-]+( [\w.-]+)*", name):
            raise ValueError("use letters, digits, blanks, _, . and -")
        return name

    @model_validator(mode="after")
    def _has_two_aliases(self) -> Tracking:
        if self.champion_alias == self.challenger_alias:
            raise ValueError("champion_alias and challenger_alias are the same; give each its own name")
        return self


class TrainingSettings(_Section):
    """How a model is made."""

    seed: int = 1
    threads: int = Field(2, ge=1)
    learning_rate: float = Field(0.03, gt=0, le=1)
    most_rounds: int = Field(600, ge=1)
    patience: int = Field(40, ge=1)
    leaves: int = Field(31, ge=2)
    depth: int = Field(8, ge=1)
    bins: int = Field(63, ge=2, le=255)
    least_rows_in_leaf: int = Field(100, ge=1)
    share_of_features: float = Field(0.4, gt=0, le=1)
    share_of_rows: float = Field(0.8, gt=0, le=1)
    l2: float = Field(10.0, ge=0)
    most_rows: int = Field(300_000, ge=1000)
    folds: int = Field(4, ge=2)
    fewest_late_to_fit: int = Field(100, ge=1)
    fewest_late_to_calibrate: int = Field(30, ge=1)
    calibration_half_life_days: float = Field(60.0, gt=0)
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
    if path == PACKAGED and not PACKAGED.exists():
        return Settings()  # an installed package has no mlflow.yaml beside it; the defaults say the same
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SettingsError(f"{path.name} cannot be read: {error}") from error
    if given is None:
        return Settings()
    if not isinstance(given, dict):
        raise SettingsError(f"{path.name} must hold the sections {', '.join(_known_keys(()))}, not {given!r}")
    try:
        # A section of which every line is commented out is empty, not wrong.
        return Settings.model_validate(
            {name: {} if section is None else section for name, section in given.items()}
        )
    except ValidationError as error:
        problems = [_problem(path, dict(problem)) for problem in error.errors()]
        raise SettingsError("\n".join(problems)) from None


def _problem(path: Path, problem: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] != "extra_forbidden":
        given = "" if isinstance(problem["input"], dict) else f" is {problem['input']!r}"
        return f"{path.name}: {where}{given}: {problem['msg'].removeprefix('Value error, ')}"
    known = _known_keys(problem["loc"][:-1])
    near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
    return f"{path.name}: unknown key {where}; {hint}"


def _known_keys(section: tuple[Any, ...]) -> list[str]:
    fields = Settings.model_fields
    if not section:
        return list(fields)
    annotation = fields[str(section[0])].annotation
    assert annotation is not None
    return list(annotation.model_fields)
