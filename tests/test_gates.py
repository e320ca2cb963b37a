"""Which models may become champion, and what is said of those that may not?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from training.comparison import Comparison, Group, Paired
from training.evaluation import Estimate, Evaluation, RowGroup, TargetEvaluation
from training.gates import NotCompared, headline, judge, outcome_of
from training.latency import Latency
from training.settings import Gates

GATES = Gates(mean_prediction_within=0.02, log_loss_margin=0.03)
NOBODY = NotCompared("There is no champion to compare it with.", ok=True)


def rehearsal(reason: str | None = None, **models: dict[str, float | None]) -> Evaluation:
    """An evaluation of the first horizon, late rate .10; figures of `model` and `customer_rate` by default."""
    usual: dict[str, dict[str, float | None]] = {
        "model": {"roc_auc": 0.88, "brier": 0.048, "log_loss": 0.180, "mean_prediction": 0.11},
        "customer_rate": {"roc_auc": 0.86, "brier": 0.051},
        "ageing": {"roc_auc": 0.60, "brier": 0.080},
        "logistic": {"roc_auc": 0.87, "brier": 0.050},
    }
    for name, figures in models.items():
        usual[name] = usual.get(name, {}) | figures
    found = {
        name: {key: Estimate(value) for key, value in figures.items()} for name, figures in usual.items()
    }
    group = RowGroup("all", 500, 50, 0.10, 0.09, reason, found)
    return Evaluation(0, 0, 0.9, {"p_late": TargetEvaluation(5, 40, 0, "EUR", {}, group, {}, [])})


def missed(
    evaluation: Evaluation | None, against: Comparison | NotCompared = NOBODY, gates: Gates = GATES
) -> str:
    return " ".join(result.name for result in judge(evaluation, gates, against) if not result.ok)


def comparison(
    months: list[Group] | None = None, segments: list[Group] | None = None, **measures: Paired | None
) -> Comparison:
    """A challenger that is a little better in everything, but for what is given."""
    usual: dict[str, Any] = {
        "log_loss": Paired(0.198, 0.200, -0.002, -0.004, 0.001),
        "brier": Paired(0.049, 0.050, -0.001, -0.002, 0.0005),
        "calibration_error": Paired(0.010, 0.012, -0.002, -0.006, 0.003),
        "late_money_top_10": Paired(0.62, 0.60, 0.02, -0.04, 0.08),
    }
    found = {name: paired for name, paired in (usual | measures).items() if paired is not None}
    return Comparison("p_late", 900, 100, 80, False, 500, 0, found, months or [], segments or [])


def group(name: str, difference: float, low: float, grouping: str = "terms") -> Group:
    """A group in which the champion's log loss is .2."""
    return Group(grouping, name, 200, 30, Paired(0.2 + difference, 0.2, difference, low, difference + 0.05))


AUC, BRIER, MEAN = "auc_above_customer_rate", "brier_below_customer_rate", "mean_prediction_within"


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ({}, ""),
        ({"roc_auc": 0.86}, f"{AUC} auc_above_logistic"),
        ({"roc_auc": 0.865}, "auc_above_logistic"),
        ({"roc_auc": 0.55}, f"{AUC} auc_above_ageing auc_above_logistic"),
        ({"brier": 0.0505}, "brier_below_logistic"),
        ({"brier": 0.051}, f"{BRIER} brier_below_logistic"),
        ({"brier": 0.090}, f"{BRIER} brier_below_ageing brier_below_logistic"),
        ({"roc_auc": None}, f"{AUC} auc_above_ageing auc_above_logistic"),
        ({"mean_prediction": 0.121}, MEAN),
        ({"mean_prediction": 0.079}, MEAN),
        ({"mean_prediction": 0.081}, ""),
    ],
)
def test_a_model_must_beat_every_simple_rule_and_be_right_on_average(
    model: dict[str, float | None], expected: str
) -> None:
    assert missed(rehearsal(model=model)) == expected


@pytest.mark.parametrize(("margin", "expected"), [(0.019, ""), (0.021, AUC)])
def test_a_margin_has_to_be_exceeded(margin: float, expected: str) -> None:
    assert missed(rehearsal(), gates=Gates(auc_above_customer_rate=margin)) == expected


@pytest.mark.parametrize(
    ("difference", "low", "high", "expected"),
    [
        (-0.002, -0.004, 0.001, "promoted"),
        (0.001, -0.002, 0.006, "promoted"),  # at most 3 % of .2 worse
        (0.001, -0.002, 0.007, "open"),  # perhaps more, perhaps none
        (-0.010, -0.030, 0.010, "open"),
        (0.003, 0.001, 0.007, "not_passed"),  # surely worse, perhaps by more
        (0.008, -0.002, 0.020, "not_passed"),  # the figure itself is beyond the margin
        (0.002, 0.001, 0.005, "promoted"),  # surely worse, and surely by little
    ],
)
def test_the_challenger_must_be_shown_to_be_no_worse(
    difference: float, low: float, high: float, expected: str
) -> None:
    found = comparison(log_loss=Paired(0.2 + difference, 0.2, difference, low, high))
    results = judge(rehearsal(), GATES, found)
    assert outcome_of(results) == expected
    (gate,) = [result for result in results if result.name == "log_loss_margin"]
    assert (gate.ok, gate.is_open) == (expected == "promoted", expected == "open")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, ""),
        ({"calibration_error": Paired(0.03, 0.01, 0.02, 0.01, 0.03)}, "calibration_error_margin"),
        ({"brier": Paired(0.06, 0.05, 0.01, 0.005, 0.02)}, "brier_margin"),
        ({"brier": None}, "brier_margin"),
        ({"log_loss": Paired(0.2, 0.2, 0.0, None, None)}, "log_loss_margin"),
        ({"late_money_top_10": Paired(0.50, 0.60, -0.10, -0.20, 0.01)}, ""),
        ({"late_money_top_10": Paired(0.50, 0.60, -0.10, -0.20, -0.01)}, "late_money_margin"),
        ({"late_money_top_10": Paired(0.56, 0.60, -0.04, -0.06, -0.01)}, ""),
        ({"late_money_top_10": None}, ""),
        ({"segments": [group("a", 0.01, 0.005), group("b", 0.05, -0.01)]}, ""),
        ({"segments": [group("a", 0.01, 0.005), group("b", 0.05, 0.01)]}, "worst_segment_margin"),
        ({"months": [group("2026-05", 0.05, 0.01, "month")]}, "worst_month_margin"),
    ],
)
def test_every_respect_has_its_gate(changed: dict[str, Any], expected: str) -> None:
    assert missed(rehearsal(), comparison(**changed)) == expected


@pytest.mark.parametrize(
    ("challenger", "champion", "ok"), [(0.03, 0.01, True), (0.031, 0.01, False), (0.004, 0.001, True)]
)
def test_a_score_may_take_longer_but_not_without_end(challenger: float, champion: float, ok: bool) -> None:
    result = judge(rehearsal(), GATES, comparison(), Latency(challenger, champion))[-1]
    assert (result.name, result.ok) == ("latency_ratio", ok)


def test_who_could_not_be_compared_is_judged_by_the_reason() -> None:
    for ok, is_open in ((True, False), (False, True), (False, False)):
        result = judge(rehearsal(), GATES, NotCompared("Because.", ok, is_open))[-1]
        assert (result.ok, result.is_open, result.sentence) == (ok, is_open, "Because.")


def test_a_recipe_that_gives_the_champion_itself_says_so() -> None:
    results = judge(rehearsal(), GATES, replace(comparison(), is_same=True), Latency(0.9, 0.1))
    assert [result.name for result in results[-2:]] == ["no_worse_than_champion", "latency_ratio"]
    assert (results[-2].ok, results[-1].ok) == (True, False)
    assert "only the data has grown" in results[-2].sentence


def test_too_little_history_misses_every_gate_that_needs_a_rehearsal() -> None:
    assert len(missed(None).split()) == 7
    assert judge(None, GATES, NOBODY)[0].sentence == (
        "ROC AUC could not be measured: the history is too short to rehearse."
    )


def test_what_could_not_be_measured_says_why() -> None:
    sparse = rehearsal("2 of 500 scores turned out late", model={"roc_auc": None})
    assert judge(sparse, GATES, NOBODY)[0].sentence == (
        "ROC AUC could not be measured: 2 of 500 scores turned out late."
    )


def test_the_sentences_can_be_said_aloud() -> None:
    gates = Gates(brier_below_customer_rate=0.01)
    worse = comparison(
        segments=[group("15 to 30 days", 0.05, 0.01)],
        log_loss=Paired(0.21, 0.20, 0.01, 0.005, 0.015),
        brier=Paired(0.0502, 0.05, 0.0002, -0.001, 0.003),
    )
    said = [result.sentence for result in judge(rehearsal(), gates, worse, Latency(0.008, 0.004))]
    assert said[:2] + said[6:] == [
        "ROC AUC .8800 beats that of each customer's own late rate, .8600.",
        "Brier score .0480 does not beat that of each customer's own late rate, .0510, by more than 0.01.",
        "On average it predicts .1100 where .1000 were late: within 0.04.",
        "Log loss .2100 against the champion's .2000: worse by 5.0 %, perhaps by 7.5 %, where 3.0 % is allowed.",
        "Brier score .0502 against the champion's .0500: not shown to be no worse, it may be by 6.0 % "
        "where 3.0 % is allowed.",
        "Calibration error .0100 against the champion's .0120: worse by .0030 at most, where .0200 is allowed.",
        "Of the late money 62.0 % is in its top 10 % by money at risk, 60.0 % in the champion's: "
        "5.0 % less is allowed.",
        "No month has enough rows to be compared by itself.",
        "In terms 15 to 30 days its log loss is .2500 against the champion's .2000: 25.0 % worse where 10.0 % is "
        "allowed, which is no chance, also among 1 segment.",
        "One explained score takes 8.0 ms, the champion's 4.0 ms: 3 times as long is allowed.",
    ]


def test_the_headline_names_what_was_found_before_what_is_open() -> None:
    results = judge(rehearsal(), GATES, comparison(brier=Paired(0.05, 0.05, 0.0, -0.01, 0.01)))
    assert headline(results).startswith("Brier score .0500 against the champion's .0500: not shown")
    found = [
        replace(result, ok=False, sentence="Too slow.") if result.name == AUC else result
        for result in results
    ]
    assert headline(found) == "Too slow."
    good = judge(rehearsal(), GATES, comparison())
    assert headline(good) == (
        "All gates hold. Log loss .1980 against the champion's .2000: worse by 0.5 % at most, where 3.0 % is allowed."
    )
