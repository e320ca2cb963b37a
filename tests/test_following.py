"""Does a service take up the champion that is named, keep the one it has on any doubt, and say which and why?"""

from __future__ import annotations

import gc
import logging
import shutil
import weakref
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from features.lateness import LatenessRule
from features.ledger import Ledger
from serving.api import settings
from serving.api.readiness import Readiness
from serving.api.settings import Settings
from serving.following import SECONDS_TO_TRY_AGAIN, Following, Refused
from serving.policy import Policy
from serving.scoring import Scorer
from tests.api_service import JSON, body, service
from tests.commands import runs_in
from training.champion import (
    MODELS,
    Champion,
    NoChampion,
    point_to,
    pointer_file,
    read_pointer,
)
from training.model import ArtefactError, RiskModel, load_model, save_model, trial
from training.model.signing import KEY, REQUIRED, SIGNATURE, TRUSTED

INVOICES = [
    {"invoice_id": name, "customer_id": "C", "issued_on": "2026-03-02", "due_on": "2026-04-01"}
    | {"amount": "10.00", "currency": "EUR"}
    for name in "XYZ"
]
DAY = date(2026, 3, 31)


@pytest.fixture(scope="session")
def three_models(small_model: RiskModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the small model, one that says the same, and one of another lateness rule."""
    store = tmp_path_factory.mktemp("three") / MODELS
    rule = LatenessRule(small_model.rule.late_after_days, calendar_days=True)
    for model in (small_model, named(small_model, "B"), replace(named(small_model, "C"), rule=rule)):
        save_model(model, store)
    return store


def named(model: RiskModel, name: str) -> RiskModel:
    return replace(model, card=model.card | {"name": name})


class Office:
    """A home with three models, the service that follows its champion, and the time there."""

    def __init__(self, home: Path, first: str) -> None:
        self.home, self.now = home, 0.0
        self.versions = [first, *sorted(self.models_but(first))]
        self.following = Following(home, lambda: self.now)
        self.book = Ledger.from_rows({"invoices": INVOICES, "payments": []})
        self.readiness = Readiness(self.load, following=self.following)
        self.charge(first)

    def models_but(self, version: str) -> list[str]:
        return [
            path.name for path in (self.home / MODELS).iterdir() if path.is_dir() and path.name != version
        ]

    def charge(self, version: str) -> None:
        point_to(self.home, Champion(version, "2026-04-01", "tests", "why not"))

    def load(self) -> Scorer:
        scorer = Scorer(self.book, self.following.first(), Policy.load(), DAY)
        self.following.serves(scorer)
        return scorer

    def folder(self, version: str) -> Path:
        return self.home / MODELS / version

    def looked(self) -> str:
        """Which model scores once the service has looked."""
        self.readiness.look()
        return self.readiness.scorer().model.version


@pytest.fixture
def office(three_models: Path, small_model: RiskModel, tmp_path: Path) -> Office:
    """The small model is in charge."""
    shutil.copytree(three_models, tmp_path / MODELS)
    return Office(tmp_path, small_model.version)


def lose(path: Path) -> None:
    shutil.rmtree(path)


def unsign(path: Path) -> None:
    (path / SIGNATURE).unlink()


def cut(path: Path) -> None:
    (path / "model.json").write_bytes((path / "model.json").read_bytes()[:-9])


def empty(path: Path) -> None:
    lose(path)
    path.mkdir()


class TestSwap:
    def test_to_another_champion_and_back(self, office: Office) -> None:
        office.readiness.load()
        for version in (*office.versions, *office.versions):
            office.charge(version)
            assert office.looked() == version
            scores = office.readiness.scorer().score_of("X")
            assert scores["model_version"] == version
            alone = Scorer(office.book, load_model(office.folder(version)), Policy.load(), DAY)
            assert scores == alone.score_of("X")
        assert office.readiness.refused() is None

    def test_shares_what_the_book_has_sorted_where_late_means_the_same(self, office: Office) -> None:
        office.readiness.load()
        first = office.readiness.scorer()
        for version in office.versions[1:]:
            model = load_model(office.folder(version))
            other = first.with_model(model)
            assert (other.history is first.history) == (model.rule == first.model.rule)
            assert other.facts.history is other.history and other.history.rule == model.rule
            assert first.model.version == office.versions[0]

    def test_lets_go_of_the_old_model(self, office: Office) -> None:
        """By reference alone: what was loaded is out of the garbage collector's sight."""
        office.readiness.load()
        gc.collect()
        gc.freeze()
        gc.disable()
        try:
            old = [
                weakref.ref(horizon.booster)
                for horizon in office.readiness.scorer().model.horizons
                if horizon.booster is not None
            ]
            office.charge(office.versions[1])
            assert office.looked() == office.versions[1]
            assert old and all(reference() is None for reference in old)
        finally:
            gc.enable()
            gc.unfreeze()

    def test_is_not_made_where_nothing_changed(self, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        office.readiness.load()
        scorer = office.readiness.scorer()
        monkeypatch.setattr("serving.following.load_tried", lambda folder: pytest.fail("loaded again"))
        office.readiness.look()
        assert office.readiness.scorer() is scorer


class TestDoubt:
    @pytest.mark.parametrize(
        ("damage", "why"),
        [
            (lose, "is missing"),
            (empty, "is missing"),
            (unsign, "it is not signed"),
            (cut, r"changed after training: model.json"),
        ],
    )
    def test_the_model_at_hand_goes_on_and_why_is_said_once(
        self, office: Office, damage: Callable[[Path], None], why: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        office.readiness.load()
        good, bad = office.versions[:2]
        damage(office.folder(bad))
        office.charge(bad)
        with caplog.at_level(logging.WARNING, "bentoml.duecourse"):
            assert [office.looked() for _ in range(3)] == [good] * 3
            office.now += SECONDS_TO_TRY_AGAIN
            assert office.looked() == good
        refused = office.readiness.refused()
        assert refused is not None and refused["version"] == bad and why in refused["why"]
        assert len([line for line in caplog.messages if bad in line]) == 1
        office.charge(good)
        assert office.looked() == good and office.readiness.refused() is None

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (b"", "is damaged"),
            (b"[]", "is damaged"),
            (b'{"version": "../../etc", "since": "", "who": "", "why": ""}', "is damaged"),
            (b'{"version": 7, "since": "", "who": "", "why": ""}', "is damaged"),
            (None, "no model is in charge any more"),
        ],
    )
    def test_a_damaged_pointer_changes_nothing(self, office: Office, content: bytes | None, why: str) -> None:
        office.readiness.load()
        pointer = pointer_file(office.home)
        pointer.unlink()
        if content is not None:
            pointer.write_bytes(content)
        assert office.looked() == office.versions[0]
        refused = office.readiness.refused()
        assert refused is not None and refused["version"] is None and why in refused["why"]

    def test_a_failed_trial_is_a_refusal(self, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        office.readiness.load()
        monkeypatch.setattr(trial, "_tried", set())
        monkeypatch.setattr(trial, "_said_by_child", lambda folder, digest: "it ended its process")
        office.charge(office.versions[1])
        assert office.looked() == office.versions[0]
        assert office.following.refused == Refused(office.versions[1], "it ended its process")

    def test_what_nobody_foresaw_is_a_refusal_too(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        office.readiness.load()
        monkeypatch.setattr(Scorer, "warm_up", lambda self: [][0])
        office.charge(office.versions[1])
        assert office.looked() == office.versions[0]
        assert office.following.refused == Refused(office.versions[1], "list index out of range")

    def test_what_is_mended_is_taken_up_at_once(self, office: Office) -> None:
        office.readiness.load()
        bad = office.versions[1]
        signature = (office.folder(bad) / SIGNATURE).read_bytes()
        unsign(office.folder(bad))
        office.charge(bad)
        assert office.looked() == office.versions[0]
        (office.folder(bad) / SIGNATURE).write_bytes(signature)
        assert office.looked() == bad and office.readiness.refused() is None

    def test_is_not_looked_into_again_before_its_time(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        office.readiness.load()
        unsign(office.folder(office.versions[1]))
        office.charge(office.versions[1])
        office.looked()
        monkeypatch.setattr("serving.following.load_tried", lambda folder: pytest.fail("looked into again"))
        office.now += SECONDS_TO_TRY_AGAIN - 1
        assert office.looked() == office.versions[0]


class TestStart:
    def test_falls_back_on_the_model_last_served(self, office: Office) -> None:
        good, bad = office.versions[:2]
        office.readiness.load()
        unsign(office.folder(bad))
        office.charge(bad)
        again = Office.__new__(Office)
        vars(again).update(vars(office))
        again.following = Following(office.home)
        again.readiness = Readiness(again.load, following=again.following)
        again.readiness.load()
        assert again.readiness.scorer().model.version == good
        refused = again.readiness.refused()
        assert refused is not None and refused["version"] == bad
        last = read_pointer(office.home, "last_served")
        assert last is not None and last.version == good

    @pytest.mark.parametrize("last", ["none", "the same", "damaged", "lost"])
    def test_without_one_says_why_and_tries_again(self, office: Office, last: str) -> None:
        first = office.versions[0]
        signature = (office.folder(first) / SIGNATURE).read_bytes()
        unsign(office.folder(first))
        if last == "damaged":
            pointer_file(office.home, "last_served").write_bytes(b"{")
        elif last != "none":
            point_to(
                office.home, Champion(first if last == "the same" else "0" * 12, "", "", ""), "last_served"
            )
        office.readiness.load()
        problem = office.readiness.why_not_ready()
        assert problem is not None and b"model in charge could not be loaded" in problem.document("/readyz")
        with pytest.raises(Exception, match=r"not signed.*tries again by itself"):
            office.readiness.scorer()
        (office.folder(first) / SIGNATURE).write_bytes(signature)
        assert office.looked() == first
        assert office.readiness.why_not_ready() is None

    def test_before_the_first_training_waits_for_it(self, office: Office) -> None:
        pointer = pointer_file(office.home)
        pointer.unlink()
        office.readiness.load()
        with pytest.raises(NoChampion):
            office.following.first()
        office.charge(office.versions[0])
        assert office.looked() == office.versions[0]

    def test_a_ledger_that_cannot_be_read_is_not_read_every_second(self, office: Office) -> None:
        loads = []

        def load() -> Scorer:
            office.following.first()
            loads.append(office.now)
            raise ValueError("row 7 is odd")

        readiness = Readiness(load, following=office.following)
        readiness.load()
        for _ in range(2 * SECONDS_TO_TRY_AGAIN):
            office.now += 1
            readiness.look()
        assert loads == [0, SECONDS_TO_TRY_AGAIN, 2 * SECONDS_TO_TRY_AGAIN]

    def test_raises_what_the_champion_raises(self, office: Office) -> None:
        cut(office.folder(office.versions[0]))
        with pytest.raises(ArtefactError, match=office.versions[0]):
            office.following.first()


def test_the_card_says_which_champion_is_refused(office: Office) -> None:
    office.readiness.load()
    asked = service(office.home, office.readiness.scorer)
    card = asked.get("/v1/models/current").json()
    assert card["model_version"] == office.versions[0] and card["refused"] is None
    answer = asked.post("/v1/scores", body({"invoice_ids": ["X"]}), JSON).json()
    assert answer["scores"][0]["model_version"] == office.versions[0]


@pytest.mark.parametrize(
    ("text", "seconds"), [("1", 1.0), ("0.05", 0.05), ("", 1.0), ("0", None), ("-1", None), ("soon", None)]
)
def test_how_often_a_service_looks_is_a_setting(text: str, seconds: float | None) -> None:
    given = {"DUECOURSE_FOLLOW_SECONDS": text}
    if seconds is None:
        with pytest.raises(ValueError, match=r"DUECOURSE_FOLLOW_SECONDS=.*number of seconds"):
            Settings.from_environment(given)
    else:
        assert Settings.from_environment(given).follow_seconds == seconds


def test_the_operator_finds_every_variable_in_the_help(tmp_path: Path) -> None:
    told = runs_in(tmp_path)("serve", "--help").stdout
    by_option = {"DUECOURSE_LEDGER", "DUECOURSE_AS_OF", "DUECOURSE_POLICY"}
    for name in {*settings._VARIABLES, KEY, TRUSTED, REQUIRED} - by_option:
        assert name in told
