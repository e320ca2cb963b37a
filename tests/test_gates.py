"""Which models may become champion, and what is said of those that may not?"""

from __future__ import annotations

import pytest

from features.lateness import LatenessRule
from training.evaluation import Estimate, Evaluation, RowGroup, TargetEvaluation
from training.gates import judge
from training.settings import Gates

RULE = LatenessRule()
GATES = Gates(mean_prediction_within=0.02, log_loss_not_above_champion=0.005)


def rehearsal(reason: str | None = None, **models: dict[str, float | None]) -> Evaluation:
    """An evaluation of the first horizon, late rate .10; figures of `model` and `customer_rate` by default."""
    usual: dict[str, dict[str, float | None]] = {
        "model": {"roc_auc": 0.88, "brier": 0.048, "log_loss": 0.180, "mean_prediction": 0.11},
        "customer_rate": {"roc_auc": 0.86, "brier": 0.051},
    }
    for name, figures in models.items():
        usual[name] = usual.get(name, {}) | figures
    found = {
        name: {key: Estimate(value) for key, value in figures.items()} for name, figures in usual.items()
    }
    group = RowGroup("all", 500, 50, 0.10, 0.09, reason, found)
    return Evaluation(0, 0, 0.9, {"p_late": TargetEvaluation(5, 40, 0, "EUR", {}, group, {}, [])})


def missed(
    evaluation: Evaluation | None, champion_rule: LatenessRule | None = None, gates: Gates = GATES
) -> str:
    return " ".join(result.name for result in judge(evaluation, gates, RULE, champion_rule) if not result.ok)


AUC, BRIER, MEAN = "auc_above_customer_rate", "brier_below_customer_rate", "mean_prediction_within"
LOSS = "log_loss_not_above_champion"


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ({}, ""),
        ({"roc_auc": 0.86}, AUC),
        ({"roc_auc": 0.80, "brier": 0.060}, f"{AUC} {BRIER}"),
        ({"roc_auc": None}, AUC),
        ({"brier": 0.051}, BRIER),
        ({"mean_prediction": 0.121}, MEAN),
        ({"mean_prediction": 0.079}, MEAN),
        ({"mean_prediction": 0.081}, ""),
    ],
)
def test_a_model_must_beat_the_customers_own_rate_and_be_right_on_average(
    model: dict[str, float | None], expected: str
) -> None:
    assert missed(rehearsal(model=model)) == expected


@pytest.mark.parametrize(("margin", "expected"), [(0.019, ""), (0.021, AUC)])
def test_a_margin_has_to_be_exceeded(margin: float, expected: str) -> None:
    assert missed(rehearsal(), gates=Gates(auc_above_customer_rate=margin)) == expected


@pytest.mark.parametrize(("champion", "expected"), [(0.190, ""), (0.176, ""), (0.174, LOSS)])
def test_a_champion_of_the_same_target_is_compared_on_the_same_rows(champion: float, expected: str) -> None:
    assert missed(rehearsal(champion={"log_loss": champion}), RULE) == expected


@pytest.mark.parametrize("other", [LatenessRule(30), LatenessRule(5, calendar_days=True)])
def test_models_of_different_targets_are_never_compared(other: LatenessRule) -> None:
    for log_loss in (0.001, 10.0):
        result = judge(rehearsal(champion={"log_loss": log_loss}), GATES, RULE, other)[-1]
        assert (result.ok, result.measured, result.needed) == (False, None, None)
        assert "are not compared, and a person decides" in result.sentence


def test_a_champion_that_did_not_score_these_rows_is_said_not_to_be_compared() -> None:
    result = judge(rehearsal(), GATES, RULE, RULE)[-1]
    assert result.ok and result.sentence == "The champion was not scored on these rows: not compared."


def test_too_little_history_misses_every_gate_that_needs_a_rehearsal() -> None:
    assert missed(None) == f"{AUC} {BRIER} {MEAN}"
    assert missed(None, RULE) == f"{AUC} {BRIER} {MEAN} {LOSS}"
    assert judge(None, GATES, RULE)[0].sentence == (
        "ROC AUC could not be measured: the history is too short to rehearse."
    )


def test_what_could_not_be_measured_says_why() -> None:
    sparse = rehearsal("2 of 500 scores turned out late", model={"roc_auc": None})
    assert judge(sparse, GATES, RULE)[0].sentence == (
        "ROC AUC could not be measured: 2 of 500 scores turned out late."
    )


def test_the_sentences_can_be_said_aloud() -> None:
    gates = Gates(brier_below_customer_rate=0.01)
    said = [result.sentence for result in judge(rehearsal(champion={"log_loss": 0.1}), gates, RULE, RULE)]
    assert said == [
        "ROC AUC .8800 beats that of each customer's own late rate, .8600.",
        "Brier score .0480 does not beat that of each customer's own late rate, .0510, by more than 0.01.",
        "On average it predicts .1100 where .1000 were late: within 0.04.",
        "Log loss .1800 is more than 0.005 above the champion's .1000 on the same rows.",
    ]
