"""Is the prior of a hardly known customer the one that carried its score, counted as of the day?"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from features.days import day_number
from features.ledger import Ledger
from serving.policy import Policy
from serving.priors import _source, priors
from serving.scoring import Scorer
from training.model import Explanation, RiskModel

DAY = date(2026, 4, 20)


@pytest.fixture(scope="module")
def scorer(sample_ledger: Ledger, small_model: RiskModel) -> Scorer:
    return Scorer(sample_ledger, small_model, Policy.load())


def told(scorer: Scorer, target: str, day: date = DAY, **contributions: float) -> tuple[dict, int]:
    """The prior of the first invoice issued by a customer without a settled one, and the invoice's position."""
    history = scorer.history
    rows = history.open_on(day_number(day))
    settled = history.past(rows, np.full(len(rows), day_number(day))).settled.count()
    row = rows[settled == 0][:1]
    explanation = Explanation(target, 0.2, -1.0, contributions, [])
    (prior,) = priors(history, row, np.array([day_number(day)]), np.array(["none"]), [explanation])
    assert prior is not None
    return prior, int(row[0])


@pytest.mark.parametrize(
    ("counted", "contributions", "expected"),
    [
        ({"country": (5, 60), "division": (9, 90)}, {"country": -0.4, "division": 0.3}, "country"),
        ({"country": (5, 49), "division": (9, 90)}, {"country": -0.4, "division": 0.3}, "division"),
        ({"country": (5, 49)}, {"country": -0.4}, "book"),
        ({"country": (5, 60)}, {"country": 0.0, "market": 2.0}, "book"),
        ({"debtor_type": (5, 60)}, {"industry": 0.1}, "debtor_type"),
        ({}, {}, "book"),
    ],
)
def test_the_prior_is_the_large_segment_that_moved_the_score_most(
    counted: dict, contributions: dict, expected: str
) -> None:
    assert _source(counted, contributions) == expected


@pytest.mark.parametrize(("target", "days"), [("p_late", 5), ("p_late_30", 30), ("p_late_90", 90)])
def test_the_book_is_counted_from_verdicts_of_the_last_year(scorer: Scorer, target: str, days: int) -> None:
    prior, _ = told(scorer, target)
    history, day = scorer.history, day_number(DAY)
    limit = history.invoices["lateness_from"] + days
    position, last = history.steps.before(day).last()
    verdicts = [
        (last.settled_on[at] > limit[row])
        for at, row in enumerate(position.tolist())
        if day - 365 <= limit[row] + 1 < day and not last.by_credit_alone[at]
    ]
    assert prior["source"] == "book"
    # A verdict falls with the payment or the day after its limit, whichever comes first.
    assert prior["invoices"] >= len(verdicts) > 0
    assert prior["late_rate"] == pytest.approx(sum(verdicts) / len(verdicts), abs=0.06)
    assert (
        f"{prior['invoices']:,} invoices of the last year were more than {days} days late"
        in prior["sentence"]
    )
    assert prior["sentence"].startswith("No settled invoice yet: scored like all customers of this book (")


def test_a_segment_is_named_with_its_own_rate(scorer: Scorer) -> None:
    whole, row = told(scorer, "p_late")
    prior, _ = told(scorer, "p_late", division=1.0)
    division = scorer.history.tables["invoices"]["division"][row]
    assert prior["source"] == "division"
    assert f"scored like invoices of division {division} (" in prior["sentence"]
    assert 50 <= prior["invoices"] < whole["invoices"]


def test_what_is_learned_on_the_day_or_later_changes_nothing(
    sample_ledger: Ledger, small_model: RiskModel, scorer: Scorer
) -> None:
    known = Scorer(sample_ledger.known_before(DAY), small_model, Policy.load())
    assert told(known, "p_late", division=1.0)[0] == told(scorer, "p_late", division=1.0)[0]


def test_every_hardly_known_customer_has_one_and_nobody_else(scorer: Scorer) -> None:
    scored = scorer.score_open(DAY, full=True)
    is_short = scored["evidence"].isin(["none", "little"])
    assert is_short.any() and not is_short.all()
    assert (scored["prior"].notna() == is_short).all()
    for settled, prior in zip(scored["evidence"][is_short], scored["prior"][is_short], strict=True):
        assert ("No settled invoice yet" in prior["sentence"]) == (settled == "none")
    alone = scorer.score_of(scored["invoice_id"][is_short].iloc[0], DAY)
    assert alone["prior"] == scored["prior"][is_short].iloc[0]


def test_a_book_without_verdicts_says_so(sample_ledger: Ledger, small_model: RiskModel) -> None:
    first_days = sample_ledger.tables["invoices"]["issued_on"].min() + pd.Timedelta(days=5)
    scored = Scorer(sample_ledger, small_model, Policy.load()).score_open(first_days.date(), full=True)
    assert {prior["sentence"] for prior in scored["prior"]} == {
        "No settled invoice yet: scored like all customers of this book "
        "(none of whose invoices has matured in the last year)."
    }
    assert {(prior["late_rate"], prior["invoices"]) for prior in scored["prior"]} == {(None, 0)}
