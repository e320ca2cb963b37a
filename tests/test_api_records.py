"""Does what systems and people write over HTTP count at once, once, and only where they may?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import copy
from datetime import date
from pathlib import Path
from typing import Any

import pysqlite3
import pytest

from features.ledger import Ledger
from serving.api.resources import BOOKED, RESOURCES
from serving.desk import Desk
from serving.policy import Policy
from serving.roles import ROLES
from serving.scoring import Scorer
from serving.tokens import create_token
from tests.api_service import JSON, body, pointers, problem, read_only, service
from tests.caller import Caller
from training.model import RiskModel

BOOK_DAY = date(2026, 3, 31)
POLICY = (Path(__file__).parent.parent / "serving" / "policy.yaml").read_text(encoding="utf-8")
INVOICE = {"invoice_id": "A", "customer_id": "C", "issued_on": "2026-03-02", "due_on": "2026-04-20"}
INVOICE |= {"amount": "100.00", "currency": "EUR"}
PROMISE = {"invoice_id": "A", "promised_on": "2026-04-10", "amount": "100.00"}
EXAMPLES: dict[str, dict[str, Any]] = {
    "payments": {"invoice_id": "A", "amount": "40.00"},
    "credit-notes": {"invoice_id": "A", "amount": "10.00"},
    "disputes": {"dispute_id": "Q1", "invoice_id": "A", "amount": "30.00", "cause": "price"},
    "promises": PROMISE,
    "payment-plans": {
        "customer_id": "C",
        "agreed_on": "2026-03-31",
        "instalments": [
            {"due_on": "2026-04-30", "amount": "50.00"},
            {"due_on": "2026-05-29", "amount": "50.00"},
        ],
    },
    "contacts": {"customer_id": "C", "channel": "phone", "direction": "outgoing", "outcome": "reached"},
    "complaints": {"customer_id": "C", "topic": "late delivery"},
    "notes": {"customer_id": "C", "noted_on": "2026-03-31", "text": "Prefers calls before noon."},
    "nonpayment-reasons": {"invoice_id": "A", "reason": "process_delay"},
    "credit-reports": {"customer_id": "C", "source": "agency", "score": 61.0},
    "trade-references": {"customer_id": "C", "rating": "prompt"},
    "flags": {"customer_id": "C", "flag": "terms_accepted", "since": "2026-01-05"},
    "invoices": INVOICE | {"invoice_id": "NEW"},
    "customers": {"customer_id": "C", "name": "Cedar Mills"},
    "tasks": {
        "customer_id": "C",
        "title": "Send the order number",
        "owner": "sales",
        "created_on": "2026-03-31",
    },
}


@pytest.fixture(scope="module")
def scorer(small_model: RiskModel) -> Scorer:
    invoices = [INVOICE, INVOICE | {"invoice_id": "B"}, INVOICE | {"invoice_id": "Z", "customer_id": "D"}]
    return Scorer(
        Ledger.from_rows({"invoices": invoices, "payments": []}), small_model, Policy.load(), BOOK_DAY
    )


@pytest.fixture
def ask(tmp_path: Path, scorer: Scorer) -> Caller:
    return service(tmp_path, lambda: scorer)


class Writer:
    """Writes with a new idempotency key each time."""

    def __init__(self, caller: Caller) -> None:
        self.caller, self.count = caller, 0

    def __call__(self, path: str, content: Any, method: str = "POST", **headers: str) -> Any:
        self.count += 1
        told = (
            JSON
            | {"idempotency-key": f"k{self.count}"}
            | {k.replace("_", "-"): v for k, v in headers.items()}
        )
        return self.caller.request(method, f"/v1/{path}", body(content), told)


@pytest.fixture
def write(ask: Caller) -> Writer:
    return Writer(ask)


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory, scorer: Scorer) -> Iterator[Writer]:
    """Writes what is refused, so that one service does for all."""
    with read_only(tmp_path_factory.mktemp("refusing"), lambda: scorer) as caller:
        yield Writer(caller)


@pytest.mark.parametrize("path", EXAMPLES)
def test_every_resource_takes_a_record_and_shows_it(ask: Caller, write: Writer, path: str) -> None:
    made = write(path, EXAMPLES[path])
    assert made.status_code == 201, made.text
    kept = made.json()
    assert (kept["version"], made.headers["etag"]) == (1, '"1"')
    if path not in {each.path for each in BOOKED}:
        again = ask.get(f"/v1/{path}/{kept['id']}")
        assert again.json() == kept and again.headers["etag"] == '"1"'
        assert ask.get(f"/v1/{path}").json() == {"items": [kept], "next": None}
        assert ask.get(f"/v1/{path}/{kept['id']}/history").json()["items"] == [kept]


class TestAtOnce:
    def test_a_part_payment_lowers_what_is_open(self, ask: Caller, write: Writer) -> None:
        write("payments", EXAMPLES["payments"])
        assert ask.get("/v1/invoices/A").json()["amount_open"] == "60.00"

    def test_a_full_payment_settles(self, ask: Caller, write: Writer) -> None:
        write("payments", {"invoice_id": "A", "amount": "100.00"})
        assert ask.get("/v1/invoices/A").json()["is_open"] is False
        assert [each["invoice_id"] for each in ask.get("/v1/invoices?customer_id=C").json()["items"]] == ["B"]

    def test_a_promise_holds_contacts_back(self, ask: Caller, write: Writer) -> None:
        write("promises", PROMISE)
        assert ask.get("/v1/invoices/A").json()["promise_pending"] is True
        assert ask.get("/v1/invoices/A/score").json()["action"] == "await_promise"
        assert ask.get("/v1/invoices/B/score").json()["action"] != "await_promise"

    def test_a_dispute_and_its_end(self, ask: Caller, write: Writer) -> None:
        write("disputes", EXAMPLES["disputes"] | {"amount": "100.00"})
        assert ask.get("/v1/invoices/A/score").json()["action"] == "resolve_dispute"
        done = write(
            "disputes/Q1", {"status": "resolved", "closed_on": "2026-03-31"}, "PATCH", if_match='"1"'
        )
        assert done.status_code == 200 and done.headers["etag"] == '"2"'
        assert ask.get("/v1/invoices/A/score").json()["action"] != "resolve_dispute"

    def test_a_complaint_comes_before_the_money(self, ask: Caller, write: Writer) -> None:
        write("complaints", EXAMPLES["complaints"])
        assert ask.get("/v1/invoices/A/score").json()["action"] == "answer_complaint"
        assert ask.get("/v1/invoices/Z/score").json()["action"] != "answer_complaint"

    def test_what_nobody_wrote_about_stays_as_it_was(self, ask: Caller, write: Writer) -> None:
        before = ask.get("/v1/invoices/Z/score").json()
        write("payments", EXAMPLES["payments"])
        assert ask.get("/v1/invoices/Z/score").json() == before

    def test_a_new_customer_is_known_at_once(self, ask: Caller, write: Writer) -> None:
        write("customers", {"customer_id": "N", "name": "Newcomer"})
        write("invoices", INVOICE | {"invoice_id": "N1", "customer_id": "N"})
        assert [each["customer_id"] for each in ask.get("/v1/customers").json()["items"]] == ["C", "D", "N"]
        assert ask.get("/v1/invoices/N1/score").status_code == 200


class TestPlans:
    def test_a_plan_is_cut_into_parts_that_add_up_on_working_days(self, ask: Caller, write: Writer) -> None:
        write("payments", {"invoice_id": "A", "amount": "40.00"})
        plan = ask.get("/v1/plan-proposals?customer_id=C&parts=3").json()
        assert plan["invoice_ids"] == ["A", "B"] and plan["amount"] == "160.00"
        assert [each["amount"] for each in plan["instalments"]] == ["53.33", "53.33", "53.34"]
        days = [date.fromisoformat(each["due_on"]) for each in plan["instalments"]]
        assert days == sorted(days) and all(each > BOOK_DAY and each.weekday() < 5 for each in days)
        assert plan["fits"] is None, "nothing was ever paid before the book day"

    def test_a_declared_pay_run_is_kept_and_usual_payments_are_the_measure(
        self, ask: Caller, write: Writer
    ) -> None:
        run = {"customer_id": "C", "flag": "pay_run", "value": "Thursday", "since": "2026-01-01"}
        assert write("flags", run).status_code == 201
        write(
            "payments",
            {"invoice_id": "A", "amount": "60.00", "paid_on": "2026-03-20", "known_on": "2026-03-20"},
        )
        plan = ask.get("/v1/plan-proposals?customer_id=C&invoice_id=B&parts=2").json()
        assert {date.fromisoformat(each["due_on"]).weekday() for each in plan["instalments"]} == {3}
        assert (plan["usual_on_a_pay_day"], plan["fits"]) == ("60.00", True)

    @pytest.mark.parametrize(
        ("asked", "expected"),
        [("customer_id=C&invoice_id=Z", "invoice_id"), ("customer_id=C&parts=99", "parts")],
    )
    def test_what_cannot_be_planned_is_told(self, ask: Caller, asked: str, expected: str) -> None:
        found = ask.get(f"/v1/plan-proposals?{asked}").json()["problems"]
        assert [each["parameter"] for each in found] == [expected]


class TestOnce:
    def test_a_retry_gets_the_same_answer_and_does_nothing(self, ask: Caller) -> None:
        told = JSON | {"idempotency-key": "x"}
        first, second = (ask.post("/v1/payments", body(EXAMPLES["payments"]), told) for _ in range(2))
        assert first.status_code == second.status_code == 201 and first.json() == second.json()
        assert second.headers["idempotency-replayed"] == "true" and second.headers["etag"] == '"1"'
        assert len(ask.get("/v1/payments").json()["items"]) == 1

    def test_a_key_is_for_one_request(self, ask: Caller) -> None:
        told = JSON | {"idempotency-key": "x"}
        ask.post("/v1/payments", body(EXAMPLES["payments"]), told)
        other = ask.post("/v1/payments", body(EXAMPLES["payments"] | {"amount": "41.00"}), told)
        assert problem(other) == (409, "key_reused")

    def test_without_a_key_nothing_is_written(self, ask: Caller) -> None:
        assert pointers(ask.post("/v1/payments", body(EXAMPLES["payments"]), JSON)) == [
            ("Idempotency-Key", "idempotency_key_needed")
        ]

    def test_of_two_who_change_the_same_the_second_is_told(self, write: Writer) -> None:
        made = write("promises", PROMISE).json()
        path = f"promises/{made['id']}"
        assert write(path, {"promised_on": "2026-04-11"}, "PATCH", if_match='"1"').status_code == 200
        late = write(path, {"promised_on": "2026-04-12"}, "PATCH", if_match='"1"')
        assert problem(late) == (412, "stale_version") and late.headers["etag"] == '"2"'
        assert problem(write(path, {"promised_on": "2026-04-12"}, "PATCH")) == (428, "version_needed")

    def test_many_at_once_are_kept_or_refused_each_by_itself(self, ask: Caller, write: Writer) -> None:
        items = [
            {"invoice_id": "A", "amount": "1.00"},
            {"invoice_id": "A", "amount": "x"},
            {"invoice_id": "?"},
        ]
        done = write("payments", {"items": [*items, {"invoice_id": "B", "amount": "2.00"}]})
        assert done.status_code == 200
        assert [each["status"] for each in done.json()["results"]] == [201, 422, 422, 201]
        assert done.json()["results"][1]["problems"][0]["pointer"] == "/items/1/amount"
        assert len(ask.get("/v1/payments").json()["items"]) == 2

    def test_pages_hold_everything_once(self, ask: Caller, write: Writer) -> None:
        write("payments", {"items": [{"invoice_id": "A", "amount": f"{n + 1}.00"} for n in range(7)]})
        seen, after = [], ""
        while after is not None:
            page = ask.get(f"/v1/payments?limit=3{after and f'&after={after}'}").json()
            seen += [each["amount"] for each in page["items"]]
            after = page["next"]
        assert seen == [f"{n + 1}.00" for n in range(7)]


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        ("payments", {"invoice_id": "nope", "amount": "1"}, ["/invoice_id"]),
        ("promises", PROMISE | {"customer_id": "D"}, ["/customer_id"]),
        ("promises", PROMISE | {"amount": "-1"}, ["/amount"]),
        ("promises", PROMISE | {"made_on": "2026-05-01"}, ["/promised_on"]),
        ("disputes", {"invoice_id": "A", "currency": "USD"}, ["/currency"]),
        ("contacts", {"customer_id": "nobody"}, ["/customer_id"]),
        ("contacts", {"customer_id": "C", "colour": "red"}, ["/colour"]),
        ("credit-notes", {"invoice_id": "A", "amount": "99999999999999999"}, ["/amount"]),
        ("notes", [], [""]),
    ],
)
def test_bad_input_is_told_by_pointer(refusing: Writer, path: str, content: Any, expected: list[str]) -> None:
    assert [pointer for pointer, _ in pointers(refusing(path, content))] == expected


@pytest.fixture(scope="module")
def by_role(tmp_path_factory: pytest.TempPathFactory, scorer: Scorer) -> dict[str, Caller]:
    """A caller of one service in each role."""
    home = tmp_path_factory.mktemp("roles")
    one = service(home, lambda: scorer, requires_token=True)
    callers = {}
    for role in ROLES:
        callers[role] = copy(one)
        callers[role].headers = {"authorization": f"Bearer {create_token(home, role, BOOK_DAY, role)}"}
    return callers


class TestRoles:
    @pytest.mark.parametrize("role", ROLES)
    def test_each_role_may_do_what_its_rights_say(self, by_role: dict[str, Caller], role: str) -> None:
        write = Writer(by_role[role])
        for resource in (*RESOURCES, *BOOKED):
            read = by_role[role].get(f"/v1/{resource.path}")
            wrote = write(resource.path, EXAMPLES.get(resource.path, {}))
            assert (read.status_code == 200) == (resource.reads in ROLES[role]), resource
            assert (wrote.status_code in (201, 409, 422)) == (resource.writes in ROLES[role]), resource
            assert {read.status_code, wrote.status_code} <= {200, 201, 403, 409, 422}

    def test_hardship_is_told_to_those_who_need_it_alone(self, by_role: dict[str, Caller]) -> None:
        hardship = {"customer_id": "D", "flag": "hardship", "since": "2026-03-01"}
        made = Writer(by_role["analyst"])("flags", hardship, idempotency_key="hardship").json()
        for role in ("analyst", "credit_manager", "viewer", "ar_system"):
            may = role in ("analyst", "credit_manager")
            found = by_role[role].get("/v1/flags?customer_id=D").json()["items"]
            assert any(each["flag"] == "hardship" for each in found) == may
            assert by_role[role].get(f"/v1/flags/{made['id']}").status_code == (200 if may else 403)
        other = Writer(by_role["ar_system"])(
            "flags", hardship | {"flag": "vulnerability"}, idempotency_key="vulnerability"
        )
        assert problem(other) == (403, "not_allowed")


def test_every_write_is_in_the_audit_log_under_its_callers_name(
    tmp_path: Path, scorer: Scorer, ask: Caller
) -> None:
    asked = service(tmp_path, lambda: scorer, requires_token=True)
    asked.headers = {"authorization": f"Bearer {create_token(tmp_path, 'night-run', BOOK_DAY)}"}
    Writer(asked)("payments", EXAMPLES["payments"])
    assert ask.get("/v1/payments").json()["items"][0]["changed_by"] == "night-run"


def test_while_the_desk_is_locked_writes_wait_their_turn_elsewhere_and_scores_go_on(
    tmp_path: Path, scorer: Scorer
) -> None:
    ask = service(tmp_path, lambda: scorer, patience=0.05)
    before = ask.get("/v1/invoices/A/score").json()
    blocker = pysqlite3.connect(tmp_path / "desk.db", isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    answer = Writer(ask)("payments", EXAMPLES["payments"])
    assert problem(answer) == (503, "desk_unavailable") and int(answer.headers["retry-after"]) >= 1
    assert ask.get("/v1/invoices/A/score").json() == before
    blocker.execute("ROLLBACK")
    assert Writer(ask)("payments", EXAMPLES["payments"]).status_code == 201


class TestPolicy:
    def test_a_policy_is_kept_put_in_force_and_rolled_back(self, ask: Caller, write: Writer) -> None:
        text = POLICY
        old = write("policy/versions", {"text": text, "note": "as it came"}).json()["policy_version"]
        assert write("policy/activate", {"version": old, "why": "the beginning"}).status_code == 200
        other = text.replace("quiet_days: 7", "quiet_days: 9")
        new = write("policy/versions", {"text": other}).json()["policy_version"]
        assert ask.get("/v1/policy").json()["policy_version"] == old
        write("policy/activate", {"version": new, "why": "more patience"})
        assert ask.get("/v1/policy").json()["policy_version"] == new
        assert ask.get("/v1/invoices/A/score").json()["policy_version"] == new
        write("policy/rollback", {"why": "too patient"})
        assert ask.get("/v1/policy").json()["policy_version"] == old
        whys = [each["why"] for each in ask.get("/v1/policy/history").json()["items"]]
        assert whys == ["the beginning", "more patience", "too patient"]
        assert [each["version"] for each in ask.get("/v1/policy/versions").json()["items"]] == [old, new]

    def test_other_comments_are_no_other_policy(self, ask: Caller, write: Writer) -> None:
        made = [write("policy/versions", {"text": f"{each}\n{POLICY}"}) for each in ("# ours", "# theirs")]
        assert [each.status_code for each in made] == [201, 201]
        assert [each["text"].split("\n")[0] for each in ask.get("/v1/policy/versions").json()["items"]] == [
            "# ours"
        ]

    def test_problems_of_a_policy_come_with_their_lines(self, write: Writer) -> None:
        found = write("policy/versions", {"text": "tiers: [low]\nrules: 5\n"})
        assert all(pointer == "/text" and code == "policy_problem" for pointer, code in pointers(found))
        assert any(each["detail"].startswith("line 2") for each in found.json()["problems"])

    def test_there_may_be_nothing_to_roll_back_to(self, write: Writer) -> None:
        assert pointers(write("policy/rollback", {"why": "x"})) == [("", "no_earlier_version")]
        assert problem(write("policy/activate", {"version": "nope", "why": "x"})) == (404, "unknown_id")


def test_the_desk_is_the_same_one_the_commands_read(tmp_path: Path, write: Writer) -> None:
    write("payments", EXAMPLES["payments"])
    with Desk.open(tmp_path) as desk:
        assert json.dumps(desk.ledger_rows()["payments"]).count('"40.00"') == 1
