"""Is drift measured as the library does, without telling it anything of a customer, and ranked by what it did?"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.catalogue import CATALOGUE
from serving.monitoring import drift
from serving.monitoring.distances import codes, stability_indices, write_page
from serving.monitoring.drift import Drift, Reference
from training.model import RiskModel
from training.settings import MonitoringSettings

TODAY = 20_000
NAN = float("nan")
SETTINGS = MonitoringSettings(fewest_for_drift=50)


@pytest.mark.parametrize(
    ("reference", "value", "expected"),
    [
        (range(100), -5.0, 0),
        (range(100), 50.0, 5),
        (range(100), 1e9, 9),
        (range(100), NAN, -1),
        ([0.0] * 99 + [7.0], 0.0, 0),  # few values have few codes
        ([0.0] * 99 + [7.0], 3.0, 1),
        ([NAN] * 5, 3.0, 0),  # never known in the reference
    ],
)
def test_a_code_is_the_tenth_of_the_reference(reference: list[float], value: float, expected: int) -> None:
    given = np.array(reference, dtype=float)[:, None]
    assert codes(given, np.array([[value]])).item() == expected


@pytest.fixture
def both() -> tuple[pd.DataFrame, pd.DataFrame]:
    """A reference, and what has become of it: one column moved, one that is all missing now."""
    rng = np.random.default_rng(1)
    reference = pd.DataFrame({"a": rng.integers(0, 10, 600), "b": np.zeros(600, int)})
    return reference, pd.DataFrame({"a": rng.integers(2, 9, 400), "b": np.full(400, -1)})


def test_the_index_is_that_of_the_formula(both: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    shares = [np.bincount(frame["a"], minlength=10) / len(frame) for frame in both]
    then, now = (np.where(share == 0, 1e-4, share) for share in shares)
    found = stability_indices(*both)
    assert found["a"] == pytest.approx(float(((then - now) * np.log(then / now)).sum()))
    assert found["b"] > 10


@pytest.mark.slow
def test_the_index_is_that_of_the_library_s_report(
    both: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own
        write_page(*both, tmp_path / "drift.html")
        assert reported(*both) == pytest.approx(stability_indices(*both))
    assert (tmp_path / "drift.html").stat().st_size > 100_000


def reported(reference: pd.DataFrame, current: pd.DataFrame) -> dict[str, float]:
    """What Evidently's own report says of each column."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    described = DataDefinition(categorical_columns=list(reference.columns))
    sets = [Dataset.from_pandas(frame, data_definition=described) for frame in (current, reference)]
    metrics = Report([DataDriftPreset(method="psi")]).run(*sets).dict()["metrics"]
    return {each["config"]["column"]: each["value"] for each in metrics if "column" in each["config"]}


@pytest.fixture(scope="module")
def reference(small_model: RiskModel) -> Reference:
    return Reference(small_model)


def drifted(reference: Reference, change: dict[str, float]) -> Drift:
    values = reference.values.copy()
    for name, value in change.items():
        values[:, CATALOGUE.names.index(name)] = value
    predicted = reference.model.predict(values)["p_late"].to_numpy()
    return drift.drift(reference, values, predicted, TODAY, SETTINGS)


def test_the_reference_has_not_moved_from_itself(reference: Reference) -> None:
    found = drifted(reference, {})
    assert found.score == pytest.approx(0)
    assert all(each.shift == pytest.approx(0) and not each.distance for each in found.features)
    assert list(drift.alarms(found, SETTINGS)) == []


def test_what_moves_the_predictions_comes_first(reference: Reference) -> None:
    heaviest = max(drifted(reference, {}).features, key=lambda each: each.importance)
    extreme = float(np.nanmax(reference.values[:, CATALOGUE.names.index(heaviest.name)]))
    found = drifted(reference, {heaviest.name: extreme})
    assert found.features[0].name == heaviest.name
    assert ("watch", heaviest.name) in {
        (alarm.severity, alarm.subject) for alarm in drift.alarms(found, SETTINGS)
    }


def test_a_feature_that_is_gone_matters_only_where_the_model_leans_on_it(reference: Reference) -> None:
    features = {each.name: each for each in drifted(reference, {}).features}
    heavy = max(features.values(), key=lambda each: each.importance)
    light = next(each for each in features.values() if each.importance == 0 and not each.was_constant)
    for value, word in ((NAN, "always missing"), (4.0, "always the same value")):
        found = drifted(reference, {heavy.name: value, light.name: value})
        said = {
            alarm.subject: alarm for alarm in drift.alarms(found, SETTINGS) if alarm.code == "feature_gone"
        }
        assert (said[heavy.name].severity, said[light.name].severity) == ("watch", "note")
        assert word in said[heavy.name].sentence


def test_a_few_questions_say_nothing(reference: Reference) -> None:
    found = drift.drift(reference, reference.values[:49], reference.predicted[:49], TODAY, SETTINGS)
    assert (
        found.reason
        == f"49 recent questions and {len(reference.values)} in the reference sample, 50 are needed of each"
    )
    assert list(drift.alarms(found, SETTINGS)) == []
