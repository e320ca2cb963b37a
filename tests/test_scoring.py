"""Is every open invoice scored, the same in a file, by id and in a body, and is what is not scored named?"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.catalogue import CATALOGUE
from features.days import day_number
from features.ledger import Ledger, LedgerSettings
from serving.exports import write_scores, write_table
from serving.policy import Policy
from serving.scoring import (
    COLUMNS,
    FULL,
    TARGETS,
    NotOpenError,
    Scorer,
    UnknownIdError,
    default_as_of,
    ranked,
    records,
)
from tests.ledger_rows import INVOICE, REUSED, ledger
from training.model import RiskModel

LATE_DAY = date(2024, 11, 1)


@pytest.fixture(scope="module")
def scorer(sample_ledger: Ledger, small_model: RiskModel) -> Scorer:
    return Scorer(sample_ledger, small_model, Policy.load())


@pytest.fixture(scope="module")
def of_rows(small_model: RiskModel) -> Any:
    """A Scorer of a few rows."""

    def made(*invoices: dict[str, Any], as_of: date = LATE_DAY, **tables: Any) -> Scorer:
        return Scorer(ledger(*invoices, **tables), small_model, Policy.load(), as_of)

    return made


def as_on_disk(book: Ledger, customers: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """What a caller who keeps some customers' ledger would send; exchange rates belong to nobody."""
    from features.ledger.tables import TABLES
    from features.ledger.writing import _written_table

    mine = book.of_customers(customers).tables
    written = {name: _written_table(name, mine[name]) for name in TABLES if name != "exchange_rates"}
    return {
        name: [
            {column: _typed(TABLES[name].by_name[column].kind, cell) for column, cell in row.items()}
            for row in table.to_dict("records")
        ]
        for name, table in written.items()
        if len(table) or TABLES[name].required
    }


def _typed(kind: str, cell: Any) -> Any:
    if cell is None or cell != cell:
        return None
    return {"flag": lambda text: text == "true", "number": float}.get(kind, str)(cell)


def test_rows_have_the_columns_of_the_contract_in_order(scorer: Scorer) -> None:
    scored = scorer.score_open()
    assert tuple(scored.columns) == COLUMNS
    assert ", ".join(COLUMNS) == (
        "invoice_id, customer_id, as_of, amount_open, currency, days_past_due, p_late, p_late_30, p_late_90, "
        "expected_paid_on, paid_on_p10, paid_on_p90, evidence, tier, action, action_by, reasons, "
        "model_version, policy_version, p_late_low, p_late_high"
    )
    assert tuple(scorer.score_open(full=True).columns) == COLUMNS + FULL
    assert list(scorer.score_invoices([scored["invoice_id"][0]], None)[0][0]) == list(COLUMNS)
    assert scored["invoice_id"].is_monotonic_increasing and scored["invoice_id"].is_unique


def test_probabilities_are_ordered_and_explained(scorer: Scorer) -> None:
    scored = scorer.score_open()
    p = scored[list(TARGETS)].to_numpy()
    assert (np.diff(p, axis=1) <= 0).all() and (p > 0).all()
    assert (scored["p_late_low"] <= scored["p_late"]).all() and (
        scored["p_late"] <= scored["p_late_high"]
    ).all()
    assert ((scored["p_late_high"] > scored["p_late_low"]) == (scored["p_late"] < 1)).mean() > 0.95
    assert ((p[:, 0] == 1) == (scored["days_past_due"] > 5)).mean() > 0.8  # weekends roll due dates
    assert scored["reasons"].map(len).between(1, 4).all()
    assert len(set(scored["tier"])) > 1 and set(scored["tier"]) <= set(scorer.policy.tiers)
    assert set(scored["evidence"]) <= {"none", "little", "some", "ample"}


ODD: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("no amount", {"amount": ""}, {"amount_open": None}),
    ("no number in the amount", {"amount": "many"}, {"amount_open": None}),
    ("no currency", {"currency": ""}, {"currency": "XXX", "amount_open": "100.00"}),
    ("yen", {"currency": "JPY", "amount": "12345"}, {"amount_open": "12345"}),
    ("dinar", {"currency": "KWD", "amount": "1.5"}, {"amount_open": "1.500"}),
    ("due before issue", {"due_on": "2023-12-01"}, {"days_past_due": 336}),
    ("due on the day it is issued", {"due_on": "2024-01-01"}, {"days_past_due": 305}),
    ("due in fifty years", {"due_on": "2074-01-31"}, {"evidence": "none"}),
    ("customer nobody knows", {"customer_id": "never heard of"}, {"customer_id": "never heard of"}),
    ("odd id", {"invoice_id": "=1+1"}, {"invoice_id": "=1+1"}),
    ("id with a line end", {"invoice_id": "a\nb"}, {"invoice_id": "a\nb"}),
]


@pytest.mark.parametrize(("change", "expected"), [odd[1:] for odd in ODD], ids=[odd[0] for odd in ODD])
def test_an_odd_invoice_is_scored_all_the_same(of_rows: Any, change: dict, expected: dict) -> None:
    (row,) = records(of_rows(INVOICE | change).score_open())
    assert {name: row[name] for name in expected} == expected
    assert all(0 < row[name] <= 1 for name in TARGETS)
    json.dumps(row, allow_nan=False)


def test_an_invoice_over_nothing_is_never_open(of_rows: Any) -> None:
    assert of_rows(INVOICE | {"amount": "0"}).score_open().empty


def test_a_number_used_again_is_another_invoice(of_rows: Any) -> None:
    scored = of_rows(*REUSED).score_open()
    assert scored["invoice_id"].tolist() == ["A", "A#2", "A#3"]
    assert scored["amount_open"].tolist() == ["100.00", "20.00", "30.00"]
    assert scored["customer_id"].tolist() == ["C", "D", "C"]


def test_what_is_left_to_pay_is_in_the_row_and_a_bounced_payment_opens_again(of_rows: Any) -> None:
    payments = [
        {"invoice_id": "A", "paid_on": "2024-03-01", "amount": "100"},
        {"invoice_id": "A", "paid_on": "2024-03-20", "amount": "-100"},
        {"invoice_id": "A", "paid_on": "2024-04-01", "amount": "33.33"},
    ]
    book = of_rows(INVOICE, payments=payments)
    owed = {"2024-03-01": ["100.00"], "2024-03-02": [], "2024-03-21": ["100.00"], "2024-04-02": ["66.67"]}
    for day, expected in owed.items():
        assert book.score_open(date.fromisoformat(day))["amount_open"].tolist() == expected


def test_with_nothing_open_the_table_is_empty_and_whole(of_rows: Any, tmp_path: Path) -> None:
    book = of_rows(INVOICE, payments=[{"invoice_id": "A", "paid_on": "2024-02-01"}])
    for suffix, read in ((".csv", pd.read_csv), (".parquet", pd.read_parquet)):
        write_scores(book.score_open(), tmp_path / f"none{suffix}")
        assert tuple(read(tmp_path / f"none{suffix}").columns) == COLUMNS
    assert book.score_invoices(["A"], None)[0] == []
    assert book.customer("C")["scores"] == book.customer("C")["open"] == []


def test_scores_are_those_of_the_model_as_its_outcomes_recalibrated_it(scorer: Scorer) -> None:
    day = date(2026, 6, 24)
    assert scorer.model_on(day) is scorer.model_on(date(2026, 6, 22)) is not scorer.model
    moved = scorer.model_card()["recalibration"]
    assert moved["as_of"] == "2026-06-29" and moved["horizons"]["p_late"]["outcomes"] > 50
    before = Scorer(scorer.ledger, scorer.model, scorer.policy).score_open(date(2026, 4, 1))
    rows = scorer.history.open_on(day_number(date(2026, 4, 1)))
    values = CATALOGUE.compute(scorer.history, rows, np.full(len(rows), day_number(date(2026, 4, 1))))
    np.testing.assert_array_equal(before["p_late"], scorer.model.predict(values)["p_late"])


SCORED_ALIKE = (
    *TARGETS,
    "p_late_low",
    "p_late_high",
    "reasons",
    "evidence",
    "amount_open",
    "days_past_due",
    "tier",
    "action",
    "action_by",
)


@pytest.mark.parametrize("day", [date(2026, 7, 1), date(2026, 3, 2)])
def test_an_invoice_has_the_same_score_by_every_way(scorer: Scorer, tmp_path: Path, day: date) -> None:
    scored = scorer.score_open(day)
    write_scores(scored, tmp_path / "scores.csv")
    with (tmp_path / "scores.csv").open(newline="", encoding="utf-8") as file:
        in_file = {row["invoice_id"]: row for row in csv.DictReader(file)}
    ids = scored["invoice_id"].tolist()[::7]
    by_id, problems = scorer.score_invoices(ids, day)
    assert problems == [] and [row["invoice_id"] for row in by_id] == ids
    for row in by_id:
        alone = scorer.score_of(row["invoice_id"], day)
        assert {name: alone[name] for name in COLUMNS} == row
        written = in_file[row["invoice_id"]]
        assert [float(written[name]) for name in TARGETS] == [row[name] for name in TARGETS]
        assert json.loads(written["reasons"]) == row["reasons"]
        assert all(written[name] == (row[name] or "") for name in ("amount_open", "tier", "action_by"))
    pd.testing.assert_frame_equal(scorer.score_open(day), scored)


@pytest.mark.parametrize("day", [date(2026, 7, 1), date(2026, 3, 2)])
def test_a_customers_own_rows_in_a_body_get_the_scores_of_the_book(scorer: Scorer, day: date) -> None:
    book = {row["invoice_id"]: row for row in records(scorer.score_open(day))}
    tables = scorer.ledger.tables
    foreign = set(tables["invoices"].query("currency != 'EUR'")["customer_id"])
    grouped = set(tables["customers"].dropna(subset=["parent_id"])["customer_id"])
    asked = sorted({row["customer_id"] for row in book.values()})
    chosen = [*sorted(foreign & set(asked))[:3], *sorted(grouped & set(asked))[:3], *asked[:8]]
    assert len(set(chosen)) > 8
    compared = 0
    for customer in dict.fromkeys(chosen):
        rows, _ = scorer.score_ledger(as_on_disk(scorer.ledger, [customer]), day)
        assert [row["invoice_id"] for row in rows] == [
            name for name, row in book.items() if row["customer_id"] == customer
        ]
        for row in rows:
            assert {name: row[name] for name in SCORED_ALIKE} == {
                name: book[row["invoice_id"]][name] for name in SCORED_ALIKE
            }
            compared += 1
    assert compared > 20


def test_the_totals_of_a_body_are_the_books_and_as_of_its_day(scorer: Scorer, of_rows: Any) -> None:
    latest = default_as_of(scorer.ledger)
    assert scorer.context_as_of() == scorer.as_of == latest
    assert scorer.context_as_of(date(2026, 1, 1)) == date(2026, 1, 1)
    assert scorer.context_as_of(latest + timedelta(days=400)) == latest
    looking_back = of_rows(INVOICE, as_of=date(2023, 1, 1))
    assert looking_back.context_as_of() == date(2023, 1, 1)
    assert looking_back.context_as_of(date(2030, 1, 1)) == date(2024, 1, 2)


def test_unknown_and_settled_ids_are_named_and_the_others_scored(of_rows: Any) -> None:
    later = INVOICE | {"invoice_id": "L", "issued_on": "2024-10-31", "due_on": "2024-11-30"}
    paid = INVOICE | {"invoice_id": "P"}
    book = of_rows(
        INVOICE, later, paid, payments=[{"invoice_id": "P", "paid_on": "2024-02-01", "amount": "100"}]
    )
    rows, problems = book.score_invoices(["nope", "A", "P", "A", "L"], date(2024, 10, 31))
    assert [row["invoice_id"] for row in rows] == ["A", "A"]
    assert [(p["pointer"], p["value"], p["code"]) for p in problems] == [
        ("/invoice_ids/0", "nope", "unknown_id"),
        ("/invoice_ids/2", "P", "invoice_not_open"),
        ("/invoice_ids/4", "L", "unknown_id"),
    ]
    assert all(p["detail"] and p["mend"] for p in problems)
    for name in ("nope", "L"):
        with pytest.raises(UnknownIdError):
            book.score_of(name, date(2024, 10, 31))
    with pytest.raises(NotOpenError, match=r"'P' was settled before 2024-10-31\. Ask as of an earlier day"):
        book.score_of("P", date(2024, 10, 31))
    assert book.score_of("P", date(2024, 2, 1))["amount_open"] == "100.00"


def test_an_invoice_of_a_body_that_is_not_known_yet_is_named(of_rows: Any) -> None:
    new = INVOICE | {"invoice_id": "N", "issued_on": "2024-10-31", "due_on": "2024-11-30"}
    rows = {"invoices": [INVOICE, new], "payments": []}
    scored, problems = of_rows().score_ledger(rows, date(2024, 10, 31))
    assert [row["invoice_id"] for row in scored] == ["A"]
    (problem,) = [problem for problem in problems if problem["code"] == "not_known_yet"]
    assert (problem["pointer"], problem["value"]) == ("/ledger/invoices/1", "N")
    assert problem["mend"] == "Ask as of 2024-11-01 or later."
    assert len(of_rows().score_ledger(rows, date(2024, 11, 1))[0]) == 2


def test_what_a_body_repairs_is_said_with_a_pointer_and_nothing_of_our_rates_is(scorer: Scorer) -> None:
    rows = {"invoices": [INVOICE | {"amount": "", "currency": "CHF"}], "payments": []}
    _, problems = scorer.score_ledger(rows, LATE_DAY)
    assert [(p["pointer"], p["code"]) for p in problems if p["code"] == "amount_unknown"] == [
        ("/ledger/invoices/0/amount", "amount_unknown")
    ]
    assert all(p["pointer"].startswith(("/ledger/invoices", "/ledger/payments")) for p in problems)


def test_a_customer_is_described_with_what_it_owes_in_each_currency(of_rows: Any) -> None:
    yen = INVOICE | {"invoice_id": "Y", "currency": "JPY", "amount": "500"}
    customer = {"customer_id": "C", "name": "C & Sons", "country": "DE"}
    payments = [{"invoice_id": "A", "paid_on": "2024-02-01", "amount": "60"}]
    book = of_rows(INVOICE, yen, customers=[customer, {"customer_id": "Z"}], payments=payments)
    told = book.customer("C")
    assert told["open"] == [
        {"currency": "EUR", "amount": "40.00", "invoices": 1},
        {"currency": "JPY", "amount": "500", "invoices": 1},
    ]
    assert (told["name"], told["country"], "industry" in told) == ("C & Sons", "DE", False)
    assert [row["invoice_id"] for row in told["scores"]] == ["A", "Y"]
    assert told["payment_behaviour"]["settled_invoices"] == 0
    assert book.customer("Z")["payment_behaviour"] == {"settled_invoices": 0}
    json.dumps(told, allow_nan=False)
    with pytest.raises(UnknownIdError):
        book.customer("nobody")
    with pytest.raises(UnknownIdError):
        of_rows().customer("C", date(2024, 1, 1))


def test_what_happened_later_changes_no_score_of_an_earlier_day(
    sample_ledger: Ledger, small_model: RiskModel
) -> None:
    day = date(2026, 3, 2)
    known = Scorer(sample_ledger.known_before(day + timedelta(days=1)), small_model, Policy.load(), day)
    whole = Scorer(sample_ledger, small_model, Policy.load())
    pd.testing.assert_frame_equal(known.score_open(), whole.score_open(day))


def test_the_default_day_is_the_one_after_the_latest_fact(of_rows: Any, small_model: RiskModel) -> None:
    book = ledger(payments=[{"invoice_id": "A", "paid_on": "2024-05-05", "known_on": "2024-05-07"}])
    assert Scorer(book, small_model, Policy.load()).as_of == date(2024, 5, 8)
    empty = Ledger({name: table[:0] for name, table in book.tables.items()}, LedgerSettings())
    with pytest.raises(ValueError, match=r"holds no dated fact.*--as-of"):
        Scorer(empty, small_model, Policy.load())
    assert len(Scorer(empty, small_model, Policy.load(), LATE_DAY).score_open()) == 0


def test_contributions_of_an_explanation_add_up_to_the_probability_in_the_row(scorer: Scorer) -> None:
    explained = 0
    for invoice in scorer.score_open()["invoice_id"].tolist()[::17]:
        row, explanation = scorer.explain(invoice)
        if explanation.contributions:
            total = explanation.base + sum(explanation.contributions.values())
            p = row[explanation.target]
            assert abs(total - np.log(p / (1 - p))) < 1e-9
            assert explanation.probability == p
            explained += 1
        else:
            assert [row[name] for name in TARGETS] == [1.0, 1.0, 1.0]
    assert explained > 3


def test_the_list_is_ranked_by_tier_then_money_at_risk() -> None:
    rows = [
        ("A", "low", "900", 0.9),
        ("B", "high", "10", 0.5),
        ("C", "high", "100", 0.1),
        ("D", "high", "100", 0.2),
        ("E", "high", None, 1.0),
    ]
    scored = pd.DataFrame(rows, columns=["invoice_id", "tier", "amount_open", "p_late"])
    assert ranked(scored, ["low", "high"])["invoice_id"].tolist() == ["D", "C", "B", "E", "A"]


def test_no_cell_of_a_csv_file_runs_in_a_spreadsheet(of_rows: Any, tmp_path: Path) -> None:
    ids = ["=1+1", "+1", "-1", "@a", "\ta", "\ra", "'=1", "plain", "it's"]
    scored = of_rows(*[INVOICE | {"invoice_id": f"{name}", "customer_id": "=C"} for name in ids]).score_open()
    write_scores(scored, tmp_path / "scores.csv")
    with (tmp_path / "scores.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert not [cell for row in rows for cell in row.values() if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]
    assert {row["invoice_id"] for row in rows} >= {"'=1+1", "'+1", "'-1", "'@a", "''=1", "plain", "it's"}
    assert {row["customer_id"] for row in rows} == {"'=C"}
    write_scores(scored, tmp_path / "scores.parquet")
    kept = pd.read_parquet(tmp_path / "scores.parquet")
    assert set(kept["invoice_id"]) == set(scored["invoice_id"]) and set(kept["customer_id"]) == {"=C"}


def test_csv_and_parquet_hold_the_same(scorer: Scorer, tmp_path: Path) -> None:
    scored = scorer.score_open()
    for suffix in (".csv", ".parquet"):
        write_scores(scored, tmp_path / f"scores{suffix}")
    numbers = (*TARGETS, "p_late_low", "p_late_high", "days_past_due")
    text = {name: "str" for name in COLUMNS if name not in numbers}
    in_csv = pd.read_csv(tmp_path / "scores.csv", dtype=text, float_precision="round_trip")
    in_parquet = pd.read_parquet(tmp_path / "scores.parquet")
    assert tuple(in_csv.columns) == tuple(in_parquet.columns) == COLUMNS
    pd.testing.assert_frame_equal(in_csv, in_parquet)
    assert in_csv["as_of"].unique().tolist() == ["2026-07-01"]
    assert all(Decimal(text) > 0 for text in in_csv["amount_open"])
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["scores.csv", "scores.parquet"]


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "deep" / "table.csv"
    write_table(pd.DataFrame({"a": [1]}), target)

    def full(table: pd.DataFrame, path: Path, **given: Any) -> None:
        path.write_text("half")
        raise OSError("No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    with pytest.raises(OSError, match="No space left"):
        write_table(pd.DataFrame({"a": [2]}), target)
    assert target.read_text() == "a\n1\n"
    assert list(target.parent.iterdir()) == [target]
    with pytest.raises(ValueError, match=r"ends in \.csv or \.parquet"):
        write_table(pd.DataFrame(), tmp_path / "table.xlsx")
