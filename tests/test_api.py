"""Does the HTTP service answer what its contract says, and nothing that its OpenAPI does not say?"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest

from features.ledger.problems import LedgerError, Problem
from serving.api.access import Access
from serving.api.app import create_app
from serving.api.guard import Guard
from serving.api.readiness import Readiness
from serving.api.settings import Settings
from tests.caller import Caller

JSON = {"content-type": "application/json"}
INVOICE = {"invoice_id": "A", "customer_id": "C", "issued_on": "2026-03-02", "due_on": "2026-04-01"}
ROW = {**INVOICE, "amount": "10.50", "currency": "EUR"}
LEDGER = {"invoices": [ROW], "payments": []}
ODD_IDS = [
    "INV-1",
    "2026/03/7",
    "a b",
    "Ünïcode-✓",
    "50%",
    "x?y#z",
    "%2F",
    "a/score",
    "..",
    "+",
    "/",
    "'\"<b>",
]


class StubScorer:
    """Answers by the id alone: ids of ODD_IDS are open, `settled` is settled, `broken` breaks."""

    as_of = context_as_of = date(2026, 3, 31)

    def score_invoices(self, ids: list[str], as_of: date | None) -> tuple[list[dict], list[dict]]:
        known = [self.score_of(invoice, as_of) for invoice in ids if invoice in ODD_IDS]
        problems = [
            {"pointer": f"/invoice_ids/{place}", "code": "unknown", "detail": "unknown", "mend": "mend"}
            for place, invoice in enumerate(ids)
            if invoice not in ODD_IDS
        ]
        return known, problems

    def score_ledger(self, rows: dict[str, list[dict]], as_of: date) -> tuple[list[dict], list[dict]]:
        if not rows["invoices"]:
            problem = Problem(
                "invoices", None, None, None, None, "error", "empty", "has no rows", "Add some."
            )
            raise LedgerError([problem])
        return [{"invoice_id": row["invoice_id"], "as_of": as_of} for row in rows["invoices"]], []

    def score_of(self, invoice_id: str, as_of: date | None) -> dict:
        if invoice_id == "settled":
            raise ValueError("Invoice 'settled' was settled on 2026-03-01.")
        if invoice_id == "broken":
            raise RuntimeError("secret of the inside")
        if invoice_id not in ODD_IDS:
            raise KeyError(invoice_id)
        return {"invoice_id": invoice_id, "as_of": as_of or self.as_of}

    def customer(self, customer_id: str, as_of: date | None) -> dict:
        if customer_id not in ODD_IDS:
            raise KeyError(customer_id)
        return {"customer_id": customer_id}

    def model_card(self) -> dict:
        return {"version": "abc"}

    def policy_card(self) -> dict:
        return {"version": "def"}


def service(home: Path, load: Callable[[], Any] = StubScorer, **chosen: Any) -> Caller:
    settings = Settings(home=home, **chosen)
    readiness = Readiness(load)
    readiness.load()
    access = Access(home, settings.requires_token, lambda: True)
    return Caller(Guard(create_app(readiness), settings, access, why_not_ready=readiness.why_not_ready))


@pytest.fixture
def ask(tmp_path: Path) -> Caller:
    return service(tmp_path)


def quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def body(value: Any) -> bytes:
    return json.dumps(value).encode()


def problem(answer: Any) -> tuple[int, str]:
    """Status and kind of a problem document, after checking that it is one."""
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert set(document) == {"type", "title", "status", "detail", "instance", "problems"}
    assert document["status"] == answer.status_code
    return answer.status_code, document["type"].removeprefix("urn:duecourse:problem:")


def pointers(answer: Any) -> list[tuple[str, str]]:
    assert problem(answer) == (422, "wrong_schema")
    items = answer.json()["problems"]
    assert all(item["detail"] and item["mend"] for item in items)
    return [(item.get("pointer", item.get("parameter")), item["code"]) for item in items]


def test_invoices_of_the_book_are_scored_and_the_rest_is_named(ask: Caller) -> None:
    answer = ask.post("/v1/scores", body({"invoice_ids": ["INV-1", "nope"], "as_of": "2026-03-01"}), JSON)
    assert answer.status_code == 200
    assert answer.json() == {
        "scores": [{"invoice_id": "INV-1", "as_of": "2026-03-01"}],
        "problems": [{"pointer": "/invoice_ids/1", "code": "unknown", "detail": "unknown", "mend": "mend"}],
        "context_as_of": "2026-03-31",
    }


def test_a_ledger_in_the_body_is_scored(ask: Caller) -> None:
    answer = ask.post("/v1/scores", body({"as_of": "2026-03-31", "ledger": LEDGER}), JSON)
    assert answer.status_code == 200
    assert answer.json()["scores"] == [{"invoice_id": "A", "as_of": "2026-03-31"}]


@pytest.mark.parametrize("identity", ODD_IDS)
def test_any_id_can_be_asked_for(ask: Caller, identity: str) -> None:
    assert ask.get(f"/v1/invoices/{quoted(identity)}/score").json()["invoice_id"] == identity
    assert ask.get(f"/v1/customers/{quoted(identity)}").json()["customer_id"] == identity


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
        ({"invoices": [], "payments": []}, [("/ledger/invoices", "empty")]),
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


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/nope", (404, "unknown_route")),
        ("GET", "/v1/policy/", (404, "unknown_route")),
        ("GET", "/v1/invoices/INV-1", (404, "unknown_route")),
        ("GET", "/static_content/swagger-ui.css", (404, "unknown_route")),
        ("GET", "/v1/invoices/nope/score", (404, "unknown_id")),
        ("GET", "/v1/invoices//score", (404, "unknown_id")),
        ("GET", "/v1/invoices/%FF%00/score", (404, "unknown_id")),
        ("GET", "/v1/customers/nope", (404, "unknown_id")),
        ("GET", "/v1/scores", (405, "method_not_allowed")),
        ("PUT", "/v1/policy", (405, "method_not_allowed")),
        ("OPTIONS", "/v1/scores", (405, "method_not_allowed")),
        ("TRACE", "/v1/scores", (405, "method_not_allowed")),
        ("GET", "/v1/invoices/settled/score", (409, "invoice_not_open")),
        ("GET", "/v1/invoices/broken/score", (500, "incident")),
    ],
)
def test_every_other_answer_is_a_problem_document(
    ask: Caller, method: str, path: str, expected: tuple
) -> None:
    answer = ask.request(method, path, headers=JSON)
    assert problem(answer) == expected
    assert "secret" not in answer.text
    assert (answer.status_code == 405) == ("allow" in answer.headers)
    assert answer.status_code == 500 or answer.json()["instance"] == quote(unquote(path))


def test_while_loading_every_route_says_so_and_how_long_to_wait(tmp_path: Path) -> None:
    app = Guard(
        create_app(Readiness(StubScorer)), Settings(home=tmp_path), Access(tmp_path, False, lambda: True)
    )
    for path in ("/v1/policy", "/v1/models/current", "/v1/customers/C", "/v1/invoices/A/score"):
        answer = Caller(app).get(path)
        assert (problem(answer), answer.headers["retry-after"]) == ((503, "loading"), "1")


def test_a_broken_ledger_is_told_to_callers_and_not_to_strangers(tmp_path: Path) -> None:
    def load() -> StubScorer:
        raise ValueError("invoices.csv row 3: amount 'x' of INV-SECRET is not an amount.")

    answer = service(tmp_path, load).get("/v1/policy")
    assert problem(answer) == (503, "not_loaded")
    assert "INV-SECRET" in answer.json()["detail"]
    readiness = Readiness(load)
    readiness.load()
    reason = readiness.why_not_ready()
    assert reason is not None and reason.kind == "not_loaded" and "INV-SECRET" not in reason.detail


def test_the_index_page_needs_nothing_from_elsewhere(ask: Caller) -> None:
    page = ask.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "curl http://127.0.0.1:3000/v1/scores" in page.text
    assert not re.findall(r"(?:src|href)=\"(?!/)", page.text)
    assert "<script" not in page.text
    policy = page.headers["content-security-policy"]
    assert (
        policy.startswith("default-src 'none'") and "style-src 'sha256-" in policy and "unsafe" not in policy
    )


REQUESTS = [
    ("POST", "/v1/scores", "/v1/scores", body({"invoice_ids": ["INV-1"]})),
    ("POST", "/v1/scores", "/v1/scores", b"{"),
    ("POST", "/v1/scores", "/v1/scores", b"{}"),
    ("POST", "/v1/scores", "/v1/scores", b" " * 2000),
    ("GET", "/v1/invoices/{invoice_id}/score", "/v1/invoices/INV-1/score", b""),
    ("GET", "/v1/invoices/{invoice_id}/score", "/v1/invoices/nope/score", b""),
    ("GET", "/v1/invoices/{invoice_id}/score", "/v1/invoices/settled/score", b""),
    ("GET", "/v1/invoices/{invoice_id}/score", "/v1/invoices/broken/score", b""),
    ("GET", "/v1/invoices/{invoice_id}/score", "/v1/invoices/INV-1/score?x=1", b""),
    ("GET", "/v1/customers/{customer_id}", "/v1/customers/INV-1", b""),
    ("GET", "/v1/customers/{customer_id}", "/v1/customers/nope", b""),
    ("GET", "/v1/customers/{customer_id}", "/v1/customers/nope?as_of=x", b""),
    ("GET", "/v1/models/current", "/v1/models/current", b""),
    ("GET", "/v1/policy", "/v1/policy", b""),
]


def broken() -> StubScorer:
    raise ValueError("no ledger")


def every_answer(home: Path) -> list[tuple[str, str, Any]]:
    """REQUESTS asked of a service that is well, guarded, broken, full or asked too often."""
    services = [
        (service(home, max_body_bytes=1000), JSON),
        (service(home), {"content-type": "text/plain"}),
        (service(home, requires_token=True), JSON),
        (service(home), {**JSON, "host": "evil.example"}),
        (service(home, broken), JSON),
        (service(home, max_in_flight=0), JSON),
        (service(home, requests_per_second=1), JSON),
    ]
    return [
        (method, template, caller.request(method, path, content, headers))
        for caller, headers in services
        for method, template, path, content in REQUESTS
    ]


def test_every_answer_is_one_that_openapi_describes(ask: Caller, tmp_path: Path) -> None:
    document = ask.get("/docs.json").json()
    seen = set()
    for method, template, answer in every_answer(tmp_path):
        described = document["paths"][template][method.lower()]["responses"][str(answer.status_code)]
        assert answer.headers["content-type"] in described["content"]
        assert ("retry-after" in answer.headers) == ("Retry-After" in described.get("headers", {}))
        seen.add(answer.status_code)
    assert seen == {200, 400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503}


def test_openapi_describes_bodies_and_points_nowhere_in_vain(ask: Caller) -> None:
    document = ask.get("/docs.json").json()
    names = set(re.findall(r"\"\$ref\": \"#/components/schemas/(\w+)\"", json.dumps(document)))
    assert names <= set(document["components"]["schemas"])
    schema = document["paths"]["/v1/scores"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(schema["properties"]) == {"as_of", "invoice_ids", "ledger"}
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert {"/livez", "/readyz"} < set(document["paths"])
