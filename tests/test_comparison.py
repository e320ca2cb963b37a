"""Are differences of two models what a slow count says, paired, and is the worst group not mistaken for luck?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss, log_loss

from tests.contests import contested, fitted, world
from training.comparison import compare
from training.gates import _against_champion, outcome_of
from training.settings import Gates


def made(seed: int = 0, rows: int = 800, customers: int = 80) -> tuple[pd.DataFrame, np.random.Generator]:
    rng = np.random.default_rng(seed)
    return world(rng, rows, customers), rng


def test_the_figures_are_those_of_scikit_learn() -> None:
    frame, rng = made()
    scored = contested(frame, fitted(frame, rng), fitted(frame, rng))
    found = compare(scored, "p_late", resamples=50)
    for name, measure in (("log_loss", log_loss), ("brier", brier_score_loss)):
        own, other = (
            measure(scored["outcome_p_late"], scored[f"p_late__{m}"]) for m in ("model", "champion")
        )
        paired = found.measures[name]
        assert (paired.challenger, paired.champion) == pytest.approx((own, other))
        assert paired.difference == pytest.approx(own - other)
    for group in [*found.months, *found.segments]:
        mine = scored[scored[group.grouping] == group.name]
        own, other = (log_loss(mine["outcome_p_late"], mine[f"p_late__{m}"]) for m in ("model", "champion"))
        assert group.log_loss.difference == pytest.approx(own - other)
        assert (group.rows, group.late) == (len(mine), mine["outcome_p_late"].sum())


def test_one_model_against_itself_differs_in_nothing() -> None:
    frame, rng = made()
    same = fitted(frame, rng)
    found = compare(contested(frame, same, same), "p_late", resamples=50)
    assert found.is_same and found.months and found.segments
    paired = [*found.measures.values(), *(group.log_loss for group in [*found.months, *found.segments])]
    assert all(each.difference == each.low == each.high == 0 for each in paired)
    assert outcome_of(_against_champion(found, Gates())) == "promoted"


def test_swapping_the_models_turns_every_sign() -> None:
    frame, rng = made()
    one, other = fitted(frame, rng), fitted(frame, rng)
    there = compare(contested(frame, one, other), "p_late", resamples=60)
    back = compare(contested(frame, other, one), "p_late", resamples=60)
    for name, paired in there.measures.items():
        turned = back.measures[name]
        assert paired.difference == pytest.approx(-(turned.difference or 0))
        assert (paired.low, paired.high) == pytest.approx((-(turned.high or 0), -(turned.low or 0)))


def test_the_order_of_rows_and_the_day_do_not_matter() -> None:
    frame, rng = made()
    scored = contested(frame, fitted(frame, rng), fitted(frame, rng))
    found = compare(scored, "p_late", resamples=50)
    assert compare(scored.sample(frac=1, random_state=3), "p_late", resamples=50) == found


def test_small_groups_and_rows_not_known_yet_are_left_out() -> None:
    frame, rng = made()
    frame.loc[frame["month"] == "2026-04", "outcome_p_late"] = np.nan
    frame.loc[frame.index[:20], "terms"] = "more than 60 days"
    found = compare(contested(frame, fitted(frame, rng), fitted(frame, rng)), "p_late", resamples=50)
    assert found.rows == frame["outcome_p_late"].notna().sum()
    assert [group.name for group in found.months] == ["2026-05"]
    assert "more than 60 days" not in {group.name for group in found.segments}


def test_a_segment_spoiled_by_much_is_found_and_named() -> None:
    frame, rng = made(rows=1500)
    champion = fitted(frame, rng)
    spoiled = champion + np.where(frame["terms"] == "31 to 60 days", 2.0, 0.0)
    found = compare(contested(frame, spoiled, champion), "p_late", resamples=200)
    surely = {group.name for group in found.segments if (group.log_loss.low or 0) > 0}
    assert "31 to 60 days" in surely
    gates = {gate.name: gate for gate in _against_champion(found, Gates())}
    assert not gates["worst_segment_margin"].ok
    assert "terms 31 to 60 days" in gates["worst_segment_margin"].sentence


def test_too_few_customers_have_no_bounds_and_leave_the_gate_open() -> None:
    frame, rng = made(rows=200, customers=8)
    found = compare(contested(frame, fitted(frame, rng), fitted(frame, rng)), "p_late", resamples=50)
    assert found.measures["log_loss"].high is None and found.months == []
    assert outcome_of(_against_champion(found, Gates())) == "open"


CHALLENGERS: dict[str, Callable[[pd.DataFrame, np.ndarray, np.random.Generator], np.ndarray]] = {
    "fitted_alike": lambda frame, champion, rng: fitted(frame, rng),
    "shuffled": lambda frame, champion, rng: rng.permutation(champion),
    "too_high": lambda frame, champion, rng: fitted(frame, rng) + 0.5,
    "too_low": lambda frame, champion, rng: fitted(frame, rng) - 0.5,
    "one_segment_spoiled": lambda frame, champion, rng: (
        champion + np.where(frame["terms"] == "31 to 60 days", 1.5, 0)
    ),
}


def outcomes(kind: str, runs: int, rows: int = 2400, resamples: int = 200) -> Counter[str]:
    """How often a challenger of a kind was promoted, left open and refused against a champion as good as usual."""
    count: Counter[str] = Counter()
    for run in range(runs):
        frame, rng = made(run, rows, rows // 12)
        champion = fitted(frame, rng)
        challenger = CHALLENGERS[kind](frame, champion, rng)
        found = compare(contested(frame, challenger, champion), "p_late", resamples)
        count[outcome_of(_against_champion(found, Gates()))] += 1
    return count


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in CHALLENGERS if kind != "fitted_alike"])
def test_a_clearly_worse_challenger_is_promoted_in_at_most_one_of_a_hundred(kind: str) -> None:
    assert outcomes(kind, runs=100)["promoted"] <= 1


@pytest.mark.slow
def test_a_challenger_as_good_as_the_champion_is_promoted_in_ninety_five_of_a_hundred() -> None:
    found = outcomes("fitted_alike", runs=100)
    assert found["promoted"] >= 95 and found["not_passed"] <= 3, found


@pytest.mark.slow
def test_the_bounds_of_groups_hold_together() -> None:
    """Two models equally good everywhere: with 95 % confidence no group's bound says otherwise."""
    wrong: list[bool] = []
    for run in range(40):
        frame, rng = made(run, 600, 60)
        found = compare(contested(frame, fitted(frame, rng), fitted(frame, rng)), "p_late", resamples=100)
        wrong.append(any((group.log_loss.low or 0) > 0 for group in found.segments))
    assert sum(wrong) <= 6  # of 40, more than 6 has a chance of 1 % at 5 % each
