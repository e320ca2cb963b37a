"""Do an export and the desk become the same ledger as one file with all of it would?"""

from __future__ import annotations

import random
from typing import Any

import pandas as pd
import pytest

from features.ledger import TABLES, Ledger
from features.ledger.writing import rows_of
from serving.book import customers_of, joined, part_of
from tests.random_ledgers import ledger_of, random_rows, random_settings
from tests.test_ledger_files import full_ledger

INVOICE = {"invoice_id": "A", "customer_id": "C", "issued_on": "2026-01-05", "due_on": "2026-02-04"}
INVOICE |= {"amount": "100.00", "currency": "EUR"}
OTHER = INVOICE | {"invoice_id": "B", "customer_id": "D"}
PAYMENT = {"invoice_id": "A", "paid_on": "2026-02-03", "amount": "100.00", "known_on": "2026-02-05"}
DISPUTE = {"dispute_id": "Q", "invoice_id": "A", "opened_on": "2026-01-20", "known_on": "2026-01-20"}


def book(**tables: Any) -> Ledger:
    return Ledger.from_rows({"invoices": [INVOICE, OTHER], "payments": [], **tables})


def rows(ledger: Ledger, table: str) -> list[dict[str, str]]:
    return rows_of(ledger.tables)[table]


def told(ledger: Ledger) -> list[str]:
    return [str(problem) for problem in ledger.problems if problem.source == "desk"]


class TestOneBook:
    def test_rows_of_a_ledger_read_back_the_same(self) -> None:
        whole = full_ledger()
        again = Ledger.from_rows(rows_of(whole.tables), whole.settings)
        for name in TABLES:
            pd.testing.assert_frame_equal(again.tables[name], whole.tables[name])

    @pytest.mark.parametrize("seed", range(8))
    def test_what_is_at_the_desk_counts_as_if_it_were_exported(self, seed: int) -> None:
        whole = ledger_of(random_rows(seed), random_settings(seed))
        draw, all_rows = random.Random(seed), rows_of(whole.tables)
        left: dict[str, list[Any]] = {}
        given: dict[str, list[Any]] = {}
        for name, listed in all_rows.items():
            at_desk = {place for place in range(len(listed)) if name != "invoices" and draw.random() < 0.3}
            left[name] = [row for place, row in enumerate(listed) if place not in at_desk]
            given[name] = [row for place, row in enumerate(listed) if place in at_desk]
        export = Ledger.from_rows(left, whole.settings)
        expected = Ledger.from_rows(all_rows, whole.settings)
        given.pop("exchange_rates")
        expected = Ledger.from_rows(all_rows | {"exchange_rates": left["exchange_rates"]}, whole.settings)
        found = joined(export, given)
        for name in TABLES:
            pd.testing.assert_frame_equal(found.tables[name], expected.tables[name])

    def test_nothing_at_the_desk_changes_nothing(self) -> None:
        assert joined(book(), {}).tables["invoices"].equals(book().tables["invoices"])


class TestMatching:
    def test_the_same_payment_is_counted_once(self) -> None:
        late = PAYMENT | {"known_on": "2026-02-09", "amount": "100"}
        found = joined(book(payments=[late | {"payment_id": "7"}]), {"payments": [PAYMENT]})
        assert rows(found, "payments") == [
            PAYMENT | {"customer_id": "C", "payment_id": "7", "currency": "EUR"}
        ]
        assert told(found) == []

    def test_two_equal_payments_stay_two(self) -> None:
        half = PAYMENT | {"amount": "50.00"}
        found = joined(book(payments=[half]), {"payments": [half, half | {"payment_id": "8"}]})
        assert [row["amount"] for row in rows(found, "payments")] == ["50.00", "50.00"]

    def test_the_export_wins_and_the_difference_is_told(self) -> None:
        here, there = DISPUTE | {"reason": "price"}, DISPUTE | {"reason": "quality"}
        found = joined(book(disputes=[there]), {"disputes": [here]})
        assert [row["reason"] for row in rows(found, "disputes")] == ["quality"]
        assert told(found) == [
            "desk, disputes (Q): reason 'price' was recorded at the desk, and the export says 'quality', "
            "which counts. Mend the one that is wrong."
        ]

    def test_what_the_export_leaves_blank_is_filled(self) -> None:
        closed = DISPUTE | {"closed_on": "2026-02-01"}
        found = joined(book(disputes=[DISPUTE]), {"disputes": [closed]})
        assert [row["closed_on"] for row in rows(found, "disputes")] == ["2026-02-01"]
        assert told(found) == []

    def test_a_row_about_an_unknown_invoice_is_told_and_left_out(self) -> None:
        found = joined(book(), {"payments": [PAYMENT | {"invoice_id": "Z"}]})
        assert rows(found, "payments") == []
        assert told(found) == [
            "desk, payments: invoice_id 'Z' is not in the ledger. Import it, or mend the number."
        ]

    def test_an_invoice_and_its_payment_may_both_come_from_the_desk(self) -> None:
        new = INVOICE | {"invoice_id": "N", "customer_id": "E"}
        paid = PAYMENT | {"invoice_id": "N"}
        found = joined(book(), {"invoices": [new], "payments": [paid]})
        assert [row["customer_id"] for row in rows(found, "payments")] == ["E"]
        assert [row["invoice_id"] for row in rows(found, "invoices")] == ["A", "B", "N"]


def test_a_part_holds_its_customers_alone() -> None:
    given = {"payments": [PAYMENT], "complaints": []}
    assert customers_of(book(), given) == {"C"}
    part = part_of(book(), given, ["C"])
    assert [row["invoice_id"] for row in rows(part, "invoices")] == ["A"]
    assert [row["invoice_id"] for row in rows(part, "payments")] == ["A"]


def test_a_customer_without_invoices_makes_no_ledger() -> None:
    name = {"customer_id": "NEW", "name": "Newcomer", "known_on": "2026-02-01"}
    part = part_of(book(), {"customers": [name]}, ["NEW"])
    assert len(part.tables["invoices"]) == 0
