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


class TimingSettings(_Section):
    """How the time to payment is learned."""

    most_rows: int = Field(150_000, ge=1000)
    most_judged: int = Field(30_000, ge=100)
    judged_after_days: int = Field(14, ge=0)
    fewest_settled: int = Field(100, ge=1)
    learning_rate: float = Field(0.08, gt=0, le=1)
    most_rounds: int = Field(150, ge=1)
    patience: int = Field(15, ge=1)
    leaves: int = Field(31, ge=2)
    folds: int = Field(4, ge=2)
    half_life_days: float = Field(90.0, gt=0)
    prior_questions: float = Field(100.0, ge=0)
    cash_half_life_days: float = Field(45.0, gt=0)


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
    recalibrates: bool = True
    recalibration_asked_within_days: int = Field(42, ge=7)
    recalibration_half_life_days: float = Field(7.0, gt=0)
    recalibration_prior_rows: float = Field(100.0, gt=0)
    recalibration_most_rows: int = Field(4000, ge=100)
    use_prior: bool = True
    fewest_late_to_leave_prior: int = Field(300, ge=1)
    prior_rows: float = Field(1000.0, gt=0)
    rehearsal_days: int = Field(60, ge=1)
    timing: TimingSettings = TimingSettings()


class Gates(_Section):
    """What must hold before a model becomes champion."""

    auc_above_customer_rate: float = 0.0
    brier_below_customer_rate: float = 0.0
    auc_above_ageing: float = 0.0
    brier_below_ageing: float = 0.0
    auc_above_logistic: float = 0.0
    brier_below_logistic: float = 0.0
    mean_prediction_within: float = Field(0.04, gt=0)
    fewest_late_to_compare: int = Field(100, ge=5)
    fewest_prompt_to_compare: int = Field(100, ge=5)
    fewest_customers_to_compare: int = Field(50, ge=10)
    log_loss_margin: float = Field(0.03, ge=0)
    brier_margin: float = Field(0.03, ge=0)
    calibration_error_margin: float = Field(0.02, ge=0)
    late_money_margin: float = Field(0.05, ge=0)
    worst_month_margin: float = Field(0.10, ge=0)
    worst_segment_margin: float = Field(0.10, ge=0)
    latency_ratio: float = Field(3.0, gt=1)
    compare_again_after_days: int = Field(14, ge=0)


class MonitoringSettings(_Section):
    """What `duecourse monitor` calls unusual."""

    weeks_of_history: int = Field(60, ge=12)
    recent_weeks: int = Field(8, ge=1)
    fewest_weeks: int = Field(8, ge=4)
    margin: float = Field(0.75, gt=0)
    cohort_weeks: int = Field(16, ge=4)
    fewest_matured: int = Field(100, ge=30)
    tolerated_gap: float = Field(0.04, ge=0, lt=1)
    watch_at: float = Field(5.0, gt=0)
    act_at: float = Field(9.0, gt=0)
    tolerated_auc_gap: float = Field(0.05, ge=0, lt=1)
    drift_days: int = Field(28, ge=7)
    fewest_for_drift: int = Field(200, ge=50)
    drift_of_scores: float = Field(0.4, gt=0)
    shift_noted: float = Field(0.1, gt=0)
    shift_watched: float = Field(0.2, gt=0)
    importance_that_matters: float = Field(0.01, ge=0, le=1)
    resamples: int = Field(200, ge=50)
    oldest_model_days: int = Field(365, ge=1)


class ScoreLog(_Section):
    """How long is it remembered what was scored?"""

    keep_days: int = Field(730, ge=1)


class Settings(_Section):
    """All of mlflow.yaml."""

    tracking: Tracking = Tracking()
    training: TrainingSettings = TrainingSettings()
    gates: Gates = Gates()
    monitoring: MonitoringSettings = MonitoringSettings()
    score_log: ScoreLog = ScoreLog()


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
    for name in section:
        annotation = fields[str(name)].annotation
        assert annotation is not None
        fields = annotation.model_fields
    return list(fields)
