"""Is a request that does not have the documented form refused, with everything that is wrong with it?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from serving.scoring import Scorer
from tests.api_service import JSON, LEDGER, ROW, body, odd_book, pointers, problem, read_only
from tests.caller import Caller
from training.model import RiskModel


@pytest.fixture(scope="module")
def scorer(small_model: RiskModel) -> Scorer:
    return odd_book(small_model)


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory, scorer: Scorer) -> Iterator[Caller]:
    with read_only(tmp_path_factory.mktemp("requests"), lambda: scorer) as caller:
        yield caller


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "Expecting value, line 1"),
        (b"{'a': 1}", "line 1, column 2"),
        (b"invoice_ids=A", "Expecting value"),
        (b'{"invoice_ids": ["A"],}', "line 1"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b'{"a": 1e400}', "1e400"),
        (b'{"a": -1e400}', "-1e400"),
        (b'{"a": ' + b"9" * 5000 + b"}", "digits"),
        (b'{"invoice_ids": ["A"], "invoice_ids": ["B"]}', "'invoice_ids' occurs twice"),
        (b'{"a": "\xff"}', "Byte 8 is not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        (b'\xef\xbb\xbf{"a": 1}', "BOM"),
        (b'{"invoice_ids": ["\\ud800"]}', "half a character"),
        (b"[" * 100_000, "too deeply"),
        (b'{"a":' * 100_000, "too deeply"),
    ],
    ids=lambda value: value[:24] if isinstance(value, bytes) else None,
)
def test_what_is_not_json_is_400(ask: Caller, text: bytes, says: str) -> None:
    answer = ask.post("/v1/scores", text, JSON)
    assert problem(answer) == (400, "not_json")
    assert says in answer.json()["detail"]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ([], [("", "model_type")]),
        (None, [("", "model_type")]),
        ({}, [("", "one_of")]),
        ({"invoice_ids": ["A"], "ledger": LEDGER, "as_of": "2026-03-31"}, [("", "one_of")]),
        ({"ledger": LEDGER}, [("/as_of", "missing")]),
        ({"invoice_ids": []}, [("/invoice_ids", "too_short")]),
        ({"invoice_ids": "A"}, [("/invoice_ids", "list_type")]),
        ({"invoice_ids": ["A"] * 1001}, [("/invoice_ids", "too_long")]),
        (
            {"invoice_ids": ["A", 7, "", None], "as_of": "31.03.2026", "as/of": 1},
            [
                ("/as_of", "wrong_value"),
                ("/invoice_ids/1", "string_type"),
                ("/invoice_ids/2", "string_too_short"),
                ("/invoice_ids/3", "string_type"),
                ("/as~1of", "unknown_field"),
            ],
        ),
        ({"invoice_ids": ["A"], "as_of": 20260331}, [("/as_of", "wrong_value")]),
        ({"invoice_ids": ["A"], "as_of": "2026-02-30"}, [("/as_of", "wrong_value")]),
        ({"invoice_ids": ["A"], "as_of": "2026-03-31T00:00:00"}, [("/as_of", "wrong_value")]),
        ({"invoice_ids": ["A"], "as_of": "9999-12-31"}, [("/as_of", "wrong_value")]),
    ],
)
def test_a_wrong_request_names_all_its_problems(ask: Caller, payload: Any, expected: list) -> None:
    assert pointers(ask.post("/v1/scores", body(payload), JSON)) == expected


@pytest.mark.parametrize(
    ("ledger", "expected"),
    [
        ([], [("/ledger", "dict_type")]),
        ({}, [("/ledger/invoices", "missing"), ("/ledger/payments", "missing")]),
        ({**LEDGER, "payment": []}, [("/ledger/payment", "unknown_table")]),
        ({**LEDGER, "payments": {}}, [("/ledger/payments", "not_a_list")]),
        ({**LEDGER, "payments": [7]}, [("/ledger/payments/0", "not_an_object")]),
        (
            {**LEDGER, "invoices": [ROW, {**ROW, "ammount": "1"}]},
            [("/ledger/invoices/1/ammount", "unknown_column")],
        ),
        ({**LEDGER, "invoices": [{**ROW, "amount": 10.5}]}, [("/ledger/invoices/0/amount", "wrong_value")]),
        ({**LEDGER, "invoices": [{**ROW, "amount": "1e3"}]}, [("/ledger/invoices/0/amount", "wrong_value")]),
        ({**LEDGER, "invoices": [{**ROW, "due_on": "soon"}]}, [("/ledger/invoices/0/due_on", "wrong_value")]),
        (
            {**LEDGER, "invoices": [{**ROW, "currency": "€"}]},
            [("/ledger/invoices/0/currency", "wrong_value")],
        ),
        (
            {**LEDGER, "invoices": [{**ROW, "invoice_id": 1}]},
            [("/ledger/invoices/0/invoice_id", "wrong_value")],
        ),
        ({**LEDGER, "invoices": [{**ROW, "due_on": None}]}, [("/ledger/invoices/0/due_on", "missing")]),
        (
            {**LEDGER, "invoices": [{**ROW, "money_unit": "EUR"}]},
            [("/ledger/invoices/0/money_unit", "unknown_column")],
        ),
        (
            {**LEDGER, "customers": [{"customer_id": "C", "key_account": "yes", "terms_days": "30"}]},
            [
                ("/ledger/customers/0/key_account", "wrong_value"),
                ("/ledger/customers/0/terms_days", "wrong_value"),
            ],
        ),
        (
            {**LEDGER, "customers": [{"customer_id": "C", "terms_days": 10**4000}]},
            [("/ledger/customers/0/terms_days", "wrong_value")],
        ),
        ({"invoices": [], "payments": []}, [("/ledger/invoices", "no_invoices")]),
    ],
)
def test_a_wrong_ledger_names_all_its_problems(ask: Caller, ledger: Any, expected: list) -> None:
    assert pointers(ask.post("/v1/scores", body({"as_of": "2026-03-31", "ledger": ledger}), JSON)) == expected


def test_a_missing_column_is_named_in_every_row(ask: Caller) -> None:
    ledger = {"invoices": [{"invoice_id": "A", "customer_id": "C"}] * 2, "payments": []}
    answer = ask.post("/v1/scores", body({"as_of": "2026-03-31", "ledger": ledger}), JSON)
    expected = {
        (f"/ledger/invoices/{row}/{name}", "missing") for row in (0, 1) for name in ("issued_on", "due_on")
    }
    assert set(pointers(answer)) == expected


FLOODS = [
    {"invoice_ids": [7] * 1000},
    {str(place): 1 for place in range(1000)},
    {"as_of": "2026-03-31", "ledger": {"invoices": [7] * 1000, "payments": []}},
    {"as_of": "2026-03-31", "ledger": {str(place): [] for place in range(1000)}},
]


@pytest.mark.parametrize("payload", FLOODS, ids=["ids", "fields", "rows", "tables"])
def test_a_flood_of_problems_is_cut(ask: Caller, payload: Any) -> None:
    answer = ask.post("/v1/scores", body(payload), JSON)
    assert len(pointers(answer)) == 200
    assert answer.json()["detail"].startswith("More than 200 things have to be mended")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("as_of=tomorrow", [("as_of", "wrong_value")]),
        ("as_of=", [("as_of", "wrong_value")]),
        ("as_of=0", [("as_of", "wrong_value")]),
        ("asof=2026-03-31", [("asof", "extra_forbidden")]),
    ],
)
def test_wrong_parameters_are_named(ask: Caller, query: str, expected: list) -> None:
    for path in ("/v1/invoices/INV-1/score", "/v1/customers/INV-1"):
        assert pointers(ask.get(f"{path}?{query}")) == expected
