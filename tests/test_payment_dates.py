"""Are payment dates judged on the right invoices, and the simple rules beside them right?"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from features.days import NEVER, day_number
from features.history import History
from tests.ledger_rows import INVOICE, PAYMENT, ledger
from training.backtest import Replayed
from training.cohort import ask, issued_between
from training.model import RiskModel
from training.payment_dates import RULES, date_figures, date_rows, usual_days_late
from training.segments import SEGMENTS, segments

KNOWN_BY = date(2026, 7, 1)
END = day_number(KNOWN_BY)


def rows(**changed: list[int]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Three invoices due 100 days before the end, expected on their due day, with a range of two days about it."""
    due = np.full(3, END - 100)
    table = dict.fromkeys(("due", "as_of", "settled", *RULES), due) | {"p10": due - 1, "p90": due + 1}
    dates = pd.DataFrame(table | {name: np.array(values) + END - 100 for name, values in changed.items()})
    scored = pd.DataFrame({name: ["x"] * 3 for name in SEGMENTS})
    return scored, dates.assign(as_of=due - 30)


@pytest.mark.parametrize(
    ("changed", "judged", "mean", "held", "undecided"),
    [
        ({}, 3, 0.0, 1.0, 0),
        ({"settled": [0, 2, -2]}, 3, 4 / 3, 1 / 3, 0),
        ({"settled": [0, 1, -1]}, 3, 2 / 3, 1.0, 0),
        # closed by credit alone says nothing about paying
        ({"settled": [0, 0, -1 - (END - 100)]}, 2, 0.0, 1.0, 0),
        # due too shortly before the end, whatever came of it
        ({"due": [0, 0, 90]}, 2, 0.0, 1.0, 0),
        # open: it counts as paid on the end, and has missed a range that has passed
        ({"settled": [0, 0, NEVER]}, 3, 100 / 3, 2 / 3, 0),
        ({"settled": [0, 0, NEVER], "p90": [1, 1, 100]}, 3, 100 / 3, 1.0, 1),
        ({"settled": [0, 0, NEVER], "p90": [1, 1, 99]}, 3, 100 / 3, 2 / 3, 0),
    ],
)  # fmt: skip
def test_what_is_judged(
    changed: dict[str, list[int]], judged: int, mean: float, held: float, undecided: int
) -> None:
    figures = date_figures(*rows(**changed), KNOWN_BY)
    assert figures is not None
    assert figures.judged == judged
    assert figures.errors["model"]["mean"] == pytest.approx(mean)
    assert figures.overall["held"] == pytest.approx(held)
    assert figures.overall["undecided"] == undecided
    assert figures.segments == [] and figures.brier == {}
    assert "80 % range held" in figures.verdict()


def test_nothing_to_judge_is_said() -> None:
    assert date_figures(*rows(due=[95, 95, 95]), KNOWN_BY) is None
    assert date_figures(pd.DataFrame(), pd.DataFrame(), KNOWN_BY) is None


def test_the_simple_rules_know_what_was_known() -> None:
    late = [3, 1, 2, 40, 5, 6]
    invoices = [INVOICE | {"invoice_id": f"I{k}"} for k in range(6)] + [
        INVOICE | {"invoice_id": "N", "customer_id": "D"}
    ]
    paid = [str((pd.Timestamp("2024-01-31") + pd.Timedelta(days=days)).date()) for days in late]
    payments = [PAYMENT | {"invoice_id": f"I{k}", "paid_on": on} for k, on in enumerate(paid)]
    history = History(ledger(*invoices, payments=payments))
    as_of = np.array(
        [day_number(date(2024, 2, 5)), day_number(date(2024, 2, 7)), day_number(date(2024, 4, 1))] * 2
    )
    median, last_five = usual_days_late(history, np.array([0, 0, 0, 6, 6, 6]), as_of)
    # Known before 5 February: 1, 2, 3 days late; before 7 February also 5 and 6; in April all six.
    assert (
        median.tolist() == [2.0, 3.0, 4.0] * 2
    )  # the other customer has none, and the book has the same six
    assert last_five.tolist() == [2.0, 17 / 5, 56 / 5, 2.0, 3.0, 4.0]


def test_rows_say_what_every_rule_expects(sample_past: Replayed, small_model: RiskModel) -> None:
    history = sample_past.history
    cohort = ask(history, *issued_between(history, date(2026, 4, 1), date(2026, 4, 15)), KNOWN_BY)
    values = sample_past.features.compute(history, cohort.rows, cohort.as_of)
    dates = date_rows(small_model, cohort, values, small_model.predict(values), KNOWN_BY)
    assert len(dates) == len(cohort) > 20
    assert (dates["p10"] <= dates["model"]).all() and (dates["model"] <= dates["p90"]).all()
    figures = date_figures(segments(cohort), dates.drop(columns=[c for c in dates if "__" in c]), KNOWN_BY)
    assert figures is not None and set(figures.errors) == set(RULES)
