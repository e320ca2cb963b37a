"""Does the HTTP service answer what its contract says, and nothing that its OpenAPI does not say?"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, unquote

import pytest

from serving.api.access import Access
from serving.api.app import create_app
from serving.api.guard import Guard
from serving.api.readiness import Readiness
from serving.api.schemas import Scores
from serving.api.settings import Settings
from serving.scoring import COLUMNS, FULL, Scorer
from tests.api_service import JSON, ODD_IDS, ROW, body, odd_book, problem, quoted, read_only, service
from tests.caller import Caller
from training.model import RiskModel


@pytest.fixture(scope="module")
def scorer(small_model: RiskModel) -> Scorer:
    return odd_book(small_model)


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory, scorer: Scorer) -> Iterator[Caller]:
    with read_only(tmp_path_factory.mktemp("reading"), lambda: scorer) as caller:
        yield caller


def test_invoices_of_the_book_are_scored_and_the_rest_is_named(ask: Caller, scorer: Scorer) -> None:
    ids = ["INV-1", "nope", "settled", "50%"]
    answer = ask.post("/v1/scores", body({"invoice_ids": ids, "as_of": "2026-03-20"}), JSON)
    assert answer.status_code == 200
    assert answer.json() == {
        "scores": [
            {name: scorer.score_of(each, date(2026, 3, 20))[name] for name in COLUMNS}
            for each in ("INV-1", "50%")
        ],
        "problems": scorer.score_invoices(ids, date(2026, 3, 20))[1],
        "context_as_of": "2026-03-11",
    }
    assert list(answer.json()["scores"][0]) == list(COLUMNS)
    assert [(problem["pointer"], problem["code"]) for problem in answer.json()["problems"]] == [
        ("/invoice_ids/1", "unknown_id"),
        ("/invoice_ids/2", "invoice_not_open"),
    ]
    Scores.model_validate(answer.json())


def test_a_ledger_in_the_body_is_scored_as_it_is_in_the_book(ask: Caller) -> None:
    ledger = {"invoices": [ROW | {"invoice_id": "INV-1", "customer_id": "INV-1"}], "payments": []}
    answer = ask.post("/v1/scores", body({"as_of": "2026-03-20", "ledger": ledger}), JSON)
    asked = ask.post("/v1/scores", body({"as_of": "2026-03-20", "invoice_ids": ["INV-1"]}), JSON)
    assert answer.json()["scores"] == asked.json()["scores"]
    path = "/v1/invoices/INV-1/score?as_of=2026-03-20"
    assert {name: ask.get(path).json()[name] for name in COLUMNS} == answer.json()["scores"][0]


def test_a_score_comes_with_its_recommendation(ask: Caller) -> None:
    score = ask.get("/v1/invoices/INV-1/score").json()
    assert list(score) == [*COLUMNS, *FULL]
    assert (score["as_of"], score["amount_open"], score["evidence"]) == ("2026-03-31", "10.50", "none")
    assert score["who"] and score["opening"] and score["why"]


def test_of_an_amount_nobody_knows_nothing_is_said(ask: Caller) -> None:
    ledger = {"invoices": [ROW | {"amount": None}], "payments": []}
    answer = ask.post("/v1/scores", body({"as_of": "2026-03-31", "ledger": ledger}), JSON).json()
    assert answer["scores"][0]["amount_open"] is None
    assert ("/ledger/invoices/0/amount", "amount_unknown") in [
        (problem["pointer"], problem["code"]) for problem in answer["problems"]
    ]
    Scores.model_validate(answer)


def test_a_day_before_anything_was_known_finds_nothing(ask: Caller) -> None:
    assert problem(ask.get("/v1/invoices/INV-1/score?as_of=2026-03-02")) == (404, "unknown_id")
    assert problem(ask.get("/v1/customers/INV-1?as_of=1900-01-01")) == (404, "unknown_id")
    assert ask.get("/v1/invoices/INV-1/score?as_of=2026-03-03").status_code == 200


def test_the_cards_say_which_model_and_policy_decide(ask: Caller, scorer: Scorer) -> None:
    score = ask.get("/v1/invoices/INV-1/score").json()
    assert ask.get("/v1/models/current").json()["model_version"] == score["model_version"]
    card = ask.get("/v1/policy").json()
    assert (
        card["policy_version"] == score["policy_version"] and card["sentences"] == scorer.policy.sentences()
    )


@pytest.mark.parametrize("identity", ODD_IDS)
def test_any_id_can_be_asked_for(ask: Caller, identity: str) -> None:
    assert ask.get(f"/v1/invoices/{quoted(identity)}/score").json()["invoice_id"] == identity
    assert ask.get(f"/v1/customers/{quoted(identity)}").json()["customer_id"] == identity


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/nope", (404, "unknown_route")),
        ("GET", "/v1/policy/", (404, "unknown_route")),
        ("GET", "/v1/invoices/unheard-of", (404, "unknown_id")),
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
    app = Guard(create_app(Readiness(broken)), Settings(home=tmp_path), Access(tmp_path, False, lambda: True))
    for path in ("/v1/policy", "/v1/models/current", "/v1/customers/C", "/v1/invoices/A/score"):
        answer = Caller(app).get(path)
        assert (problem(answer), answer.headers["retry-after"]) == ((503, "loading"), "1")


def test_a_broken_ledger_is_told_to_callers_and_not_to_strangers(tmp_path: Path) -> None:
    def load() -> Scorer:
        raise ValueError("invoices.csv row 3: amount 'x' of INV-SECRET is not an amount.")

    answer = service(tmp_path, load).get("/v1/policy")
    assert problem(answer) == (503, "not_loaded")
    assert "INV-SECRET" in answer.json()["detail"]
    readiness = Readiness(load)
    readiness.load()
    reason = readiness.why_not_ready()
    assert reason is not None and reason.kind == "not_loaded" and "INV-SECRET" not in reason.detail


def test_a_worker_says_once_in_the_log_that_it_is_ready(caplog: pytest.LogCaptureFixture) -> None:
    """Of several at one port, an answer never tells which one it is from."""
    caplog.set_level(logging.INFO, "bentoml.duecourse")
    loads = iter([broken, lambda: cast(Scorer, object())])
    readiness = Readiness(lambda: next(loads)())
    for _ in range(2):
        readiness.load()
    assert [each for each in caplog.messages if "ready" in each] == [f"worker {os.getpid()} is ready"]


def test_the_index_page_needs_nothing_from_elsewhere(ask: Caller) -> None:
    page = ask.get("/api")
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


def broken() -> Scorer:
    raise ValueError("no ledger")


def every_answer(home: Path, load: Callable[[], Scorer]) -> list[tuple[str, str, Any]]:
    """REQUESTS asked of a service that is well, guarded, broken, full or asked too often."""
    services = [
        (service(home, load, max_body_bytes=1000), JSON),
        (service(home, load), {"content-type": "text/plain"}),
        (service(home, load, requires_token=True), JSON),
        (service(home, load), {**JSON, "host": "evil.example"}),
        (service(home, broken), JSON),
        (service(home, load, max_in_flight=0), JSON),
        (service(home, load, requests_per_second=1), JSON),
    ]
    return [
        (method, template, caller.request(method, path, content, headers))
        for caller, headers in services
        for method, template, path, content in REQUESTS
    ]


def test_every_answer_is_one_that_openapi_describes(ask: Caller, tmp_path: Path, scorer: Scorer) -> None:
    document = ask.get("/docs.json").json()
    seen = set()
    for method, template, answer in every_answer(tmp_path, lambda: scorer):
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
