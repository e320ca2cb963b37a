"""Does a model that breaks LightGBM, or answers otherwise, break a child process instead of this one?"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.damages import signed
from training.model import ArtefactError, RiskModel, load_model, trial
from training.model.artefact import MANIFEST
from training.model.signing import SIGNATURE
from training.model.trial import load_tried, sign_tried


@pytest.fixture(autouse=True)
def trials() -> None:
    """Here they are held."""


@pytest.fixture
def folder(small_model: RiskModel, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the small model that nobody has tried yet."""
    monkeypatch.setattr(trial, "_tried", set())
    copied = tmp_path / "models" / small_model.version
    shutil.copytree(models / small_model.version, copied)
    return copied


def crafted(folder: Path, old: str, new: str) -> Path:
    """The model with a change in a booster's text, hashed and signed as if it were right."""
    path = folder / "booster_p_late.txt"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return signed(folder)


def test_a_sound_model_loads_and_is_tried_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_tried(folder)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("tried twice"))
    assert load_tried(folder).version == first.version == folder.name
    assert first.horizons == load_model(folder).horizons


def test_nothing_unverified_reaches_the_child(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("tried unverified"))
    (folder / SIGNATURE).unlink()
    with pytest.raises(ArtefactError, match="not signed"):
        load_tried(folder)
    (folder / "golden.json").write_text("{}", encoding="ascii")
    with pytest.raises(ArtefactError, match=r"golden\.json"):
        sign_tried(folder)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "left_child=",
            "left_child=77777777 ",
            r"ended the process that parsed it \(SIG\w+\)|cannot be read",
        ),
        ("num_leaves=", "num_leaves=9", r"ended the process that parsed it \(SIG\w+\)|cannot be read"),
        ("leaf_value=", "leaf_value=-1e9 ", "golden|cannot be read|ended the process"),
    ],
)
def test_a_signed_text_that_lightgbm_does_not_survive_is_refused(
    folder: Path, old: str, new: str, message: str
) -> None:
    made = crafted(folder, old, new)
    with pytest.raises(ArtefactError, match=message):
        load_tried(made)
    (made / SIGNATURE).unlink()
    with pytest.raises(ArtefactError, match=message):
        sign_tried(made)
    assert not (made / SIGNATURE).exists()


def test_a_model_that_changes_between_verifying_and_the_trial_is_refused(
    folder: Path, small_model: RiskModel
) -> None:
    with pytest.raises(ArtefactError, match="changed while it was tried"):
        trial.try_here(folder, "0" * 64)


def test_a_trial_that_takes_too_long_is_a_refusal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "MOST_SECONDS", 0.01)
    with pytest.raises(ArtefactError, match=r"kept its trial busy for 0\.01 seconds"):
        load_tried(folder)


@pytest.mark.parametrize(("column", "is_sound"), [(0, True), (3, True), (4, False), (-1, False)])
def test_no_branch_asks_for_a_column_that_is_not_there(column: int, is_sound: bool) -> None:
    leaf = {"leaf_value": 0.1}
    inner = {"split_feature": column, "left_child": leaf, "right_child": leaf}
    dumped = {
        "tree_info": [{"tree_structure": {"split_feature": 0, "left_child": leaf, "right_child": inner}}]
    }
    if is_sound:
        trial._walk(dumped, 4)
    else:
        with pytest.raises(ArtefactError, match=f"column {column} of 4"):
            trial._walk(dumped, 4)


def test_the_manifest_is_the_whole_of_what_was_tried(folder: Path) -> None:
    """The version is a short hash; what was tried is remembered by the long one."""
    load_tried(folder)
    assert all(len(digest) == 64 for digest in trial._tried) and len(trial._tried) == 1
    assert (folder / MANIFEST).exists()
