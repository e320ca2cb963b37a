"""Do recorded reasons for not paying reach the features: which words, from which day, and of whose invoices?"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
import yaml

from features.catalogue import CATALOGUE
from features.days import day_number
from features.history import History
from features.ledger import Ledger, LedgerSettings, spelt
from serving.book import joined
from tests.ledger_rows import INVOICE, ledger

NAMES = ("cannot_pay_count", "cannot_pay_count_of_invoice", "our_doing_share")
SISTER = INVOICE | {"invoice_id": "B"}
OTHER = INVOICE | {"invoice_id": "O", "customer_id": "D"}
POOR = {"invoice_id": "A", "recorded_on": "2024-03-01", "reason": "cash_short"}


def book(*reasons: dict[str, str], settings: LedgerSettings | None = None) -> Ledger:
    return ledger(INVOICE, SISTER, OTHER, nonpayment_reasons=list(reasons), settings=settings)


def asked(book: Ledger, invoice_id: str = "A", as_of: str = "2024-03-10") -> tuple[float, ...]:
    """The three features of one question."""
    history = History(book)
    rows = history.positions_of(np.array([invoice_id]))
    values = CATALOGUE.compute(history, rows, np.array([day_number(date.fromisoformat(as_of))]))[0]
    return tuple(values[[CATALOGUE.names.index(name) for name in NAMES]].tolist())


@pytest.mark.parametrize(
    ("invoice_id", "expected"), [("A", (1, 1, 0)), ("B", (1, 0, 0)), ("O", (0, 0, np.nan))]
)
def test_a_reason_tells_of_its_invoice_and_of_the_customers_others(
    invoice_id: str, expected: tuple[float, ...]
) -> None:
    assert asked(book(POOR), invoice_id) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("known_on", "as_of", "count"),
    [
        ("", "2024-03-01", 0),  # nothing of the day itself
        ("", "2024-03-02", 1),
        ("2024-03-20", "2024-03-20", 0),
        ("2024-03-20", "2024-03-21", 1),
        ("2024-01-05", "2024-03-01", 0),  # not known before it was recorded
    ],
)
def test_it_is_seen_from_the_day_after_it_was_known(known_on: str, as_of: str, count: int) -> None:
    assert asked(book(POOR | {"known_on": known_on}), as_of=as_of)[:2] == (count, count)


def test_after_a_year_it_tells_of_its_own_invoice_alone() -> None:
    assert asked(book(POOR), "B", "2025-03-01")[0] == 1
    assert asked(book(POOR), "A", "2025-03-02") == pytest.approx((0, 1, np.nan), nan_ok=True)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Cash  Short", (1, 1, 0)),
        ("CAN’T_PAY", (1, 1, 0)),
        ("purchase_order_missing", (0, 0, 1)),
        ("Invoice arrived late", (0, 0, 1)),
        ("overlooked", (0, 0, 0)),
        ("cash is not short", (0, 0, 0)),
    ],
)
def test_words_count_however_they_are_spelt(word: str, expected: tuple[float, ...]) -> None:
    assert asked(book(POOR | {"reason": word})) == expected


def test_a_book_may_have_words_of_its_own() -> None:
    own = LedgerSettings(cannot_pay_reasons=("kein Geld",), our_doing_reasons=("Rechnung falsch",))
    said = [POOR | {"reason": word} for word in ("kein geld", "Rechnung_falsch", "cash short")]
    assert asked(book(*said, settings=own)) == pytest.approx((1, 1, 1 / 3))


def test_the_words_of_a_book_are_read_from_its_file(tmp_path: Path) -> None:
    own = LedgerSettings(cannot_pay_reasons=("kein Geld",), our_doing_reasons=())
    book(POOR, settings=own).save(tmp_path)
    assert yaml.safe_load((tmp_path / "ledger.yaml").read_text("utf-8")) == {
        "cannot_pay_reasons": ["kein Geld"],
        "our_doing_reasons": [],
    }
    assert Ledger.load(tmp_path).settings == own


def test_without_the_table_nothing_is_known() -> None:
    assert asked(ledger()) == pytest.approx((0, 0, np.nan), nan_ok=True)


def test_what_the_desk_records_is_learned_from() -> None:
    recorded = {"nonpayment_reasons": [POOR | {"known_on": "2024-03-01"}]}
    assert asked(joined(book(), recorded)) == asked(book(POOR))


def test_the_packaged_policy_reads_the_same_words() -> None:
    policy = yaml.safe_load((Path(__file__).parent.parent / "serving/policy.yaml").read_text("utf-8"))
    usual = LedgerSettings()
    assert {*map(spelt, usual.cannot_pay_reasons)} == {*map(spelt, policy["reasons"]["cannot_pay"])}
    assert not {*usual.our_doing_reasons} & {*policy["reasons"]["cannot_pay"]}
