"""Does a ledger read and write files without losing or inventing anything?"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from features.ledger import TABLES, Ledger, LedgerError, LedgerSettings
from tests.ledger_rows import INVOICE, PAYMENT, ids, ledger

INVOICES = "invoice_id,customer_id,issued_on,due_on,amount,currency\n"
ONE = "A,C,2024-01-01,2024-01-31,100.00,EUR\n"
PAYMENTS = "invoice_id,paid_on,amount\n"


def folder_of(folder: Path, invoices: str | bytes = INVOICES + ONE, payments: str = PAYMENTS) -> Path:
    content = invoices if isinstance(invoices, bytes) else invoices.encode()
    (folder / "invoices.csv").write_bytes(content)
    (folder / "payments.csv").write_text(payments)
    return folder


def errors(folder: Path) -> list[str]:
    with pytest.raises(LedgerError) as caught:
        Ledger.load(folder)
    return [str(problem) for problem in caught.value.problems if problem.severity == "error"]


def full_ledger() -> Ledger:
    """A row of every table, with texts that a spreadsheet would run and texts that look escaped."""
    day, customer, invoice = "2024-02-01", {"customer_id": "C"}, {"invoice_id": "=A"}
    return ledger(
        INVOICE | invoice | {"kind": "'=x", "purchase_order": "-1", "division": "N\nW, \"q\""}
        | {"sent_on": "2024-01-02"},
        INVOICE | {"invoice_id": "B", "amount": "?", "currency": "JPY", "customer_id": "D"},
        INVOICE | {"invoice_id": "B", "issued_on": "2024-01-09", "customer_id": "D"},
        payments=[PAYMENT | invoice, customer | {"paid_on": day, "amount": "5", "payment_id": "@p"}],
        customers=[customer | {"name": "+1", "credit_limit": "10.5", "key_account": True, "terms_days": 30.5},
                   {"customer_id": "D", "credit_limit": "500", "known_on": "2024-01-03"}],
        credit_notes=[invoice | {"credited_on": day, "amount": "1"}],
        disputes=[invoice | {"dispute_id": "1", "opened_on": day, "closed_on": day, "amount": "2.5"}],
        promises=[invoice | {"promise_id": "1", "made_on": day, "promised_on": "2024-03-01"}],
        contacts=[customer | {"contacted_on": day, "outcome": "promised"}],
        credit_reports=[customer | {"reported_on": day, "score": "1e-7", "credit_limit": "3"}],
        complaints=[customer | {"complaint_id": "1", "opened_on": day}],
        payment_plans=[customer | {"plan_id": "1", "agreed_on": day, "due_on": "2024-05-01", "amount": "2"}],
        trade_references=[customer | {"received_on": day, "rating": "prompt"}],
        nonpayment_reasons=[invoice | {"recorded_on": day, "reason": "-"}],
        exchange_rates=[{"currency": "USD", "base_currency": "EUR", "rated_on": day, "rate": "0.1"}],
        settings=LedgerSettings(country="NO", settlement_tolerance=Decimal("0.05")),
    )  # fmt: skip


def assert_same(one: Ledger, other: Ledger) -> None:
    for name in TABLES:
        pd.testing.assert_frame_equal(one.tables[name], other.tables[name])
    assert one.settings == other.settings


def test_a_saved_ledger_loads_as_the_same(tmp_path: Path) -> None:
    book = full_ledger()
    assert all(len(frame) for frame in book.tables.values())
    book.save(tmp_path)
    assert_same(Ledger.load(tmp_path), book)


def test_saved_cells_are_no_formulas(tmp_path: Path) -> None:
    full_ledger().save(tmp_path)
    written = pd.read_csv(tmp_path / "invoices.csv", dtype=str)
    assert written[["invoice_id", "purchase_order", "kind"]].iloc[0].tolist() == ["'=A", "'-1", "''=x"]


def test_parquet_says_the_same_as_csv(tmp_path: Path) -> None:
    book = full_ledger()
    book.save(tmp_path)
    frame = book.tables["invoices"]
    values = frame[
        ["invoice_id", "customer_id", "issued_on", "division", "purchase_order", "kind", "sent_on"]
    ]
    amount = [100.0, float("nan"), 100.0]
    values = values.assign(
        due_on=frame["due_on"].dt.date, amount=amount, currency=frame["currency"].astype("category")
    )
    printed = values.assign(invoice_id=["=A", "B", "B"])
    (tmp_path / "invoices.csv").unlink()
    printed.to_parquet(tmp_path / "invoices.parquet")
    assert_same(Ledger.load(tmp_path), book)


def test_bom_blank_lines_quotes_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    text = INVOICES + "\n" + ONE + '"B","C, D",2024-01-01,2024-01-31,"1.00",EUR\n'
    book = Ledger.load(folder_of(tmp_path, b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()))
    assert book.tables["invoices"]["customer_id"].tolist() == ["C", "C, D"]
    assert {problem.code for problem in book.problems} == {"no_known_on"}


def test_another_encoding_is_read_and_said(tmp_path: Path) -> None:
    book = Ledger.load(
        folder_of(tmp_path, (INVOICES + ONE + ONE.replace("A,C", "B,Müller")).encode("cp1252"))
    )
    assert book.tables["invoices"]["customer_id"].tolist() == ["C", "Müller"]
    assert [(p.code, p.row) for p in book.problems if p.severity == "repaired"] == [("encoding", 2)]


def test_ragged_lines_are_set_aside_with_their_text(tmp_path: Path) -> None:
    book = Ledger.load(folder_of(tmp_path, INVOICES + "X,Y\n" + ONE + "B,C,2024-01-01,2024-01-31,1,0,EUR\n"))
    assert ids(book) == ["A"]
    frame = book.set_aside["invoices"]
    assert frame[["row", "line"]].values.tolist() == [[1, "X,Y"], [3, "B,C,2024-01-01,2024-01-31,1,0,EUR"]]
    assert book.tables["invoices"]["amount"].tolist() == [10000]


def test_row_numbers_count_the_rows_of_the_file_after_ragged_ones(tmp_path: Path) -> None:
    book = Ledger.load(folder_of(tmp_path, INVOICES + ONE + "X,Y\n" + ONE.replace("2024-01-31", "?")))
    assert [(p.row, p.column) for p in book.problems if p.code == "unreadable_due_on"] == [(3, "due_on")]


def test_rows_set_aside_are_written_with_their_reason_and_old_files_go(tmp_path: Path) -> None:
    book = ledger(INVOICE, {"invoice_id": "=B", "due_on": "?", "customer_id": "C", "amount": "1"})
    (tmp_path / "payments.csv").write_text("of an earlier run")
    assert book.write_set_aside(tmp_path) == [tmp_path / "invoices.csv"]
    assert not (tmp_path / "payments.csv").exists()
    row = pd.read_csv(tmp_path / "invoices.csv", dtype=str).iloc[0]
    assert (row["row"], row["invoice_id"], row["due_on"]) == ("2", "'=B", "?")
    assert row["problem"] == "issued_on is blank; due_on is not a day between 1970 and 2100"


@pytest.mark.parametrize(
    ("invoices", "line"),
    [
        (INVOICES.replace("due_on", "due") + ONE, "invoices.csv: due_on is missing. "
         "Add due_on (day by which it is to be paid, as printed). Did you mean 'due'?"),
        (INVOICES.replace("currency", "amount") + ONE, "invoices.csv: amount stands twice in the header. "
         "Rename or remove one of the two columns."),
        (INVOICES + '"' + ONE + ONE, "invoices.csv row 1: opens a double quote that is never closed, "
         "which swallows the rest of the file. Close or remove it."),
        (INVOICES + ONE.replace("EUR", '"EUR') + ONE, "invoices.csv row 1: opens a double quote that is never "
         "closed, which swallows the rest of the file. Close or remove it."),
        ("", "invoices.csv: is empty. Export it with a header line."),
        (b"PK\x03\x04\x00\x00", "invoices.csv: is not a text file (a spreadsheet, perhaps). "
         "Export it again as UTF-8 text separated by commas, or as Parquet."),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_an_error(tmp_path: Path, invoices: str | bytes, line: str) -> None:
    assert errors(folder_of(tmp_path, invoices)) == [line]


def test_all_errors_of_a_folder_are_raised_at_once(tmp_path: Path) -> None:
    folder_of(tmp_path).joinpath("payments.csv").unlink()
    (tmp_path / "disputes.parquet").write_bytes(b"no parquet")
    (tmp_path / "invoices.parquet").write_bytes(b"")
    (tmp_path / "ledger.yaml").write_text("base_curency: EUR\ntime_zone: Mars\ncountry: Norway\n")
    assert [line.split(": ")[0] for line in errors(tmp_path)] == [
        "ledger.yaml", "ledger.yaml", "ledger.yaml", "invoices", "disputes.parquet", "payments"]  # fmt: skip


def test_a_missing_currency_column_is_fine_with_a_base_currency(tmp_path: Path) -> None:
    folder_of(tmp_path, INVOICES.replace(",currency", "") + ONE.replace(",EUR", ""))
    assert errors(tmp_path)[0].startswith("invoices.csv: currency is missing.")
    (tmp_path / "ledger.yaml").write_text("base_currency: CAD\n")
    assert Ledger.load(tmp_path).tables["invoices"]["currency"].tolist() == ["CAD"]


def test_settings_are_read_as_written(tmp_path: Path) -> None:
    folder_of(tmp_path)
    (tmp_path / "ledger.yaml").write_text("country: NO\nsettlement_tolerance: 0.10\nweekend_days: [4, 5]\n")
    settings = Ledger.load(tmp_path).settings
    assert settings == LedgerSettings(country="NO", settlement_tolerance=Decimal("0.1"), weekend_days=(4, 5))


def test_an_unknown_setting_names_the_nearest(tmp_path: Path) -> None:
    folder_of(tmp_path).joinpath("ledger.yaml").write_text("base_curency: EUR\n")
    assert errors(tmp_path) == ["ledger.yaml: base_curency is not a setting. Did you mean 'base_currency'?"]


def test_saving_keeps_the_comments_of_settings_that_say_the_same(tmp_path: Path) -> None:
    folder_of(tmp_path).joinpath("ledger.yaml").write_text("# ours\ncountry: DE\n")
    Ledger.load(tmp_path).save(tmp_path)
    assert (tmp_path / "ledger.yaml").read_text() == "# ours\ncountry: DE\n"


def test_a_misnamed_file_is_noted(tmp_path: Path) -> None:
    folder_of(tmp_path).joinpath("dispute.csv").write_text("x\n")
    notes = [str(p) for p in Ledger.load(tmp_path).problems if p.code == "unknown_table"]
    assert notes == ["dispute.csv: is not a table of a ledger and is not read. Did you mean 'disputes'?"]


def test_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="is not a folder"):
        Ledger.load(tmp_path / "nowhere")
