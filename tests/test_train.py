"""Does the recipe learn only from the past, judge itself before use, and give the same model every time?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.days import day_number
from features.history import History
from features.lateness import LatenessRule
from features.ledger import Ledger
from tests.ledger_rows import INVOICE, PAYMENT, ledger
from training.champion import Champion, point_to
from training.cohort import replay
from training.contest import Contest, Incumbent, contest, incumbent, rehearsal_window
from training.model import RiskModel, load_model, save_model
from training.model.fitting import fit_model
from training.settings import Gates, Settings, TrainingSettings
from training.train import Training, folds_of, rehearse, train

CUT = date(2026, 1, 1)


@pytest.fixture(scope="module")
def settings(hasty_settings: TrainingSettings) -> Settings:
    few = Gates(fewest_late_to_compare=5, fewest_prompt_to_compare=5, fewest_customers_to_compare=10)
    return Settings(training=hasty_settings, gates=few)


@pytest.fixture(scope="module")
def trained(
    sample_ledger: Ledger, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Training, list[str]]:
    said: list[str] = []
    home = tmp_path_factory.mktemp("training") / "home"
    return train(sample_ledger, CUT, LatenessRule(), settings, home, said.append), said


class TestTraining:
    def test_saves_a_model_that_names_its_data(
        self, trained: tuple[Training, list[str]], sample_ledger: Ledger
    ) -> None:
        result, _ = trained
        assert result.folder.name == result.model.version
        assert result.folder.parent.name == "models"
        loaded = load_model(result.folder)
        assert loaded.card["data_fingerprint"] == result.data_fingerprint == sample_ledger.fingerprint(CUT)
        assert loaded.card["trained_on_facts_before"] == "2026-01-01"

    def test_rehearses_on_the_latest_days_that_have_matured(
        self, trained: tuple[Training, list[str]]
    ) -> None:
        rehearsal = trained[0].rehearsal
        assert rehearsal is not None
        assert trained[0].why_no_rehearsal == ""
        as_of = rehearsal.scored["as_of"]
        assert pd.Timestamp(rehearsal.cut) <= as_of.min()
        assert as_of.max() < pd.Timestamp(rehearsal.until)
        assert rehearsal.until < CUT
        assert {"p_late__model", "p_late__customer_rate", "p_late__logistic"} <= set(rehearsal.scored)
        assert set(rehearsal.evaluation.as_dict()["targets"]) >= {"p_late"}

    def test_tells_its_steps(self, trained: tuple[Training, list[str]]) -> None:
        _, said = trained
        assert said[0] == "replaying the past"
        assert [step for step in said if step.startswith(("judging", "saving"))] == [
            "judging the rehearsal",
            "saving the model",
        ]

    def test_does_not_put_the_model_in_charge(self, trained: tuple[Training, list[str]]) -> None:
        assert [path.name for path in trained[0].folder.parent.iterdir()] == [trained[0].model.version]


def without_later_rows(ledger: Ledger) -> Ledger:
    return ledger.known_before(CUT)


def with_later_rows_told_otherwise(ledger: Ledger) -> Ledger:
    tables, at = dict(ledger.tables), pd.Timestamp(CUT)
    paid = tables["payments"]
    again = paid[paid["known_on"] >= at].assign(amount=lambda rows: rows["amount"] * 2)
    bounced = paid[paid["known_on"] < at].tail(200).assign(paid_on=at, known_on=at)
    bounced["amount"] = -bounced["amount"]
    tables["payments"] = pd.concat([paid[paid["known_on"] < at], again, bounced], ignore_index=True)
    tables["disputes"] = tables["disputes"][tables["disputes"]["known_on"] < at].reset_index(drop=True)
    return replace(ledger, tables=tables)


class TestLaterFacts:
    @pytest.mark.parametrize("change", [without_later_rows, with_later_rows_told_otherwise])
    def test_change_neither_the_version_nor_a_byte(
        self,
        trained: tuple[Training, list[str]],
        sample_ledger: Ledger,
        settings: Settings,
        tmp_path: Path,
        change: Callable[[Ledger], Ledger],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("training.train.rehearse", no_rehearsal)
        again = train(change(sample_ledger), CUT, LatenessRule(), settings, tmp_path, lambda step: None)
        assert again.model.version == trained[0].model.version
        for path in again.folder.iterdir():
            assert path.read_bytes() == (trained[0].folder / path.name).read_bytes(), path.name

    def test_of_the_day_before_do(
        self,
        trained: tuple[Training, list[str]],
        sample_ledger: Ledger,
        settings: Settings,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("training.train.rehearse", no_rehearsal)
        changed = sample_ledger.known_before(CUT - timedelta(1))
        assert changed.fingerprint(CUT) != sample_ledger.fingerprint(CUT)
        again = train(changed, CUT, LatenessRule(), settings, tmp_path, lambda step: None)
        assert again.model.version != trained[0].model.version


def no_rehearsal(*_: object) -> None:
    raise ValueError("left out of this test")


class TestShortLedgers:
    def test_train_without_a_rehearsal_and_say_why(self, settings: Settings, tmp_path: Path) -> None:
        result = train(
            ledger(payments=[PAYMENT]),
            date(2024, 2, 6),
            LatenessRule(),
            settings,
            tmp_path,
            lambda step: None,
        )
        assert result.rehearsal is None
        assert result.why_no_rehearsal.startswith("no invoice had matured by 2023-11-03")
        assert result.model.horizons[0].kind == "rate"

    def test_that_have_nothing_matured_are_refused_and_leave_nothing(
        self, settings: Settings, tmp_path: Path
    ) -> None:
        with pytest.raises(ValueError, match="no invoice had matured by 2024-02-05"):
            train(ledger(), date(2024, 2, 5), LatenessRule(), settings, tmp_path, lambda step: None)
        assert list(tmp_path.rglob("*")) == []

    def test_with_nothing_to_judge_say_so(self, settings: Settings) -> None:
        old = [
            INVOICE | {"invoice_id": name, "issued_on": "2023-01-02", "due_on": "2023-02-01"} for name in "AB"
        ]
        history = History(ledger(*old, payments=[PAYMENT | {"paid_on": "2023-02-01"}]))
        with pytest.raises(ValueError, match="no invoice issued from 2024-01-27 to 2024-03-27 had matured"):
            day = date(2024, 5, 1)
            rehearse(history, day, settings, contest(history, day, settings, None), print)


class TestRehearsalWindow:
    @pytest.mark.parametrize(
        ("terms", "late_after", "expected"),
        [
            ([30, 30, 60], 5, ("2024-03-28", "2024-05-27")),
            ([30, 60, 60], 5, ("2024-02-27", "2024-04-27")),
            ([30, 30, 60], 30, ("2024-03-03", "2024-05-02")),
            ([-10, -10, 5], 5, ("2024-04-27", "2024-06-26")),
        ],
    )
    def test_ends_usual_terms_and_the_first_horizon_before_the_cut(
        self, terms: list[int], late_after: int, expected: tuple[str, str]
    ) -> None:
        issued_on = date(2024, 1, 10)
        invoices = [
            INVOICE
            | {"invoice_id": str(number), "issued_on": issued_on.isoformat()}
            | {"due_on": (issued_on + timedelta(days)).isoformat()}
            for number, days in enumerate(terms)
        ]
        history = History(ledger(*invoices), LatenessRule(late_after))
        begin, end = rehearsal_window(history, date(2024, 7, 1), Settings())
        assert (begin.isoformat(), end.isoformat()) == expected


@pytest.fixture(scope="module")
def half_year(sample_ledger: Ledger) -> History:
    return History(sample_ledger.known_before(CUT))


class TestChampionAtTheRehearsal:
    def held(
        self, half_year: History, settings: Settings, model: RiskModel, day: date, late_after: int = 5
    ) -> Contest:
        card = model.card | {"trained_on_facts_before": day.isoformat()}
        against = Incumbent("v", replace(model, card=card, rule=LatenessRule(late_after)))
        return contest(half_year, CUT, settings, against)

    @pytest.mark.parametrize(
        ("days_after", "late_after", "is_compared"),
        [(-30, 5, True), (0, 5, True), (20, 5, True), (70, 5, False), (200, 5, False), (0, 10, False)],
    )
    def test_is_asked_what_was_asked_after_both_were_trained(
        self,
        half_year: History,
        settings: Settings,
        small_model: RiskModel,
        days_after: int,
        late_after: int,
        is_compared: bool,
    ) -> None:
        begin, end = rehearsal_window(half_year, CUT, settings)
        held = self.held(half_year, settings, small_model, begin + timedelta(days_after), late_after)
        assert (held.champion is not None) == is_compared == (held.why_not is None)
        assert held.begin == (begin + timedelta(max(days_after, 0)) if is_compared else begin)
        assert held.end == end

    def test_answers_beside_the_rehearsed_model(
        self, half_year: History, settings: Settings, small_model: RiskModel
    ) -> None:
        begin, _ = rehearsal_window(half_year, CUT, settings)
        found = rehearse(half_year, CUT, settings, self.held(half_year, settings, small_model, begin), print)
        assert found.comparison is not None and not found.comparison.is_same
        assert found.comparison.rows == found.scored["outcome_p_late"].notna().sum()
        rivals = found.evaluation.targets["p_late"].against_best_baseline.values()
        assert "champion" not in {rival.baseline for rival in rivals}

    def test_of_the_same_recipe_is_the_rehearsed_model_itself(
        self, half_year: History, settings: Settings
    ) -> None:
        begin, _ = rehearsal_window(half_year, CUT, settings)
        champion = fit_model(History(half_year.ledger.known_before(begin)), begin, settings.training)
        found = rehearse(half_year, CUT, settings, self.held(half_year, settings, champion, begin), print)
        assert found.comparison is not None and found.comparison.is_same

    @pytest.mark.parametrize(
        ("days_after", "says"),
        [
            (20, "it takes 9999, 5 and 10."),
            (200, "no invoice issued since the champion was trained on facts before"),
        ],
    )
    def test_with_too_little_evidence_is_left_open_and_says_what_is_missing(
        self, half_year: History, settings: Settings, small_model: RiskModel, days_after: int, says: str
    ) -> None:
        begin, _ = rehearsal_window(half_year, CUT, settings)
        gates = settings.gates.model_copy(update={"fewest_late_to_compare": 9999})
        choosy = settings.model_copy(update={"gates": gates})
        held = self.held(half_year, choosy, small_model, begin + timedelta(days_after))
        assert held.champion is None and held.why_not is not None and held.why_not.is_open
        assert says in held.why_not.sentence

    @pytest.mark.parametrize(
        ("against", "ok", "says"),
        [
            (None, True, "There is no champion"),
            (Incumbent("v", None, "model v was changed"), True, "the simple rules decide alone: model v was"),
        ],
    )
    def test_may_be_missing(
        self, half_year: History, settings: Settings, against: Incumbent | None, ok: bool, says: str
    ) -> None:
        held = contest(half_year, CUT, settings, against)
        assert held.why_not is not None and held.why_not.ok == ok and says in held.why_not.sentence

    def test_of_another_target_is_a_question_for_a_person(
        self, half_year: History, settings: Settings, small_model: RiskModel
    ) -> None:
        held = self.held(half_year, settings, small_model, CUT, late_after=30)
        assert held.why_not is not None and not held.why_not.ok and not held.why_not.is_open
        assert "are not compared, and a person decides" in held.why_not.sentence

    def test_is_the_model_that_the_pointer_names(self, small_model: RiskModel, tmp_path: Path) -> None:
        assert incumbent(tmp_path) is None
        saved = save_model(small_model, tmp_path / "models")
        point_to(tmp_path, Champion(saved.version, "2026-01-01", "a test", "to see"))
        found = incumbent(tmp_path)
        assert found is not None and found.model is not None and found.version == saved.version
        (tmp_path / "models" / saved.version / "model.json").unlink()
        found = incumbent(tmp_path)
        assert found is not None and found.model is None and "was changed" in found.why_not
        (tmp_path / "models" / "champion.json").write_text("{", encoding="utf-8")
        found = incumbent(tmp_path)
        assert found is not None and (found.version, found.model) == ("unknown", None)


def test_the_calendar_of_folds_leaves_a_gap_as_long_as_the_horizon(sample_ledger: Ledger) -> None:
    history = History(sample_ledger.known_before(CUT), LatenessRule(10))
    rehearsal, final = folds_of(history, CUT, Settings())
    begin, end = rehearsal_window(history, CUT, Settings())
    assert [rehearsal[name] for name in ("name", "gap_to", "test_to")] == ["rehearsal", str(begin), str(end)]
    assert [final[name] for name in ("name", "gap_to", "test_to")] == ["final model", str(CUT), str(CUT)]
    for fold in (rehearsal, final):
        gap = date.fromisoformat(fold["gap_to"]) - date.fromisoformat(fold["fit_to"])
        assert gap == timedelta(10)
        assert fold["fit_from"] == "2025-07-01"
    # Nothing that teaches at the begin of the held-out days was asked in the gap.
    cohort = replay(history, CUT)
    taught = cohort.teaches("p_late", day_number(begin))
    assert cohort.as_of[taught].max() < day_number(begin)
    assert cohort.matures_on["p_late"][taught].max() < day_number(begin)
    assert np.isfinite(cohort.outcomes["p_late"][taught]).all()
