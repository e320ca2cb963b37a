"""May this model become champion? Every gate answers in a sentence, from the rehearsal's first horizon."""

from __future__ import annotations

from dataclasses import dataclass

from features.lateness import LatenessRule
from training.evaluation import Evaluation, RowGroup, as_decimal
from training.settings import Gates

BASELINE = "customer_rate"
CHAMPION = "champion"
"""Name of the champion's column among the models of a rehearsal."""


@dataclass(frozen=True)
class GateResult:
    """One gate: what was measured, the limit it was held against, and both in words."""

    name: str
    ok: bool
    measured: float | None
    needed: float | None
    sentence: str


def judge(
    evaluation: Evaluation | None,
    gates: Gates,
    rule: LatenessRule,
    champion_rule: LatenessRule | None = None,
) -> list[GateResult]:
    """The result of every gate for a model of `rule`; `evaluation` is None where no rehearsal was possible.

    The champion is compared only where it has the same rule and scored the same rows as a model named
    `champion`; `champion_rule` is None where there is no champion that this program can load.
    """
    group = None if evaluation is None else next(iter(evaluation.targets.values())).overall
    return [
        _auc(group, gates.auc_above_customer_rate),
        _brier(group, gates.brier_below_customer_rate),
        _mean_prediction(group, gates.mean_prediction_within),
        _against_champion(group, gates.log_loss_not_above_champion, rule, champion_rule),
    ]


def _auc(group: RowGroup | None, margin: float) -> GateResult:
    own, other = _figure(group, "model", "roc_auc"), _figure(group, BASELINE, "roc_auc")
    if own is None or other is None:
        return _not_measured("auc_above_customer_rate", "ROC AUC", group)
    ok = own > other + margin
    said = f"ROC AUC {_said(own)} {_beats(ok)} that of each customer's own late rate, {_said(other)}"
    return GateResult("auc_above_customer_rate", ok, own, other + margin, said + _by_more_than(margin) + ".")


def _brier(group: RowGroup | None, margin: float) -> GateResult:
    own, other = _figure(group, "model", "brier"), _figure(group, BASELINE, "brier")
    if own is None or other is None:
        return _not_measured("brier_below_customer_rate", "Brier score", group)
    ok = own < other - margin
    said = f"Brier score {_said(own)} {_beats(ok)} that of each customer's own late rate, {_said(other)}"
    return GateResult(
        "brier_below_customer_rate", ok, own, other - margin, said + _by_more_than(margin) + "."
    )


def _mean_prediction(group: RowGroup | None, within: float) -> GateResult:
    mean, rate = _figure(group, "model", "mean_prediction"), None if group is None else group.rate
    if mean is None or rate is None:
        return _not_measured("mean_prediction_within", "mean prediction", group)
    away = abs(mean - rate)
    where = "within" if away <= within else "not within"
    said = f"On average it predicts {_said(mean)} where {_said(rate)} were late: {where} {within:g}."
    return GateResult("mean_prediction_within", away <= within, away, within, said)


def _against_champion(
    group: RowGroup | None, tolerance: float, rule: LatenessRule, champion_rule: LatenessRule | None
) -> GateResult:
    name = "log_loss_not_above_champion"
    if champion_rule is None:
        return GateResult(name, True, None, None, "There is no champion to compare it with.")
    if champion_rule != rule:
        # Not a comparison but a question for a person: what people are told would change its meaning.
        said = (
            f"It predicts invoices {_target(rule)}, the champion {_target(champion_rule)}: models of different "
            "targets are not compared, and a person decides between them (`duecourse models`)."
        )
        return GateResult(name, False, None, None, said)
    if group is None:
        return _not_measured(name, "log loss beside the champion", group)
    own, other = _figure(group, "model", "log_loss"), _figure(group, CHAMPION, "log_loss")
    if own is None or other is None:
        return GateResult(name, True, own, None, "The champion was not scored on these rows: not compared.")
    ok = own <= other + tolerance
    where = "no more than" if ok else "more than"
    said = f"Log loss {_said(own)} is {where} {tolerance:g} above the champion's {_said(other)} on the same rows."
    return GateResult(name, ok, own, other + tolerance, said)


def _figure(group: RowGroup | None, model: str, measure: str) -> float | None:
    figures = {} if group is None else group.models.get(model, {})
    return figures[measure].value if measure in figures else None


def _not_measured(name: str, what: str, group: RowGroup | None) -> GateResult:
    reason = "the history is too short to rehearse" if group is None else group.reason or "there is no figure"
    return GateResult(
        name, False, None, None, f"{what[0].upper()}{what[1:]} could not be measured: {reason}."
    )


def _said(value: float) -> str:
    return as_decimal(value, places=4)


def _beats(ok: bool) -> str:
    return "beats" if ok else "does not beat"


def _by_more_than(margin: float) -> str:
    return f", by more than {margin:g}" if margin else ""


def _target(rule: LatenessRule) -> str:
    days = "counted from the printed due date" if rule.calendar_days else "counted from a working day"
    return f"more than {rule.late_after_days} days late {days}"
