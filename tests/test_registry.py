"""Is every training recorded, does only a worthy model take charge, and is nothing ever half done?"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.test_gates import rehearsal
from training.champion import NoChampion, champion_folder, read_champion, read_moves, read_pointer
from training.gates import GateResult
from training.model import RiskModel, load_model, save_model, trial
from training.registry import Registry, RegistryError, figures_of
from training.registry.store import MlflowException, Store
from training.registry.succession import pointer
from training.settings import Settings, Tracking

GOOD = [GateResult("auc", True, 0.9, 0.8, "AUC is fine.")]
POOR = [
    GateResult("auc", False, 0.7, 0.8, "AUC is poor."),
    GateResult("brier", True, 0.1, 0.2, "Brier is fine."),
]


class Office:
    """One home, the registry kept for it, and who is in charge."""

    def __init__(self, home: Path, models: dict[str, RiskModel], tracking: Tracking) -> None:
        self.home, self.models, self.tracking = home, models, tracking
        self.pointer = home / "models" / "champion.json"
        self.today = datetime(2026, 4, 1, 6, tzinfo=UTC)

    def tomorrow(self) -> datetime:
        self.today += timedelta(days=1)
        return self.today

    def open(self, **tracking: Any) -> Registry:
        return Registry(
            self.home, Settings(tracking=self.tracking.model_copy(update=tracking)), self.tomorrow
        )

    def train(self, registry: Registry, name: str) -> str:
        """Save and record a named model; returns its version."""
        model = save_model(self.models[name], self.home / "models")
        registry.log_training(model, None, {}, [], "facts")
        return model.version

    def in_charge(self) -> str:
        """What scoring would use, which must be what the registry says."""
        found = champion_folder(self.home).name
        listed = [row["version"] for row in self.open().list_versions() if "champion" in row["aliases"]]
        assert listed == [found]
        return found

    def in_charge_after_opening(self) -> str:
        self.open()
        return champion_folder(self.home).name


@pytest.fixture(scope="session")
def named_models(small_model: RiskModel) -> dict[str, RiskModel]:
    """Three models whose content differs."""
    return {name: replace(small_model, card=small_model.card | {"name": name}) for name in "ABC"}


@pytest.fixture
def office(tmp_path: Path, migrated_store: Path, named_models: dict[str, RiskModel]) -> Office:
    """A home whose names in a store are its own; the store is shared, because opening another takes long."""
    own = tmp_path.name
    tracking = Tracking(uri=f"sqlite:///{migrated_store}", experiment=own, registered_model=own)
    return Office(tmp_path / "home", named_models, tracking)


@pytest.fixture
def lone_office(home: Path, named_models: dict[str, RiskModel]) -> Office:
    """A home with a store of its own, as by default."""
    return Office(home, named_models, Tracking())


class TestRecording:
    def test_a_training_is_a_run_with_everything_that_describes_it(
        self, office: Office, small_model: RiskModel
    ) -> None:
        registry = office.open()
        model = save_model(small_model, office.home / "models")
        report = office.home / "report.json"
        report.write_text("{}", encoding="utf-8")
        run_id = registry.log_training(model, rehearsal(), {"seed": 1}, [report], "facts")
        run = registry._store._client.get_run(run_id)
        assert run.info.status == "FINISHED" and run.data.params == {"seed": "1"}
        assert run.data.metrics["p_late/model/roc_auc"] == 0.88
        expected = {
            "duecourse_version": model.version,
            "data_fingerprint": "facts",
            "trained_as_of": "2026-04-01",
            "feature_fingerprint": small_model.card["feature_fingerprint"],
        }
        assert expected.items() <= run.data.tags.items()
        kept = office.home / "artifacts" / run_id / "artifacts"
        names = {path.name for path in (office.home / "models" / model.version).iterdir()}
        assert {path.name for path in (kept / "model").iterdir()} == names
        assert (kept / "reports" / "report.json").exists()

    def test_the_same_content_is_one_version_however_often_it_is_trained(self, office: Office) -> None:
        registry = office.open()
        first, second = office.train(registry, "A"), office.train(registry, "A")
        assert first == second
        assert [row["version"] for row in registry.list_versions()] == [first]
        assert len(list((office.home / "artifacts").iterdir())) == 2

    def test_a_training_that_breaks_off_leaves_a_failed_run_and_no_version(
        self, office: Office, small_model: RiskModel
    ) -> None:
        registry = office.open()
        model = save_model(small_model, office.home / "models")
        with pytest.raises(RegistryError, match="could not record the training"):
            registry.log_training(model, None, {}, [office.home / "no_such_report.html"], "facts")
        run = registry._store._client.search_runs([registry._store._experiment])[0]
        assert run.info.status == "FAILED"
        assert registry.list_versions() == []

    def test_figures_leave_out_what_was_not_measured(self) -> None:
        assert figures_of(None) == {}
        figures = figures_of(rehearsal(model={"roc_auc": None}))
        assert "p_late/model/roc_auc" not in figures
        assert figures["p_late/customer_rate/brier"] == 0.051
        assert figures["p_late/constant/late"] == 50

    def test_no_pickle_is_written_and_telemetry_is_off(self, office: Office) -> None:
        office.train(office.open(), "A")
        written = {path.suffix for path in (office.home / "artifacts").rglob("*") if path.is_file()}
        assert written == {".txt", ".json", ".md", ".parquet"}
        assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
        assert os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"


class TestPromotion:
    def test_the_first_model_takes_charge_with_its_shortfalls(self, office: Office) -> None:
        registry = office.open()
        version = office.train(registry, "A")
        decision = registry.promote_if(version, POOR)
        assert decision.promoted and "with its shortfalls. AUC is poor." in decision.why
        assert "Brier is fine" not in decision.why
        assert office.in_charge() == version

    def test_a_model_that_misses_a_gate_becomes_the_challenger(self, office: Office) -> None:
        registry = office.open()
        first, second = office.train(registry, "A"), office.train(registry, "B")
        registry.promote_if(first, GOOD)
        decision = registry.promote_if(second, POOR)
        assert not decision.promoted and decision.why == f"The champion {first} stays. AUC is poor."
        row = registry.list_versions()[0]
        assert (row["version"], row["aliases"], row["promoted"], row["why"]) == (
            second,
            ["challenger"],
            False,
            decision.why,
        )
        assert office.in_charge() == first

    def test_a_model_that_holds_every_gate_takes_over(self, office: Office) -> None:
        registry = office.open()
        first, second = office.train(registry, "A"), office.train(registry, "B")
        registry.promote_if(first, GOOD)
        registry.promote_if(second, POOR)
        assert registry.promote_if(second, GOOD).promoted
        assert office.in_charge() == second
        newer, older = registry.list_versions()
        assert newer["aliases"] == ["champion"] and older["aliases"] == []
        assert older["why"].startswith(f"It gave way to {second} on 2026-04-")

    def test_the_champion_trained_again_stays_without_a_move(self, office: Office) -> None:
        registry = office.open()
        version = office.train(registry, "A")
        registry.promote_if(version, GOOD)
        assert registry.promote_if(version, POOR).promoted
        assert len(registry.moves()) == 1

    def test_every_move_is_recorded(self, office: Office) -> None:
        registry = office.open()
        first, second = office.train(registry, "A"), office.train(registry, "B")
        registry.promote_if(first, GOOD)
        registry.set_champion(second, "ana", "trial")
        registry.rollback("ben", "complaints")
        told = [(move.origin, move.to, move.who, move.is_rollback) for move in office.open().moves()]
        assert told == [
            (None, first, "train", False),
            (first, second, "ana", False),
            (second, first, "ben", True),
        ]
        champion = read_champion(office.home)
        assert champion is not None and (champion.who, champion.why) == ("ben", "complaints")

    def test_the_moves_of_the_challenger_are_recorded_and_its_pointer_follows(self, office: Office) -> None:
        registry = office.open()
        a, b, c = (office.train(registry, name) for name in "ABC")
        registry.promote_if(a, GOOD)
        for version in (b, c):
            registry.promote_if(version, POOR, "night")
            waiting = read_pointer(office.home, "challenger")
            assert waiting is not None
            assert (waiting.version, waiting.who, waiting.why) == (version, "night", "AUC is poor.")
        registry.set_champion(c, "ana", "trial")
        assert read_pointer(office.home, "challenger") is None
        told = [
            (move.origin, move.to, move.who) for move in registry.all_moves() if move.role == "challenger"
        ]
        assert told == [(None, b, "night"), (b, c, "night"), (c, None, "ana")]
        assert read_moves(office.home) == [vars(move) for move in registry.all_moves()]
        (office.home / "models" / "moves.json").unlink()
        assert read_moves(office.home) is None
        office.open()
        assert read_moves(office.home) == [vars(move) for move in registry.all_moves()]
        assert len(registry.moves()) == 2

    def test_gates_that_were_judged_against_another_champion_say_nothing(self, office: Office) -> None:
        registry = office.open()
        a, b, c = (office.train(registry, name) for name in "ABC")
        registry.promote_if(a, GOOD, judged_against=None)
        registry.promote_if(b, GOOD, judged_against=a)
        for against in (a, None):
            with pytest.raises(RegistryError, match=f"the champion is {b} now"):
                registry.promote_if(c, GOOD, judged_against=against)
        assert office.in_charge() == b

    def test_no_gates_no_verdict(self, office: Office) -> None:
        registry = office.open()
        with pytest.raises(ValueError, match="no gate was judged"):
            registry.promote_if(office.train(registry, "A"), [])


class TestMovingBack:
    def test_repeated_rollbacks_go_further_back_and_never_forward(self, office: Office) -> None:
        registry = office.open()
        a, b, c = (office.train(registry, name) for name in "ABC")
        for version in (a, b, c):
            registry.promote_if(version, GOOD)
        assert [registry.rollback("ana", "worse"), registry.rollback("ana", "still worse")] == [b, a]
        with pytest.raises(RegistryError, match="no earlier champion to go back to"):
            registry.rollback("ana", "even worse")
        registry.set_champion(c, "ana", "it was the data")
        assert registry.rollback("ana", "it was not") == a == office.in_charge()

    def test_nothing_to_go_back_to_in_an_empty_home(self, office: Office) -> None:
        with pytest.raises(RegistryError, match="no earlier champion"):
            office.open().rollback("ana", "why not")

    def test_an_unknown_version_names_the_known_ones(self, office: Office) -> None:
        registry = office.open()
        with pytest.raises(RegistryError, match="'nope'; registered: none yet"):
            registry.set_champion("nope", "ana", "typo")
        version = office.train(registry, "A")
        with pytest.raises(RegistryError, match=f"'nope'; registered: {version}"):
            registry.set_champion("nope", "ana", "typo")

    def test_a_changed_model_is_not_put_in_charge(self, office: Office) -> None:
        registry = office.open()
        good, changed = office.train(registry, "A"), office.train(registry, "B")
        registry.promote_if(good, GOOD)
        (office.home / "models" / changed / "model_card.md").write_text("better", encoding="utf-8")
        for attempt in (
            lambda: registry.set_champion(changed, "ana", "try"),
            lambda: registry.promote_if(changed, GOOD),
        ):
            with pytest.raises(RegistryError, match="changed after training"):
                attempt()
        assert office.in_charge() == good and len(registry.moves()) == 1

    def test_a_model_that_nobody_vouches_for_or_that_fails_its_trial_is_not_put_in_charge(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        registry = office.open()
        good, poor = office.train(registry, "A"), office.train(registry, "B")
        registry.promote_if(good, GOOD)
        monkeypatch.setattr(trial, "_tried", set())
        monkeypatch.setattr(trial, "_said_by_child", lambda folder, digest: "it ended its process")
        with pytest.raises(RegistryError, match="cannot be put in charge: it ended its process"):
            registry.set_champion(poor, "ana", "try")
        (office.home / "models" / poor / "signature.json").unlink()
        with pytest.raises(RegistryError, match=f"it is not signed.*models sign {poor}"):
            registry.set_champion(poor, "ana", "try")
        assert office.in_charge() == good and len(registry.moves()) == 1

    def test_a_lost_model_folder_is_fetched_from_its_run(self, office: Office) -> None:
        registry = office.open()
        first, second = office.train(registry, "A"), office.train(registry, "B")
        registry.promote_if(first, GOOD)
        for version in (first, second):
            shutil.rmtree(office.home / "models" / version)
        registry.set_champion(second, "ana", "trial")
        assert office.in_charge() == second
        registry.rollback("ana", "back")
        assert office.in_charge() == first


class PowerCutError(BaseException):
    """Nothing may catch it, as nothing catches a power cut."""


class TestInterruptions:
    @pytest.mark.parametrize(
        ("owner", "step", "is_done", "has_moved"),
        [
            (Store, "tag_model", False, False),
            (Store, "set_alias", False, False),
            (Store, "delete_alias", False, True),
            (pointer, "point_to", False, True),
            (pointer, "point_to", True, True),
        ],
    )
    def test_between_any_two_steps_leave_one_whole_champion(
        self, office: Office, owner: Any, step: str, is_done: bool, has_moved: bool
    ) -> None:
        registry = office.open()
        first, second = office.train(registry, "A"), office.train(registry, "B")
        registry.promote_if(first, GOOD)
        registry.promote_if(second, POOR)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(owner, step, cut(getattr(owner, step), is_done))
            with pytest.raises(PowerCutError):
                registry.promote_if(second, GOOD)
        again = office.open()
        assert champion_folder(office.home).name == (second if has_moved else first)
        aliases = {row["version"]: row["aliases"] for row in again.list_versions()}
        before = {first: ["champion"], second: ["challenger"]}
        assert aliases == ({first: [], second: ["champion"]} if has_moved else before)
        assert [move.to for move in again.moves()] == ([first, second] if has_moved else [first])
        assert again.promote_if(second, GOOD).promoted and again.rollback("ana", "back") == first
        assert [move.to for move in again.moves()] == [first, second, first]

    @pytest.mark.parametrize("step", ["register", "set_alias", "tag_model"])
    def test_of_the_first_training_leave_no_champion_and_the_next_one_succeeds(
        self, office: Office, step: str
    ) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Store, step, cut(getattr(Store, step), is_done=False))
            registry = office.open()
            with pytest.raises(PowerCutError):
                registry.promote_if(office.train(registry, "A"), GOOD)
        again = office.open()
        with pytest.raises(NoChampion, match="run `duecourse train LEDGER` first"):
            champion_folder(office.home)
        version = office.train(again, "A")
        assert again.promote_if(version, GOOD).promoted
        assert office.in_charge() == version and len(again.moves()) == 1


def cut(step: Any, is_done: bool) -> Any:
    def interrupted(*arguments: Any, **options: Any) -> None:
        if is_done:
            step(*arguments, **options)
        raise PowerCutError

    return interrupted


class TestPointer:
    def test_a_home_without_a_model_says_what_to_do(self, tmp_path: Path) -> None:
        with pytest.raises(NoChampion, match=r"no model yet in .*: run `duecourse train LEDGER` first"):
            champion_folder(tmp_path)

    @pytest.mark.parametrize("content", ["", '{"version": 1}'])
    def test_a_damaged_pointer_is_mended_by_opening_the_registry(self, office: Office, content: str) -> None:
        registry = office.open()
        version = office.train(registry, "A")
        registry.promote_if(version, GOOD)
        written = office.pointer.read_text(encoding="utf-8")
        office.pointer.write_text(content, encoding="utf-8")
        with pytest.raises(NoChampion, match="damaged"):
            champion_folder(office.home)
        assert office.in_charge_after_opening() == version
        assert office.pointer.read_text(encoding="utf-8") == written

    def test_a_lost_folder_is_fetched_by_opening_the_registry(self, office: Office) -> None:
        registry = office.open()
        version = office.train(registry, "A")
        registry.promote_if(version, GOOD)
        shutil.rmtree(office.home / "models" / version)
        with pytest.raises(NoChampion, match="has no folder"):
            champion_folder(office.home)
        assert office.in_charge_after_opening() == version

    def test_the_pointer_follows_an_alias_moved_with_other_tools(self, office: Office) -> None:
        registry = office.open()
        first, second = office.train(registry, "A"), office.train(registry, "B")
        registry.promote_if(first, GOOD)
        store = registry._store
        store.set_alias("champion", store.versions()[second])
        assert office.in_charge_after_opening() == second
        assert json.loads(office.pointer.read_text())["who"] == "unknown"
        store.delete_alias("champion")
        office.open()
        with pytest.raises(NoChampion, match="no model yet"):
            champion_folder(office.home)

    def test_a_registry_that_never_heard_of_the_champion_leaves_it_alone(self, office: Office) -> None:
        registry = office.open()
        version = office.train(registry, "A")
        registry.promote_if(version, GOOD)
        office.open(registered_model="another")
        assert champion_folder(office.home).name == version

    def test_reading_it_does_not_import_mlflow(self) -> None:
        code = "import sys, training.champion, training.gates; sys.exit('mlflow' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class TestHomes:
    def test_a_copied_home_shares_nothing_with_the_original(
        self, lone_office: Office, tmp_path: Path
    ) -> None:
        registry = lone_office.open()
        version = lone_office.train(registry, "A")
        registry.promote_if(version, GOOD)
        copied = Office(tmp_path / "a copy, älter #2", lone_office.models, Tracking())
        shutil.copytree(lone_office.home, copied.home)
        before = sorted(str(path) for path in lone_office.home.rglob("*"))
        other = copied.open()
        newer = copied.train(other, "B")
        other.promote_if(newer, GOOD)
        assert len(list((copied.home / "artifacts").iterdir())) == 2
        assert copied.in_charge() == newer and lone_office.in_charge() == version
        assert sorted(str(path) for path in lone_office.home.rglob("*")) == before

    def test_homes_that_share_a_store_share_its_models(self, office: Office, tmp_path: Path) -> None:
        registry = office.open()
        version = office.train(registry, "A")
        registry.promote_if(version, GOOD)
        colleague = Office(tmp_path / "colleague", office.models, office.tracking)
        assert colleague.in_charge_after_opening() == version
        assert load_model(champion_folder(colleague.home)).version == version

    def test_errors_of_mlflow_are_never_forwarded_raw(self, office: Office) -> None:
        def fail(*_: Any) -> None:
            raise MlflowException("row 7: customer C-0815 owes 12,000")

        registry = office.open()
        version = office.train(registry, "A")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Store, "set_alias", fail)
            with pytest.raises(RegistryError, match=r"promote the model \(INTERNAL_ERROR\)") as caught:
                registry.promote_if(version, GOOD)
        assert "C-0815" not in str(caught.value) and caught.value.__cause__ is None

    def test_a_home_that_is_a_file_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "home").write_text("", encoding="utf-8")
        with pytest.raises(RegistryError, match=r"could not open the model registry \(FileExistsError\)"):
            Office(tmp_path / "home", {}, Tracking()).open()
