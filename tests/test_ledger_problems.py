"""Does the ledger say what is odd, all at once, in lines that teach, as documented?"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from features.ledger import TABLES, Ledger, LedgerError, LedgerSettings, Problem, report, summarise
from tests.ledger_rows import INVOICE, PAYMENT, ledger
from tests.test_ledger import INVOICE_DIRT
from tests.test_ledger_events import EVENT_DIRT


def test_all_errors_are_raised_together() -> None:
    with pytest.raises(LedgerError) as caught:
        Ledger.from_rows({"invoices": [{"invoice_id": ["A"]}, "B"], "credit_notes": 3})  # type: ignore
    errors = {(p.code, p.pointer) for p in caught.value.problems if p.severity == "error"}
    assert errors == {("not_a_value", "/invoices/0/invoice_id"), ("not_an_object", "/invoices/1"),
                      ("not_a_list", "/credit_notes"), ("missing_table", "/payments")}  # fmt: skip


def test_a_ledger_without_a_usable_invoice_is_refused() -> None:
    with pytest.raises(
        LedgerError, match=r"invoices: holds no invoice that can be used\. Mend the rows set aside\."
    ):
        ledger(INVOICE | {"due_on": ""}, payments=[PAYMENT | {"customer_id": "C"}], contacts=[
            {"customer_id": "C", "contacted_on": "2024-01-01", "invoice_id": "A"}])  # fmt: skip


def test_unknown_tables_and_columns_are_noted_with_the_nearest_name() -> None:
    book = ledger(INVOICE | {"isued_on": "x"}, dispute=[])
    lines = [str(problem) for problem in book.problems if problem.code.startswith("unknown")]
    assert lines == [
        "dispute: is not a table of a ledger and is not read. Did you mean 'disputes'?",
        "invoices row 1: isued_on is not a column of this table and is not read. Did you mean 'issued_on'?",
    ]


def test_a_problem_is_one_line_that_teaches() -> None:
    line = str(next(p for p in ledger(payments=[PAYMENT, PAYMENT | {"invoice_id": "INV-2041"}]).problems
                    if p.severity == "set_aside"))  # fmt: skip
    assert line == ("payments row 2: invoice_id 'INV-2041' is not in invoices. "
                    "Export invoices from an earlier date, or mend the number.")  # fmt: skip


def test_repeated_problems_are_summed_up_in_one_line_gravest_first() -> None:
    def problem(row: int, severity: str = "set_aside") -> Problem:
        return Problem("payments", row, "invoice_id", None, f"I{row}", severity, "x", "is odd", "Mend it.")  # type: ignore

    lines = summarise([problem(9, "note"), *(problem(row) for row in (118, 131, 140, 152, 160, 161, 170))])
    assert lines == [
        "payments row 118: invoice_id 'I118' is odd (6 more: rows 131, 140, 152, 160, 161 …). Mend it.",
        "payments row 9: invoice_id 'I9' is odd. Mend it.",
    ]


def test_a_pointer_escapes_what_json_pointers_escape() -> None:
    assert Problem("invoices", 4, "a/b~c", None, None, "note", "x", "", "").pointer == "/invoices/3/a~1b~0c"


def test_the_report_counts_everything() -> None:
    found = report(ledger(INVOICE, INVOICE | {"invoice_id": ""}, payments=[PAYMENT | {"amount": "200"}]))
    assert found["usable"] is True
    assert found["rows"] == {"invoices": 1, "payments": 1}
    assert found["set_aside_rows"] == {"invoices": 1}
    # Two tables without known_on, an overpaid invoice; and of the whole: short, one customer, no customers.
    assert found["counts"] == {"error": 0, "set_aside": 1, "repaired": 0, "note": 3 + 3}
    assert len(found["problems"]) == 7


README = Path(__file__).parents[1] / "features/ledger/README.md"


def test_the_readme_names_every_code_that_dirt_is_given() -> None:
    given = {expected[1] for _, expected, _ in INVOICE_DIRT if expected}
    given |= {expected[1] for _, _, expected, _ in EVENT_DIRT if expected}
    named = {re.sub("^(missing|unreadable|blanked)_.*", r"\1_…", code) for code in given}
    rows = re.findall(r"^\| (`[^|]+) \|", README.read_text("utf-8"), re.MULTILINE)
    assert named <= {code for row in rows for code in re.findall("`([^`]+)`", row)}


def test_the_readme_lists_every_column() -> None:
    readme = README.read_text("utf-8")
    for table in TABLES.values():
        section = readme.split(f"### {table.name}\n")[1].split("\n### ")[0]
        listed = re.findall(r"^\| `(\w+)` \| ([a-z ,]+) \|", section, re.MULTILINE)
        assert [name for name, _ in listed] == [column.name for column in table.columns]


def test_the_readme_names_every_setting_and_its_default() -> None:
    for name, field in LedgerSettings.model_fields.items():
        assert f"| `{name}` | {_told(field.default)} |" in README.read_text("utf-8")


def _told(default: object) -> str:
    """A default as the table writes it: words one after the other, numbers as ledger.yaml lists them."""
    if isinstance(default, tuple):
        words = all(isinstance(each, str) for each in default)
        return ", ".join(default) if words else str(list(default))
    return "none" if default is None else str(default)
