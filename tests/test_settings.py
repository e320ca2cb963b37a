"""Is mlflow.yaml found where it should be, and does every mistake in it say how to mend it?"""

from __future__ import annotations

from pathlib import Path

import pytest

from training.settings import Settings, SettingsError, load_settings


def written(folder: Path, text: str) -> Path:
    path = folder / "mlflow.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(written(folder, text))
    return str(caught.value).splitlines()


def test_the_packaged_file_says_what_the_code_assumes() -> None:
    assert load_settings() == Settings()


def test_an_explicit_file_comes_before_the_home_and_the_home_before_the_packaged_one(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    assert load_settings(home=home).training.seed == 1
    written(home, "training: {seed: 2}")
    assert load_settings(home=home).training.seed == 2
    explicit = written(tmp_path, "training: {seed: 3}")
    assert load_settings(explicit, home).training.seed == 3


@pytest.mark.parametrize("text", ["", "training:\n  # seed: 4\n"])
def test_what_is_left_out_has_its_default(tmp_path: Path, text: str) -> None:
    assert load_settings(written(tmp_path, text)) == Settings()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("trainig: {seed: 2}", "mlflow.yaml: unknown key trainig; did you mean training?"),
        ("training: {sed: 2}", "mlflow.yaml: unknown key training.sed; did you mean seed?"),
        ("zzz: 1", "mlflow.yaml: unknown key zzz; known here: tracking, training, gates"),
        ("training: {seed: 1.5}", "mlflow.yaml: training.seed is 1.5: Input should be a valid integer"),
        ("training: {seed: '2'}", "mlflow.yaml: training.seed is '2': Input should be a valid integer"),
        (
            "training: {threads: true}",
            "mlflow.yaml: training.threads is True: Input should be a valid integer",
        ),
        (
            "training: {threads: 0}",
            "mlflow.yaml: training.threads is 0: Input should be greater than or equal to 1",
        ),
        ("gates: {mean_prediction_within: .nan}", "mlflow.yaml: gates.mean_prediction_within is nan: "),
        ("gates: 3", "mlflow.yaml: gates is 3: "),
        (
            "- gates",
            "mlflow.yaml must hold the sections tracking, training, gates, monitoring, score_log, not ['gates']",
        ),
        ("gates: {", "mlflow.yaml cannot be read: "),
        (
            "tracking: {champion_alias: latest}",
            "mlflow.yaml: tracking.champion_alias is 'latest': use letters",
        ),
        ("tracking: {champion_alias: v3}", "mlflow.yaml: tracking.champion_alias is 'v3': use letters"),
        (
            "tracking: {registered_model: a'b}",
            'mlflow.yaml: tracking.registered_model is "a\'b": use letters',
        ),
        (
            "tracking: {champion_alias: a, challenger_alias: a}",
            "mlflow.yaml: tracking: champion_alias and challenger_alias are the same; give each its own name",
        ),
    ],
)
def test_a_mistake_says_where_what_and_how_to_mend_it(tmp_path: Path, text: str, expected: str) -> None:
    assert problems(tmp_path, text)[0].startswith(expected)


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, "trainig: {}\ntraining: {sed: 2, threads: 0}\ngates: {mean: 1}\n")
    assert len(found) == 4


def test_a_file_that_is_not_there_or_not_text_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.yaml cannot be read"):
        load_settings(tmp_path / "absent.yaml")
    (tmp_path / "mlflow.yaml").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(SettingsError, match=r"mlflow\.yaml cannot be read"):
        load_settings(tmp_path / "mlflow.yaml")
