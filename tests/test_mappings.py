"""Does an ERP export become the ledger that its mapping describes?"""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from features.ledger import TABLES, Ledger, LedgerError
from features.ledger.importing import ImportResult, import_export
from features.ledger.mapping import date_pattern, load_mapping, shipped_mappings
from tests.ledger_rows import ids

SHARED = Path(os.environ.get("DUECOURSE_SHARED_DATA", Path(__file__).parents[2] / "shared/data"))

WIDE = """about: A list with open and cleared items.
encoding: cp1252
delimiter: ";"
dates: [dd.mm.yyyy, yyyymmdd]
decimal: ","
thousands: "."
ledger: {base_currency: EUR, country: NO}
tables:
  invoices:
    files: "items*.csv"
    keep:
      - {column: Type, one_of: [RV, DR]}
    columns:
      invoice_id: {join: [Company, Number]}
      customer_id: Customer
      issued_on: Issued
      due_on: {column: Due, dates: yyyy-mm-dd}
      amount: Amount
      currency: {column: Curr, values: {"€": EUR}, default: USD}
      kind: {constant: invoice}
  payments:
    files: "items*.csv"
    keep:
      - {column: Cleared, blank: false}
      - {column: Type, none_of: [ZZ]}
    columns:
      invoice_id: {join: [Company, Number]}
      paid_on: Cleared
left_out:
  Disputed: it has no date
"""
ITEMS = """Company;Number;Type;Customer;Issued;Due;Amount;Curr;Cleared;Disputed;Note
01;7;RV;Müller;31.01.2024;2024-02-29;1.234,50;€;20240305;X;a
01;8;DR;Müller;31.01.2024 10:30;2024-02-29;100,00-;;;;
01;9;ZZ;Müller;31.01.2024;2024-02-29;5,00;€;;;
01;10;RV;Müller;2024-01-31;2024-02-29;5,00;€;;;
01;11;RV;Müller;31.01.2024;2024-02-29;12.34;€;;;
"""


def imported(folder: Path, mapping: str = WIDE, items: str = ITEMS) -> ImportResult:
    (folder / "items 1.csv").write_bytes(items.encode("cp1252"))
    (folder / "erp.yaml").write_text(mapping, "utf-8")
    return import_export([folder / "items 1.csv"], folder / "erp.yaml", folder / "ledger")


def mistakes(folder: Path, mapping: str) -> list[str]:
    (folder / "erp.yaml").write_text(mapping, "utf-8")
    with pytest.raises(LedgerError) as caught:
        load_mapping(folder / "erp.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_a_wide_export_feeds_several_tables(tmp_path: Path) -> None:
    tables = imported(tmp_path).ledger.tables
    invoices, notes = tables["invoices"], tables["credit_notes"]
    assert invoices[["invoice_id", "amount", "amount_known", "currency"]].values.tolist() == [
        ["01-11", 0, False, "EUR"],
        ["01-7", 123450, True, "EUR"],
    ]
    assert invoices["issued_on"].astype(str).tolist() == ["2024-01-31", "2024-01-31"]
    assert tables["payments"][["invoice_id", "amount"]].values.tolist() == [["01-7", 123450]]
    assert notes[["credit_note_id", "amount", "currency"]].values.tolist() == [["01-8", 10000, "USD"]]


def test_a_cell_in_another_format_is_reported_and_never_guessed(tmp_path: Path) -> None:
    found = {
        p.row: (p.code, p.value) for p in imported(tmp_path).problems if p.value and "mapping" in p.value
    }
    assert found == {
        4: ("unreadable_issued_on", "2024-01-31 (not as the mapping says)"),
        5: ("amount_unknown", "12.34 (not as the mapping says)"),
    }


def test_what_is_not_used_is_said_with_the_reason(tmp_path: Path) -> None:
    lines = [str(p) for p in imported(tmp_path).problems if p.table == "import"]
    assert lines[0].startswith("items 1.csv: 1 of 5 rows do not feed invoices, as the mapping says.")
    assert "items 1.csv: Disputed is left out: it has no date." in lines
    assert "items 1.csv: Note is not used by the mapping. Known are: " in lines[-1]


def test_an_import_writes_a_ledger_that_loads_as_what_was_said(tmp_path: Path) -> None:
    result = imported(tmp_path)
    book = Ledger.load(tmp_path / "ledger")
    for name in TABLES:
        pd.testing.assert_frame_equal(book.tables[name], result.ledger.tables[name])
    assert (book.settings.base_currency, book.settings.country) == ("EUR", "NO")
    assert pd.read_csv(tmp_path / "ledger/set_aside/invoices.csv", dtype=str)["row"].tolist() == ["4"]


def test_settings_already_in_the_target_are_kept(tmp_path: Path) -> None:
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger/ledger.yaml").write_text("# ours\ncountry: SE\n")
    assert imported(tmp_path).ledger.settings.country == "SE"
    assert (tmp_path / "ledger/ledger.yaml").read_text() == "# ours\ncountry: SE\n"


def test_nothing_is_written_when_a_column_is_missing(tmp_path: Path) -> None:
    with pytest.raises(LedgerError) as caught:
        imported(tmp_path, items=ITEMS.replace("Cleared;", "Cleard;"))
    errors = [str(p) for p in caught.value.problems if p.severity == "error"]
    assert errors[0] == "items 1.csv: Cleared is missing. Did you mean 'Cleard'?"
    assert not (tmp_path / "ledger").exists()


def test_files_that_feed_nothing_are_errors(tmp_path: Path) -> None:
    (tmp_path / "erp.yaml").write_text(WIDE, "utf-8")
    with pytest.raises(LedgerError, match=r"other\.csv: feeds no table\. Named are: items\*\.csv\."):
        import_export([tmp_path / "other.csv"], tmp_path / "erp.yaml", tmp_path / "ledger")


def test_rows_of_several_files_are_put_together_and_keep_their_places(tmp_path: Path) -> None:
    imported(tmp_path)
    (tmp_path / "items 2.csv").write_bytes(ITEMS.replace("01;", "02;").encode("cp1252"))
    files = [tmp_path / "items 1.csv", tmp_path / "items 2.csv"]
    result = import_export(files, tmp_path / "erp.yaml", tmp_path / "both")
    assert ids(result.ledger) == ["01-11", "01-7", "02-11", "02-7"]
    assert result.set_aside["invoices"][["source", "row"]].values.tolist() == [
        ["items 1.csv", 4],
        ["items 2.csv", 4],
    ]


def test_the_canonical_mapping_takes_files_named_by_table_in_any_format(tmp_path: Path) -> None:
    book = imported(tmp_path).ledger
    folder = tmp_path / "ledger"
    pd.read_csv(folder / "payments.csv", dtype=str).to_parquet(folder / "payments.parquet")
    files = [folder / "invoices.csv", folder / "payments.parquet", folder / "credit_notes.csv"]
    again = import_export(files, "canonical", tmp_path / "again").ledger
    for name in TABLES:
        pd.testing.assert_frame_equal(book.tables[name], again.tables[name])


def test_every_mistake_in_a_mapping_is_named_with_the_nearest_word(tmp_path: Path) -> None:
    wrong = WIDE.replace("delimiter:", "delimeter:").replace("{column: Type, one_of", "{column: Type, oneof")
    wrong = wrong.replace("country:", "land:").replace("default:", "defualt:")
    wrong = wrong.replace("{constant: invoice}", "{constant: invoice, column: Type}")
    assert [line.split(": ", 1)[1] for line in mistakes(tmp_path, wrong)] == [
        "ledger.land is not a key of a mapping. Known are: base_currency, cannot_pay_reasons, country, "
        "our_doing_reasons, settlement_tolerance, time_zone, weekend_days.",
        "tables.invoices.keep.0.oneof is not a key of a mapping. Did you mean 'one_of'?",
        "tables.invoices.columns.currency.defualt is not a key of a mapping. Did you mean 'default'?",
        "tables.invoices.columns.kind is not usable: should name exactly one of: column, constant, join. "
        "See the format's README.",
        "delimeter is not a key of a mapping. Did you mean 'delimiter'?",
    ]


def test_unknown_tables_columns_and_formats_are_mistakes(tmp_path: Path) -> None:
    wrong = WIDE.replace("due_on:", "due:").replace("  payments:", "  payment:")
    assert mistakes(tmp_path, wrong.replace("dd.mm.yyyy", "dd.mm")) == [
        "erp.yaml: tables.invoices.columns.due is not a column. Did you mean 'due_on'?",
        "erp.yaml: tables.payment is not a table of a ledger. Did you mean 'payments'?",
        "erp.yaml: dates 'dd.mm' is not a date format. "
        "Use yyyy or yy, mm or m, dd or d, and the signs between them.",
    ]


def test_an_unknown_mapping_names_the_nearest() -> None:
    with pytest.raises(LedgerError, match=r"sap_ledger: is not a mapping\. Did you mean 'sap-ledger'"):
        load_mapping("sap_ledger")


def test_the_example_of_the_readme_is_valid(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "features/mappings/README.md").read_text("utf-8")
    (tmp_path / "example.yaml").write_text(text.split("```yaml\n")[1].split("```")[0], "utf-8")
    assert load_mapping(tmp_path / "example.yaml").thousands == "."


@pytest.mark.parametrize("text", ["- a list\n", "a: [\n"])
def test_a_file_that_is_no_mapping_is_an_error(tmp_path: Path, text: str) -> None:
    assert mistakes(tmp_path, text)[0].startswith("erp.yaml: is not ")


@pytest.mark.parametrize("name", ["canonical", "ibm-watson", "sap-ledger"])
def test_shipped_mappings_are_valid_and_documented(name: str) -> None:
    assert name in shipped_mappings()
    assert {"invoices", "payments"} <= load_mapping(name).tables.keys()
    readme = Path(__file__).parents[1] / "features/mappings/README.md"
    assert f"| `{name}` |" in readme.read_text("utf-8")


@pytest.mark.parametrize(
    ("written", "text", "fits"),
    [
        ("m/d/yyyy", "1/2/2013", True),
        ("m/d/yyyy", "12/31/2013 10:00 PM", True),
        ("mm/dd/yyyy", "1/2/2013", False),
        ("yyyymmdd", "20240131", True),
        ("dd.mm.yy", "31.01.24", True),
        ("dd.mm.yy", "31x01x24", False),
    ],
)
def test_date_formats(written: str, text: str, fits: bool) -> None:
    pattern = date_pattern(written)
    assert pattern is not None
    assert (pattern.fullmatch(text) is not None) is fits


@pytest.mark.parametrize("written", ["", "yyyy-mm", "dd.dd.yyyy", "yyyy-mm-dd hh", "%Y-%m-%d"])
def test_what_is_no_date_format(written: str) -> None:
    assert date_pattern(written) is None


SAP, IBM = SHARED / "sap_ledger_asof_2019-10-01.csv", SHARED / "ibm_watson_ar.csv"


@pytest.mark.skipif(not SAP.exists(), reason="the real ledger is not at hand")
def test_the_real_ledger_goes_through_with_its_oddities_listed(tmp_path: Path) -> None:
    result = import_export([SAP], "sap-ledger", tmp_path)
    tables = result.ledger.tables
    codes = pd.Series([(p.severity, p.code) for p in result.problems]).value_counts().to_dict()
    assert codes == {("note", "due_before_issued"): 115, ("set_aside", "missing_invoice_id"): 6,
                     ("note", "no_known_on"): 2, ("note", "rows_filtered"): 1}  # fmt: skip
    assert {name: len(frame) for name, frame in tables.items() if len(frame)} == {
        "invoices": 26682,
        "payments": 24717,
    }
    assert (~tables["invoices"]["invoice_id"].isin(tables["payments"]["invoice_id"])).sum() == 1965
    assert str(result.ledger.latest_fact) == "2019-09-30"
    assert {p.severity for p in Ledger.load(tmp_path).problems} == {"note"}


@pytest.mark.skipif(not IBM.exists(), reason="IBM's sample export is not at hand")
def test_ibms_sample_goes_through_without_its_leaks(tmp_path: Path) -> None:
    result = import_export([IBM], "ibm-watson", tmp_path)
    assert {name: len(frame) for name, frame in result.ledger.tables.items() if len(frame)} == {
        "invoices": 2466, "payments": 2466}  # fmt: skip
    left_out = {p.column for p in result.problems if p.code == "left_out"}
    assert {"Disputed", "DaysLate", "DaysToSettle"} <= left_out
    assert {p.code for p in result.problems} == {"left_out", "no_known_on"}
