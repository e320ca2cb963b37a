"""Do accounts, credit, exits, reviews, dry runs and texts come over HTTP, to those alone who may see them?"""

from __future__ import annotations

import re
from copy import copy
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from features.ledger import Ledger
from serving.policy import Policy
from serving.roles import ROLES
from serving.scoring import Scorer
from serving.tokens import create_token
from tests.api_service import JSON, body, pointers, problem, service
from tests.caller import Caller
from tests.test_api_records import Writer
from training.model import RiskModel

DAY = date(2026, 6, 1)
POLICY_TEXT = (Path(__file__).parents[1] / "serving" / "policy.yaml").read_text(encoding="utf-8")
NEW = {"currency": "EUR", "debtor_type": "company", "requested_limit": 8000, "report_limit": 4000}
NEW |= {"reported_on": "2025-01-17"}


@pytest.fixture(scope="module")
def scorer(small_model: RiskModel, sample_ledger: Ledger) -> Scorer:
    few = sample_ledger.of_customers(f"C{number:04}" for number in range(40, 54))
    return Scorer(few, small_model, Policy.load(), DAY)


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory, scorer: Scorer) -> Caller:
    """A service whose desk nobody writes to."""
    return service(tmp_path_factory.mktemp("read"), lambda: scorer)


@pytest.fixture
def desk(tmp_path: Path, scorer: Scorer) -> tuple[Caller, Writer]:
    caller = service(tmp_path, lambda: scorer)
    return caller, Writer(caller)


def test_an_account_is_told_as_a_whole(ask: Caller, scorer: Scorer) -> None:
    found = ask.get("/v1/accounts/C0050").json()
    assert (found["customer_id"], found["as_of"]) == ("C0050", DAY.isoformat())
    assert found["tier"]["tier"] in scorer.policy.tiers and found["tier"]["why"]
    assert found["review"]["is_due"] and found["review"]["recommended"] == "restrict"
    assert found["credit"]["decision"] == "cash_on_delivery" and found["credit"]["reasons"]
    assert found["figures"]["exposure"].count(".") == 1
    alone = ask.get("/v1/credit-recommendations?customer_id=C0050").json()
    assert alone == {"as_of": DAY.isoformat(), **found["credit"]}
    assert problem(ask.get("/v1/accounts/nobody")) == (404, "unknown_id")
    assert problem(ask.get("/v1/credit-recommendations?customer_id=nobody")) == (404, "unknown_id")
    assert problem(ask.get("/v1/credit-recommendations")) == (422, "wrong_schema")


def test_the_worklist_shows_the_tier_that_the_account_has(ask: Caller) -> None:
    cases = ask.get("/v1/worklist?capacity=5").json()["cases"]
    assert cases
    for case in cases:
        if len(case["customers"]) == 1:
            tier = ask.get(f"/v1/accounts/{case['customers'][0]}").json()["tier"]
            assert (case["tier"], case["tier_since"]) == (tier["tier"], tier["since"])


class TestANewCustomer:
    def test_gets_a_recommendation_with_reasons_and_nothing_is_kept(self, ask: Caller) -> None:
        found = ask.post("/v1/credit-recommendations", body(NEW), JSON).json()
        assert (found["decision"], found["limit"], found["terms_days"]) == ("reduced_limit", "1000.00", 14)
        assert [each["code"] for each in found["reasons"]] == ["hardly_known", "nothing_on_file"]
        assert "the credit report is 500 days old and counts for 50%" in found["notes"]
        assert ask.get("/v1/credit-decisions").json()["items"] == []

    def test_a_natural_person_is_decided_on_by_a_person(self, ask: Caller) -> None:
        given = NEW | {"debtor_type": "sole_trader"}
        assert ask.post("/v1/credit-recommendations", body(given), JSON).json()["person_decides"] is True

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ({"currency": "euro"}, "/currency"),
            ({"requested_limit": -1}, "/requested_limit"),
            ({"requested_limit": "8000"}, "/requested_limit"),
            ({"late_share": 2}, "/late_share"),
            ({"key_account": "yes"}, "/key_account"),
            ({"reported_on": "2026-06-02"}, "/reported_on"),
            ({"report_age_days": 3}, "/reported_on"),
            ({"score": 3}, "/score"),
            ({"utilisation": 0.5}, "/utilisation"),
        ],
    )
    def test_facts_that_cannot_be_are_told(self, ask: Caller, change: dict[str, Any], expected: str) -> None:
        answer = ask.post("/v1/credit-recommendations", body(NEW | change), JSON)
        assert [pointer for pointer, _ in pointers(answer)] == [expected]

    def test_without_a_currency_nobody_can_name_a_limit(self, ask: Caller) -> None:
        assert pointers(ask.post("/v1/credit-recommendations", body({}), JSON)) == [("/currency", "missing")]
        assert problem(ask.post("/v1/credit-recommendations", body([]), JSON)) == (422, "wrong_schema")


def test_exits_are_a_queue_to_decide_on(ask: Caller) -> None:
    found = ask.get("/v1/exits").json()
    assert found["items"] and len(found["recovery"]["bands"]) == 8
    for each in found["items"]:
        assert each["person_decides"] and each["says"]
        assert each["is_prepared"] or (each["consider"] == "hand_over" and each["missing"])
    assert [each["is_prepared"] for each in found["items"]] == sorted(
        (each["is_prepared"] for each in found["items"]), reverse=True
    )


def test_expected_credit_loss_adds_up_and_is_what_the_queue_writes_down(ask: Caller) -> None:
    found = ask.get("/v1/expected-credit-loss").json()
    assert found["lines"] and found["as_of"] == DAY.isoformat()
    for total in found["totals"]:
        mine = [line for line in found["lines"] if line["currency"] == total["currency"]]
        assert Decimal(total["expected_loss"]) == sum(Decimal(line["expected_loss"]) for line in mine)
        assert all(line["rate_low"] <= line["loss_rate"] <= line["rate_high"] for line in mine)
    queue = [each for each in ask.get("/v1/exits").json()["items"] if each["consider"] == "write_down"]
    shares = {round(float(line["loss_rate"]), 4) for line in found["lines"]}
    assert queue
    for each in queue:
        share = Decimal(each["write_down_amount"]) / Decimal(each["amount"])
        assert any(abs(float(share) - rate) < 0.001 for rate in shares), each
        assert "is expected never to come" in each["says"]
        assert Decimal(each["write_down_low"]) <= Decimal(each["write_down_amount"])


def test_reviews_due_come_page_by_page_and_go_when_they_are_done(desk: tuple[Caller, Writer]) -> None:
    ask, write = desk
    seen, after = [], ""
    while after is not None:
        page = ask.get(f"/v1/reviews-due?limit=4{after and f'&after={after}'}").json()
        seen += [each["customer_id"] for each in page["items"]]
        after = page["next"]
    assert len(seen) == len(set(seen)) == 14
    review = {"customer_id": seen[0], "reviewed_on": "2026-05-20", "outcome": "keep", "why": "pays again"}
    assert write("reviews", review).status_code == 201
    assert [each["customer_id"] for each in ask.get("/v1/reviews-due").json()["items"]] == seen[1:]
    assert ask.get(f"/v1/accounts/{seen[0]}").json()["review"]["last_reviewed_on"] == "2026-05-20"
    assert problem(ask.get("/v1/reviews-due?after=nobody")) == (422, "wrong_schema")


def test_a_margin_told_to_the_desk_stands_in_the_review(desk: tuple[Caller, Writer]) -> None:
    ask, write = desk
    assert ask.get("/v1/accounts/C0050").json()["review"]["margin_percent"] is None
    flag = {"customer_id": "C0050", "flag": "margin", "value": 22.5, "since": "2026-05-01"}
    for wrong in (True, "22", 101, None):
        assert [pointer for pointer, _ in pointers(write("flags", flag | {"value": wrong}))] == ["/value"]
    assert write("flags", flag).status_code == 201
    found = ask.get("/v1/accounts/C0050").json()
    review, bought = found["review"], Decimal(found["figures"]["purchases_365"])
    assert review["margin_percent"] == 22.5
    assert abs(Decimal(review["margin_365"]) - bought * Decimal("0.225")) <= Decimal("0.01")
    left = Decimal(review["margin_365"]) - Decimal(review["cost_to_collect"])
    assert abs(Decimal(review["margin_after_cost"]) - left) <= Decimal("0.01")
    assert "22.5 % of what is bought" in review["margin"]
    assert ask.get("/v1/worklist?capacity=5").status_code == 200


def test_a_policy_without_a_section_says_so(desk: tuple[Caller, Writer]) -> None:
    ask, write = desk
    begin, end = POLICY_TEXT.index("\nexits:"), POLICY_TEXT.index("\nworklist:")
    text = POLICY_TEXT[:begin] + POLICY_TEXT[end:]
    version = write("policy/versions", {"text": text}).json()["policy_version"]
    write("policy/activate", {"version": version, "why": "no exits here"})
    assert problem(ask.get("/v1/exits")) == (409, "not_in_policy")
    assert ask.get("/v1/accounts/C0050").status_code == 200


class TestADryRun:
    def test_of_a_text_or_a_version_says_what_would_change(self, desk: tuple[Caller, Writer]) -> None:
        ask, write = desk
        text = POLICY_TEXT.replace("p_late >= 0.20 and amount_open", "p_late >= 0.001 and amount_open")
        by_text = ask.post("/v1/policy/dry-run", body({"text": text}), JSON)
        assert by_text.status_code == 200 and by_text.json()["customers"] == 12
        assert by_text.json()["sentence"].startswith("moves ")
        version = write("policy/versions", {"text": text}).json()["policy_version"]
        assert ask.post("/v1/policy/dry-run", body({"version": version}), JSON).json() == by_text.json()
        assert ask.get("/v1/policy/history").json()["items"] == []

    def test_of_what_is_in_force_changes_nothing(self, ask: Caller) -> None:
        found = ask.post("/v1/policy/dry-run", body({"text": POLICY_TEXT}), JSON).json()
        assert found["sentence"] == "moves no case and changes no step"
        assert not any(found["listed"]["counts"].values())
        assert found["listed"]["sentence"] == "Today’s list stays as it is: the same cases in the same order."

    def test_says_who_comes_on_the_list_and_who_drops_off(self, ask: Caller) -> None:
        listed = ask.get("/v1/worklist").json()["cases"]
        text = re.sub(r"capacity_per_day: \d+", "capacity_per_day: 1", POLICY_TEXT)
        found = ask.post("/v1/policy/dry-run", body({"text": text}), JSON).json()["listed"]
        assert found["places"][1] == 1 and found["counts"]["drops_off"] == len(listed) - 1 > 0
        assert [each["case_id"] for each in found["drops_off"]] == [each["case_id"] for each in listed[1:]]
        assert {each["reason"] for each in found["drops_off"]} == {"no_capacity"}
        assert found["sentence"].startswith("The day has 1 place instead of ")
        assert found["comes_on"] == found["other_steps"] == []

    def test_tells_nothing_of_the_list_to_who_may_not_read_it(self, tmp_path: Path, scorer: Scorer) -> None:
        caller = service(tmp_path, lambda: scorer, requires_token=True)
        token = create_token(tmp_path, "dana", DAY, "data_scientist")
        caller.headers = {"authorization": f"Bearer {token}"}
        answer = caller.post("/v1/policy/dry-run", body({"text": POLICY_TEXT}), JSON)
        assert answer.status_code == 200 and answer.json()["listed"] is None

    def test_bad_input_is_told(self, ask: Caller) -> None:
        assert pointers(ask.post("/v1/policy/dry-run", body({}), JSON)) == [("", "one_of")]
        assert problem(ask.post("/v1/policy/dry-run", body({"version": "nope"}), JSON)) == (404, "unknown_id")
        answer = ask.post("/v1/policy/dry-run", body({"text": "tiers: [low]"}), JSON)
        assert all(pointer == "/text" for pointer, _ in pointers(answer))


class TestTheText:
    def test_goes_with_the_step_and_its_items(self, ask: Caller) -> None:
        heard = [
            each for each in ask.get("/v1/worklist?capacity=99").json()["cases"] if each["kind"] == "contact"
        ]
        assert heard
        for case in heard:
            answer = ask.get(f"/v1/cases/{case['case_id']}/message")
            assert answer.status_code == 200, answer.text
            found = answer.json()
            assert (found["action"], found["channel"]) == (case["action"], case["channel"])
            assert found["may_be_sent"] and found["findings"] == []
            covered = [item["invoice_id"] for item in case["items"] if item["is_covered"]]
            assert any(number in found["text"] for number in covered)
            other = ask.get(f"/v1/cases/{case['case_id']}/message?channel=letter&language=fr").json()
            assert other["channel"] == "letter" and "there is no text in 'fr' yet" in other["warnings"][0]

    def test_is_not_there_where_the_customer_is_to_hear_nothing(self, ask: Caller) -> None:
        told = ask.get("/v1/worklist?capacity=99&left_out=true").json()
        idle = told["left_out"][0]["case_id"]
        inside = next(each["case_id"] for each in told["cases"] if each["channel"] == "internal")
        for case_id in (idle, inside):
            assert problem(ask.get(f"/v1/cases/{case_id}/message")) == (409, "nothing_to_say")
        assert problem(ask.get("/v1/cases/nobody/message")) == (404, "unknown_id")
        assert problem(ask.get(f"/v1/cases/{idle}/message?channel=fax")) == (422, "wrong_schema")

    def test_with_a_harsh_word_is_not_kept(self, desk: tuple[Caller, Writer]) -> None:
        ask, write = desk
        sent = {"customer_id": "C0050", "sent_on": "2026-06-01", "channel": "email"}
        harsh = sent | {"subject": "Final notice", "body": "Why haven't you paid? Thank you."}
        answer = write("messages", harsh)
        assert sorted({pointer for pointer, _ in pointers(answer)}) == ["/body", "/subject"]
        many = write("messages", {"items": [harsh, sent | {"body": "Thank you for your payment."}]}).json()
        assert (many["kept"], many["refused"]) == (1, 1)
        assert many["results"][0]["problems"][0]["pointer"].startswith("/items/0/")
        kept = ask.get("/v1/messages").json()["items"][0]
        worse = write(f"messages/{kept['id']}", {"body": "You must pay at once!"}, "PATCH", if_match='"1"')
        assert {pointer for pointer, _ in pointers(worse)} == {"/body"}

    def test_names_a_firm_step_only_where_a_person_decided_on_it(self, desk: tuple[Caller, Writer]) -> None:
        _, write = desk
        sent = {"customer_id": "C0050", "sent_on": "2026-06-01", "channel": "letter"}
        sent |= {"body": "From the first of July on, a collection agency will write to you."}
        before = write("messages", sent)
        assert before.status_code == 422
        chosen = {"customer_id": "C0050", "chosen": "hand_over", "override_reason": "agreed with sales"}
        assert write("decisions", chosen).status_code == 201
        after = write("messages", sent)
        said = [each["detail"] for each in (after.json()["problems"] if after.status_code == 422 else [])]
        assert not any("(hand_over_threat)" in each for each in said)


class TestACreditDecision:
    def test_is_kept_with_what_was_recommended_and_why(self, desk: tuple[Caller, Writer]) -> None:
        ask, write = desk
        given = {"customer_id": "C0050", "chosen": "part_prepayment", "override_reason": "they asked for it"}
        made = write("credit-decisions", given)
        assert made.status_code == 201, made.text
        kept, account = made.json(), ask.get("/v1/accounts/C0050").json()
        credit = account["credit"]
        assert (kept["recommended"], kept["recommended_by"]) == (credit["decision"], credit["rule"])
        assert kept["reasons"] == credit["reasons"] and kept["decided_on"] == DAY.isoformat()
        assert kept["features"]["settled_count"] == account["figures"]["settled_count"]
        versions = ask.get("/v1/policy/versions").json()["items"]
        assert [each["version"] for each in versions] == [kept["policy_version"]]

    def test_another_choice_needs_its_reason(self, desk: tuple[Caller, Writer]) -> None:
        write = desk[1]
        answer = write("credit-decisions", {"customer_id": "C0050", "chosen": "open_terms"})
        assert [pointer for pointer, _ in pointers(answer)] == ["/override_reason"]

    @pytest.mark.parametrize("name", ["recommended", "reasons", "features", "policy_version"])
    def test_nobody_writes_the_ground_but_the_service(self, desk: tuple[Caller, Writer], name: str) -> None:
        write = desk[1]
        given = {"customer_id": "C0050", "chosen": "cash_on_delivery", name: "x"}
        for sent in (given, {"items": [given]}):
            answer = write("credit-decisions", sent)
            refused = (
                answer.json()["problems"]
                if answer.status_code == 422
                else answer.json()["results"][0]["problems"]
            )
            assert refused[0]["pointer"].endswith(f"/{name}")


READS: list[tuple[str, str, Any, str]] = [
    ("GET", "accounts/C0050", None, "read:worklist"),
    ("GET", "credit-recommendations?customer_id=C0050", None, "read:worklist"),
    ("POST", "credit-recommendations", NEW, "read:worklist"),
    ("GET", "exits", None, "read:worklist"),
    ("GET", "expected-credit-loss", None, "read:worklist"),
    ("GET", "reviews-due", None, "read:worklist"),
    ("POST", "policy/dry-run", {"text": POLICY_TEXT}, "read:policy"),
    ("GET", "cases/C0050/message", None, "read:worklist"),
]


def test_each_role_may_read_what_its_rights_say(tmp_path: Path, scorer: Scorer) -> None:
    one = service(tmp_path, lambda: scorer, requires_token=True)
    for role in ROLES:
        caller = copy(one)
        caller.headers = {"authorization": f"Bearer {create_token(tmp_path, role, DAY, role)}"}
        for method, path, given, right in READS:
            answer = caller.request(method, f"/v1/{path}", b"" if given is None else body(given), JSON)
            assert (answer.status_code != 403) == (right in ROLES[role]), (role, path, answer.text)
            assert answer.status_code in (200, 403, 409)


def test_every_answer_is_one_that_openapi_describes(ask: Caller) -> None:
    paths = ask.get("/docs.json").json()["paths"]
    templates = {"accounts/C0050": "accounts/{customer_id}", "cases/C0050/message": "cases/{case_id}/message"}
    for method, path, given, _ in READS:
        plain = path.split("?")[0]
        for content in (b"" if given is None else body(given), b"{"):
            answer = ask.request(method, f"/v1/{path}", content, JSON)
            described = paths[f"/v1/{templates.get(plain, plain)}"][method.lower()]["responses"]
            assert answer.headers["content-type"] in described[str(answer.status_code)]["content"], path
