"""Does every judged row know which sort of customer and invoice it is of, by what was known on its day?"""

from __future__ import annotations

from datetime import date

import numpy as np

from features.days import day_number
from features.history import History
from tests.ledger_rows import ledger
from training.cohort import ask
from training.segments import SEGMENTS, _banded, segments

KNOWN_LATER = {"customer_id": "C", "country": "AT", "industry": "crafts", "known_on": "2024-01-20"}


def told(**tables: list[dict[str, str]]) -> dict[str, list[str]]:
    history = History(ledger(**tables))
    days = [day_number(date(2024, 1, 10)), day_number(date(2024, 1, 21))]
    table = segments(ask(history, np.array([0, 0]), np.array(days), date(2024, 6, 1)))
    return {name: table[name].tolist() for name in table}


def test_every_grouping_is_there() -> None:
    assert tuple(told()) == SEGMENTS


def test_a_customer_belongs_to_a_country_from_the_day_we_knew_it() -> None:
    found = told(customers=[KNOWN_LATER])
    assert found["country"] == ["unknown", "AT"]
    assert found["industry"] == ["unknown", "crafts"]


def test_evidence_counts_what_was_settled_before_the_day() -> None:
    paid = {"invoice_id": "A", "paid_on": "2024-01-15", "amount": "100.00"}
    assert told(payments=[paid])["evidence"] == ["none", "little"]


def test_month_and_money() -> None:
    found = told()
    assert found["month"] == ["2024-01", "2024-01"]
    assert found["division"] == ["unknown", "unknown"]


def test_a_value_at_a_limit_belongs_to_the_next_band() -> None:
    assert _banded(np.array([4, 5, 19, 20]), (("few", 5), ("some", 20)), "many").tolist() == [
        "few",
        "some",
        "some",
        "many",
    ]
