"""May this model become champion? Every gate answers in a sentence, from the rehearsal's first horizon.

Against simple rules the figures themselves are compared. Against the champion a figure alone would be luck:
the challenger must be shown to be no worse than a margin allows, with 95 % confidence (training/comparison.py).
Three answers are possible: it holds; it is missed, because the challenger is worse; or it is open, because the
evidence allows both. The worst month, the worst segment and the late money caught are asked the other way round,
since a part of the rows, or the few invoices that carry most money, can never show so much (two seeds of one
recipe differed by 8 to 12 points of late money on a real ledger): they are missed where the challenger is worse
by more than the margin and surely worse at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from training.comparison import Comparison, Group, Paired
from training.evaluation import Evaluation, RowGroup, as_decimal, as_percent
from training.latency import Latency
from training.settings import Gates

RULES = {
    "customer_rate": "that of each customer's own late rate",
    "ageing": "that of the ageing rule",
    "logistic": "that of the logistic regression",
}
LOSSES = {"log_loss": "Log loss", "brier": "Brier score"}
NO_WORSE = "no_worse_than_champion"
"""The one gate that stands for all comparisons with the champion where there was none, or nothing to compare."""
QUICK_ENOUGH = 0.005
"""Seconds: a score within this passes, however quick the champion is."""


@dataclass(frozen=True)
class GateResult:
    """One gate: what was measured, the limit it was held against, and both in words.

    `is_open` where it does not hold for want of evidence, and not because something was found.
    """

    name: str
    ok: bool
    measured: float | None
    needed: float | None
    sentence: str
    is_open: bool = False


@dataclass(frozen=True)
class NotCompared:
    """Why champion and challenger were not compared, and whether the challenger may take charge nevertheless."""

    sentence: str
    ok: bool = False
    is_open: bool = False


def judge(
    evaluation: Evaluation | None,
    gates: Gates,
    against: Comparison | NotCompared,
    latency: Latency | None = None,
) -> list[GateResult]:
    """The result of every gate; `evaluation` is None where no rehearsal was possible."""
    group = None if evaluation is None else next(iter(evaluation.targets.values())).overall
    results = []
    for rule in RULES:
        results.append(_auc(group, rule, getattr(gates, f"auc_above_{rule}")))
        results.append(_brier(group, rule, getattr(gates, f"brier_below_{rule}")))
    results.append(_mean_prediction(group, gates.mean_prediction_within))
    if isinstance(against, NotCompared):
        return [*results, GateResult(NO_WORSE, against.ok, None, None, against.sentence, against.is_open)]
    if against.is_same:
        said = "Taught what the champion knew, the recipe gives the champion itself: only the data has grown."
        results.append(GateResult(NO_WORSE, True, 0.0, 0.0, said))
    else:
        results += _against_champion(against, gates)
    return results if latency is None else [*results, _latency(latency, gates.latency_ratio)]


def outcome_of(results: Sequence[GateResult]) -> str:
    """`promoted` where all gates hold, `open` where nothing but evidence is missing, else `not_passed`."""
    missed = [result for result in results if not result.ok]
    if not missed:
        return "promoted"
    return "open" if all(result.is_open for result in missed) else "not_passed"


def headline(results: Sequence[GateResult]) -> str:
    """The finding in one sentence: what was missed, else how it stands to the champion."""
    outcome, missed = outcome_of(results), [result for result in results if not result.ok]
    beside = [result for result in results if result.name in (NO_WORSE, "log_loss_margin")]
    if outcome == "promoted":
        return " ".join(["All gates hold.", *(result.sentence for result in beside)])
    # What is open would only blur what was found.
    told = [result.sentence for result in missed if outcome == "open" or not result.is_open]
    return " ".join(told)


def _auc(group: RowGroup | None, rule: str, margin: float) -> GateResult:
    name, own, other = (
        f"auc_above_{rule}",
        _figure(group, "model", "roc_auc"),
        _figure(group, rule, "roc_auc"),
    )
    if own is None or other is None:
        return _not_measured(name, "ROC AUC", group)
    ok = own > other + margin
    said = f"ROC AUC {_said(own)} {_beats(ok)} {RULES[rule]}, {_said(other)}"
    return GateResult(name, ok, own, other + margin, said + _by_more_than(margin) + ".")


def _brier(group: RowGroup | None, rule: str, margin: float) -> GateResult:
    name, own, other = f"brier_below_{rule}", _figure(group, "model", "brier"), _figure(group, rule, "brier")
    if own is None or other is None:
        return _not_measured(name, "Brier score", group)
    ok = own < other - margin
    said = f"Brier score {_said(own)} {_beats(ok)} {RULES[rule]}, {_said(other)}"
    return GateResult(name, ok, own, other - margin, said + _by_more_than(margin) + ".")


def _mean_prediction(group: RowGroup | None, within: float) -> GateResult:
    mean, rate = _figure(group, "model", "mean_prediction"), None if group is None else group.rate
    if mean is None or rate is None:
        return _not_measured("mean_prediction_within", "mean prediction", group)
    away = abs(mean - rate)
    where = "within" if away <= within else "not within"
    said = f"On average it predicts {_said(mean)} where {_said(rate)} were late: {where} {within:g}."
    return GateResult("mean_prediction_within", away <= within, away, within, said)


def _against_champion(found: Comparison, gates: Gates) -> list[GateResult]:
    shares = {"log_loss": gates.log_loss_margin, "brier": gates.brier_margin}
    return [
        *(_loss(name, found.measures.get(name), share) for name, share in shares.items()),
        _calibration(found.measures.get("calibration_error"), gates.calibration_error_margin),
        _late_money(found.measures.get("late_money_top_10"), gates.late_money_margin),
        _worst("month", found.months, gates.worst_month_margin),
        _worst("segment", found.segments, gates.worst_segment_margin),
    ]


def _loss(name: str, paired: Paired | None, share: float) -> GateResult:
    """A loss, held against a share of the champion's own."""
    gate, title = f"{name}_margin", LOSSES[name]
    if paired is None or not paired.champion:
        return _no_figure(gate, title)
    figures = f"{title} {_said(paired.challenger)} against the champion's {_said(paired.champion)}"
    spread = [
        None if value is None else value / paired.champion
        for value in (paired.difference, paired.low, paired.high)
    ]
    return _no_worse(gate, figures, spread, share, as_percent)


def _calibration(paired: Paired | None, margin: float) -> GateResult:
    gate = "calibration_error_margin"
    if paired is None:
        return _no_figure(gate, "Calibration error")
    figures = f"Calibration error {_said(paired.challenger)} against the champion's {_said(paired.champion)}"
    return _no_worse(gate, figures, [paired.difference, paired.low, paired.high], margin, _said)


def _late_money(paired: Paired | None, margin: float) -> GateResult:
    """The share of late money caught, of which less is worse: missed where it is surely less, and by the margin."""
    gate = "late_money_margin"
    if paired is None:
        return GateResult(gate, True, None, margin, "No money was late, so none could be caught.")
    caught, before = as_percent(paired.challenger), as_percent(paired.champion)
    figures = f"Of the late money {caught} is in its top 10 % by money at risk, {before} in the champion's"
    worse, is_sure = -(paired.difference or 0.0), paired.high is not None and paired.high < 0
    allowed = f"{as_percent(margin)} less is allowed"
    if worse > margin and is_sure:
        return GateResult(gate, False, worse, margin, f"{figures}: surely less, and {allowed}.")
    doubt = "less, but within chance" if worse > margin else allowed
    return GateResult(gate, True, worse, margin, f"{figures}: {doubt}.")


def _no_worse(
    name: str, figures: str, spread: Sequence[float | None], margin: float, form: Callable[[float], str]
) -> GateResult:
    """Non-inferiority: how much worse it is (the difference, its lower and upper bound) held against a margin."""
    worse, least, most = spread
    if worse is None or least is None or most is None:
        said = f"{figures}: too few customers to say how sure that is."
        return GateResult(name, False, worse, margin, said, is_open=True)
    allowed = f"where {form(margin)} is allowed"
    if most <= margin:
        is_better = most < 0
        bound = (
            f"better by {form(-most)} at least" if is_better else f"worse by {form(most)} at most, {allowed}"
        )
        return GateResult(name, True, most, margin, f"{figures}: {bound}.")
    if worse > margin or least > 0:
        said = f"{figures}: worse by {form(worse)}, perhaps by {form(most)}, {allowed}."
        return GateResult(name, False, most, margin, said)
    said = f"{figures}: not shown to be no worse, it may be by {form(most)} {allowed}."
    return GateResult(name, False, most, margin, said, is_open=True)


def _worst(kind: str, groups: Sequence[Group], margin: float) -> GateResult:
    name = f"worst_{kind}_margin"
    if not groups:
        return GateResult(name, True, None, margin, f"No {kind} has enough rows to be compared by itself.")
    surely = [group for group in groups if (group.log_loss.low or 0) > 0]
    worst = max(surely or groups, key=_share_worse)
    away, title = _share_worse(worst), group_title(worst)
    if surely and away > margin:
        said = (
            f"In {title} its log loss is {_said(worst.log_loss.challenger)} against the champion's "
            f"{_said(worst.log_loss.champion)}: {as_percent(away)} worse where {as_percent(margin)} is allowed, "
            f"which is no chance, also among {_counted(len(groups), kind)}."
        )
        return GateResult(name, False, away, margin, said)
    doubt = "surely worse, but within the margin" if surely else "within chance"
    said = (
        f"In none of {_counted(len(groups), kind)} is its log loss surely worse and by more than {as_percent(margin)}; "
        f"the worst is {title}, {as_percent(abs(away))} {'worse' if away > 0 else 'better'}, {doubt}."
    )
    return GateResult(name, True, away, margin, said)


def _counted(number: int, kind: str) -> str:
    return f"{number} {kind}{'s' if number > 1 else ''}"


def _share_worse(group: Group) -> float:
    paired = group.log_loss
    return (paired.difference or 0.0) / (paired.champion or 1.0)


def group_title(group: Group) -> str:
    """2026-05, or terms 15 to 30 days."""
    return group.name if group.grouping == "month" else f"{group.grouping.replace('_', ' ')} {group.name}"


def _latency(found: Latency, ratio: float) -> GateResult:
    ok = found.ratio <= ratio or found.challenger <= QUICK_ENOUGH
    own, other = 1000 * found.challenger, 1000 * found.champion
    said = f"One explained score takes {own:.1f} ms, the champion's {other:.1f} ms: {ratio:g} times as long is allowed."
    return GateResult("latency_ratio", ok, found.ratio, ratio, said)


def _figure(group: RowGroup | None, model: str, measure: str) -> float | None:
    figures = {} if group is None else group.models.get(model, {})
    return figures[measure].value if measure in figures else None


def _not_measured(name: str, what: str, group: RowGroup | None) -> GateResult:
    reason = "the history is too short to rehearse" if group is None else group.reason or "there is no figure"
    return GateResult(
        name, False, None, None, f"{what[0].upper()}{what[1:]} could not be measured: {reason}."
    )


def _no_figure(name: str, what: str) -> GateResult:
    return GateResult(name, False, None, None, f"{what} of both could not be measured.", is_open=True)


def _said(value: float | None) -> str:
    return as_decimal(value, places=4)


def _beats(ok: bool) -> str:
    return "beats" if ok else "does not beat"


def _by_more_than(margin: float) -> str:
    return f", by more than {margin:g}" if margin else ""
