"""Is a model on disk whole, readable, the same bytes every time, and refused once anything in it changed?"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from features.catalogue import CATALOGUE
from tests.damages import changed_number, signed
from training.backtest import Replayed
from training.model import ArtefactError, RiskModel, artefact, load_model, save_model
from training.model.fitting import fit_on
from training.settings import TrainingSettings

FILES = {
    "booster_p_late.txt",
    "booster_p_late_30.txt",
    "booster_timing.txt",
    "golden.json",
    "manifest.json",
    "model.json",
    "model_card.md",
    "sample.parquet",
}
SIGNED = FILES | {"signature.json"}


@pytest.fixture
def folder(small_model: RiskModel, models: Path, tmp_path: Path) -> Path:
    """A copy of the small model's folder, to be damaged."""
    copied = tmp_path / "models" / small_model.version
    shutil.copytree(models / small_model.version, copied)
    return copied


@pytest.fixture
def parsing_is_fatal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Corrupt booster text ends the process: nothing may be parsed before all is verified."""

    def fatal(*_: object, **__: object) -> None:
        pytest.fail("a file was parsed before the folder was verified")

    monkeypatch.setattr(lgb, "Booster", fatal)
    monkeypatch.setattr(pd, "read_parquet", fatal)
    monkeypatch.setattr(artefact, "LatenessRule", fatal)


def change_last_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(bytes(content))


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


class TestVerification:
    @pytest.mark.parametrize("damage", [change_last_byte, cut_short, Path.unlink])
    @pytest.mark.parametrize("name", sorted(FILES))
    def test_a_changed_or_missing_file_is_refused_before_anything_is_parsed(
        self, folder: Path, parsing_is_fatal: None, name: str, damage: Callable[[Path], None]
    ) -> None:
        damage(folder / name)
        with pytest.raises(ArtefactError, match=name.replace(".", r"\.")) as caught:
            load_model(folder)
        assert "roll back" in str(caught.value)

    @pytest.mark.parametrize("name", ["booster_p_late_90.txt", "notes.txt", ".hidden"])
    def test_an_extra_file_is_refused(self, folder: Path, parsing_is_fatal: None, name: str) -> None:
        (folder / name).write_text("more", encoding="utf-8")
        with pytest.raises(ArtefactError, match=f"{name}; roll back"):
            load_model(folder)

    def test_an_extra_folder_is_refused(self, folder: Path, parsing_is_fatal: None) -> None:
        (folder / "more").mkdir()
        with pytest.raises(ArtefactError, match="more; roll back"):
            load_model(folder)

    def test_all_that_is_wrong_is_named_at_once(self, folder: Path) -> None:
        cut_short(folder / "model.json")
        (folder / "golden.json").unlink()
        (folder / "extra.txt").write_text("", encoding="utf-8")
        with pytest.raises(ArtefactError, match=r"extra\.txt, golden\.json, model\.json; roll back"):
            load_model(folder)

    def test_a_folder_of_another_name_is_refused(self, folder: Path, parsing_is_fatal: None) -> None:
        renamed = folder.rename(folder.parent / "0123456789ab")
        with pytest.raises(ArtefactError, match="model 0123456789ab does not match its name"):
            load_model(renamed)

    def test_no_folder_is_no_model(self, tmp_path: Path) -> None:
        with pytest.raises(ArtefactError, match=r"no model in nothing: manifest\.json is missing"):
            load_model(tmp_path / "nothing")

    def test_a_model_of_other_features_is_refused(self, folder: Path) -> None:
        with pytest.raises(ArtefactError, match=r"trained with other features.*: train again"):
            load_model(folder, CATALOGUE.without("rhythm"))

    def test_a_model_that_answers_otherwise_than_when_it_was_saved_is_refused(
        self, small_model: RiskModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        once = {name: [p + 1e-6 for p in given] for name, given in artefact._golden(small_model).items()}
        truly = artefact._golden
        answers = iter([once])
        monkeypatch.setattr(artefact, "_golden", lambda model: next(answers, None) or truly(model))
        with pytest.raises(ArtefactError, match="does not reproduce its golden predictions"):
            save_model(small_model, tmp_path)

    @pytest.mark.parametrize("seed", range(24))
    def test_any_number_that_was_changed_and_signed_again_is_noticed(self, folder: Path, seed: int) -> None:
        """Whichever leaf, branch, table or level it stands in, and whether a golden row gets there or not."""
        changed_number(folder, random.Random(seed))
        with pytest.raises(ArtefactError, match="is not the one that was saved"):
            load_model(signed(folder))

    def test_text_that_no_parser_minds_is_noticed_too(self, folder: Path) -> None:
        content = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        (folder / "model.json").write_text(json.dumps(content | {"more": 1}), encoding="utf-8")
        with pytest.raises(ArtefactError, match="is not the one that was saved"):
            load_model(signed(folder))

    def test_another_model_of_who_holds_the_key_is_another_version(
        self, small_model: RiskModel, tmp_path: Path
    ) -> None:
        first, *others = small_model.horizons
        moved = replace(first, calibration=replace(first.calibration, shift=first.calibration.shift + 1))
        made = save_model(replace(small_model, horizons=(moved, *others)), tmp_path)
        assert load_model(tmp_path / made.version).version == made.version != small_model.version

    def test_golden_rows_reach_from_the_earliest_questions_to_the_latest(
        self, small_model: RiskModel, folder: Path
    ) -> None:
        golden = json.loads((folder / "golden.json").read_text(encoding="utf-8"))["answers"]
        given = small_model.predict(small_model.sample.to_numpy(np.float64)[[0, -1]])["p_late"].to_list()
        assert [golden["p_late"][0], golden["p_late"][-1]] == pytest.approx(given, rel=0, abs=1e-12)
        assert len(golden["p_late"]) == artefact.GOLDEN_ROWS


class TestFolder:
    def test_holds_readable_files_only(self, small_model: RiskModel, models: Path) -> None:
        folder = models / small_model.version
        assert {path.name for path in folder.iterdir()} == SIGNED
        for path in folder.iterdir():
            if path.suffix == ".parquet":
                assert path.read_bytes().startswith(b"PAR1")
            else:
                assert len(path.read_text(encoding="utf-8").splitlines()) >= 5
            if path.suffix == ".json":
                json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)

    def test_its_name_is_the_hash_of_its_content_and_of_nothing_else(
        self, small_model: RiskModel, models: Path
    ) -> None:
        folder = models / small_model.version
        files = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES}
        del files["manifest.json"]
        written = folder / "manifest.json"
        assert json.loads(written.read_text(encoding="utf-8")) == {
            "files": files,
            "data_fingerprint": None,
            "feature_fingerprint": small_model.features.fingerprint(small_model.rule),
        }
        assert hashlib.sha256(written.read_bytes()).hexdigest()[:12] == folder.name == small_model.version

    def test_says_nothing_of_the_machine_or_the_clock(self, small_model: RiskModel, models: Path) -> None:
        folder = models / small_model.version
        for path in folder.iterdir():
            content = path.read_bytes()
            for word in (
                str(models),
                str(Path.home()),
                os.uname().nodename,
                str(Path(__file__).parent.parent),
            ):
                assert len(word) < 4 or word.encode() not in content, (path.name, word)

    def test_loads_as_the_same_model(
        self, small_model: RiskModel, models: Path, sample_past: Replayed
    ) -> None:
        loaded = load_model(models / small_model.version)
        values = sample_past.known_before(date(2026, 6, 1))[1][::50]
        pd.testing.assert_frame_equal(loaded.predict(values), small_model.predict(values), check_exact=True)
        assert loaded.explain(values) == small_model.explain(values)
        assert (loaded.rule, loaded.horizons, loaded.card) == (
            small_model.rule,
            small_model.horizons,
            small_model.card,
        )
        np.testing.assert_equal(loaded.reference, small_model.reference)

    def test_its_card_has_every_heading_and_horizon(self, small_model: RiskModel, models: Path) -> None:
        card = (models / small_model.version / "model_card.md").read_text(encoding="utf-8")
        assert [line[3:] for line in card.splitlines() if line.startswith("## ")] == [
            "Purpose",
            "Data",
            "Conceptual soundness",
            "Limitations",
            "Outcomes analysis",
            "Monitoring",
            "Change log",
        ]
        for horizon in small_model.horizons:
            assert f"| {horizon.target} | {horizon.days} | {horizon.kind} |" in card
            assert horizon.note in card
        assert "Facts known before 2026-04-01" in card


class TestSaving:
    def test_twice_is_once(self, small_model: RiskModel, tmp_path: Path) -> None:
        first = save_model(small_model, tmp_path)
        second = save_model(small_model, tmp_path)
        assert first.version == second.version == small_model.version
        assert [path.name for path in tmp_path.iterdir()] == [first.version]

    def test_over_a_damaged_folder_mends_it(self, small_model: RiskModel, folder: Path) -> None:
        cut_short(folder / "booster_p_late.txt")
        save_model(small_model, folder.parent)
        assert load_model(folder).version == small_model.version
        assert [path.name for path in folder.parent.iterdir()] == [small_model.version]

    @pytest.mark.parametrize("interruption", [OSError("disk full"), KeyboardInterrupt()])
    @pytest.mark.parametrize("at", ["_golden", "model_card", "_write_manifest"])
    def test_interrupted_leaves_nothing_behind(
        self,
        small_model: RiskModel,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        at: str,
        interruption: BaseException,
    ) -> None:
        def interrupted(*_: object) -> None:
            raise interruption

        monkeypatch.setattr(artefact, at, interrupted)
        with pytest.raises(type(interruption)):
            save_model(small_model, tmp_path / "models")
        assert list((tmp_path / "models").iterdir()) == []

    def test_a_reader_never_sees_half_a_model(
        self, small_model: RiskModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen = []
        write = artefact._write_json

        def watched(path: Path, content: object) -> None:
            seen.append([entry for entry in tmp_path.iterdir() if not entry.name.startswith(".")])
            write(path, content)

        monkeypatch.setattr(artefact, "_write_json", watched)
        save_model(small_model, tmp_path)
        assert len(seen) == 2
        assert not any(seen)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class TestDeterminism:
    def test_two_trainings_give_the_same_bytes(
        self,
        small_model: RiskModel,
        models: Path,
        sample_past: Replayed,
        hasty_settings: TrainingSettings,
        tmp_path: Path,
    ) -> None:
        cut = date(2026, 4, 1)
        again = save_model(fit_on(*sample_past.known_before(cut), cut, hasty_settings, CATALOGUE), tmp_path)
        assert again.version == small_model.version
        assert files_of(tmp_path / again.version) == files_of(models / again.version)
