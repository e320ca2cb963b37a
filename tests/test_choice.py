"""Is the regret of a rule what its choices lost, and does no rule look at what had not matured?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from training.choice import CHAMPION, Choice, choose, verdict

FEBRUARY, MARCH, APRIL, MAY = (f"2025-{month:02d}-01" for month in (2, 3, 4, 5))


def rows_of(begin: str, matures_on: str, model: float, other: float, count: int = 120) -> pd.DataFrame:
    """A period in which nobody was late, so that the log loss of saying p is -log(1 - p)."""
    return pd.DataFrame(
        {
            "invoice_id": [f"{begin}-{number}" for number in range(count)],
            "customer_id": [f"C{number % 20}" for number in range(count)],
            "as_of": pd.Timestamp(begin),
            "taught_before": pd.Timestamp(begin),
            "matures_on": pd.Timestamp(matures_on),
            "outcome_p_late": 0.0,
            "p_late__model": model,
            "p_late__other": other,
        }
    )


def chosen(*periods: pd.DataFrame) -> Choice:
    found = choose(pd.concat(periods, ignore_index=True), "p_late")
    assert found is not None
    return found


def rule(found: Choice, name: str) -> Any:
    return next(rule for rule in found.rules if rule.name == name)


def loss(p: float) -> float:
    return float(-np.log1p(-p))


def test_a_rule_sees_an_outcome_only_once_it_has_matured() -> None:
    """February's winner shows in its outcomes on 1 March, too late for March, which begins that day."""
    found = chosen(
        rows_of(FEBRUARY, MARCH, 0.5, 0.1), rows_of(MARCH, MARCH, 0.5, 0.1), rows_of(APRIL, APRIL, 0.5, 0.1)
    )
    assert found.known_before == [0, 0, 240]
    assert rule(found, "best_so_far").choices == [CHAMPION, CHAMPION, "other"]


def test_regret_is_what_the_choice_lost_against_the_best() -> None:
    found = chosen(rows_of(FEBRUARY, "2025-02-20", 0.5, 0.1), rows_of(MARCH, "2025-03-20", 0.2, 0.4))
    assert found.candidates == {
        "model": pytest.approx([loss(0.5), loss(0.2)]),
        "other": pytest.approx([loss(0.1), loss(0.4)]),
    }
    assert rule(found, "always_the_model").regrets == pytest.approx([loss(0.5) - loss(0.1), 0.0])
    assert rule(found, "best_last_period").regrets == pytest.approx(
        [loss(0.5) - loss(0.1), loss(0.4) - loss(0.2)]
    )
    assert rule(found, "always_the_model").worst_regret == pytest.approx(loss(0.5) - loss(0.1))
    assert found.rules[0].name == "always_the_model"


def test_the_latest_period_and_all_before_it_may_choose_differently() -> None:
    found = chosen(
        rows_of(FEBRUARY, "2025-02-20", 0.1, 0.6),
        rows_of(MARCH, "2025-03-20", 0.3, 0.2),
        rows_of(APRIL, "2025-04-20", 0.3, 0.2),
    )
    assert rule(found, "best_last_period").choices == [CHAMPION, CHAMPION, "other"]
    assert rule(found, "best_so_far").choices == [CHAMPION, CHAMPION, CHAMPION]


def test_the_model_stays_where_its_lag_is_within_chance() -> None:
    """The other is better for one customer alone: on average ahead, but not over resamples of customers."""
    first = rows_of(FEBRUARY, "2025-02-20", 0.2, 0.208)
    first.loc[first["customer_id"] == "C3", "p_late__other"] = 0.01
    found = chosen(first, rows_of(MARCH, "2025-03-20", 0.2, 0.2))
    assert rule(found, "best_so_far").choices[1] == "other"
    assert rule(found, "model_unless_clearly_beaten").choices[1] == CHAMPION
    clear = chosen(rows_of(FEBRUARY, "2025-02-20", 0.2, 0.1), rows_of(MARCH, "2025-03-20", 0.2, 0.1))
    assert rule(clear, "model_unless_clearly_beaten").choices[1] == "other"


def test_models_without_a_family_are_no_candidates() -> None:
    frames = [rows_of(day, day, 0.2, 0.3).assign(p_late__without_habit=0.01) for day in (FEBRUARY, MARCH)]
    assert set(chosen(*frames).candidates) == {"model", "other"}


def test_one_period_leaves_nothing_to_choose() -> None:
    assert choose(rows_of(FEBRUARY, MARCH, 0.2, 0.3), "p_late") is None


def test_the_verdict_names_the_best_rule() -> None:
    found = chosen(
        rows_of(FEBRUARY, "2025-02-20", 0.2, 0.1),
        rows_of(MARCH, "2025-03-20", 0.2, 0.1),
        rows_of(MAY, MAY, 0.2, 0.1),
    )
    assert "the model unless another was clearly better so far lost .0393, the least" in verdict(found)
    worse = chosen(rows_of(FEBRUARY, "2025-02-20", 0.2, 0.3), rows_of(MARCH, "2025-03-20", 0.2, 0.3))
    assert verdict(worse).endswith("lost .0000 of log loss per invoice against the best of each; no rule for "
                                   "choosing did better.")  # fmt: skip
