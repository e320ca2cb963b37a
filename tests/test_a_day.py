"""Does a day of a receivables department go through the real service, from first invoice to audit?"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pysqlite3
import pytest

from features.ledger import Ledger
from serving.desk import Desk
from serving.policy import Policy
from serving.scoring import default_as_of
from serving.tokens import create_token
from tests.commands import HASTY, runs_in
from tests.conftest import SAMPLE_LEDGER
from tests.crowd import EVERYTHING, Book, Service
from tests.crowd_callers import Caller, Log

POLICY = Path(__file__).parent.parent / "serving" / "policy.yaml"
PEOPLE = {"erp": "ar_system", "ana": "analyst", "mara": "credit_manager"}
COMES_FIRST = ("answer_complaint", "call_back", "hand_to_credit_manager")
SPEAKING = ("phone", "email", "letter")


@pytest.fixture
def book(tmp_path: Path) -> Book:
    home = tmp_path / "home"
    home.mkdir()
    (home / "mlflow.yaml").write_text(HASTY)
    done = runs_in(home)("train", SAMPLE_LEDGER)
    assert done.exit_code == 0, done.output
    secrets = {name: create_token(home, name, date(2026, 1, 1), role) for name, role in PEOPLE.items()}
    return Book(home, SAMPLE_LEDGER, secrets)


class Person(Caller):
    """One of those who work that day; nobody hangs up."""

    def __init__(self, name: str, book: Book, service: Service) -> None:
        super().__init__(name, book.tokens[name], service.port, Log(), seed=len(name))
        self.hangs_up = 0.0

    def post(self, path: str, **content: Any) -> dict[str, Any]:
        """What was kept of a record."""
        kept: dict[str, Any] = self.tell("POST", path, content)[2]
        return kept


def invoices_come_and_money(erp: Person, day: date) -> None:
    """What the systems post counts in the very next answer."""
    customer = erp.get("/v1/customers?limit=1")["items"][0]["customer_id"]
    due = {"issued_on": str(day - timedelta(days=40)), "due_on": str(day - timedelta(days=10))}
    for number in ("NEW-1", "NEW-2"):
        erp.post(
            "/v1/invoices", invoice_id=number, customer_id=customer, amount="900.00", currency="EUR", **due
        )
    assert erp.get("/v1/invoices/NEW-1/score")["customer_id"] == customer
    erp.post("/v1/payments", invoice_id="NEW-1", amount="900.00")
    erp.post("/v1/payments", invoice_id="NEW-2", amount="400.00")
    settled, part = erp.get("/v1/invoices/NEW-1"), erp.get("/v1/invoices/NEW-2")
    assert (settled["is_open"], part["is_open"], part["amount_open"]) == (False, True, "500.00")


def first_call(ana: Person) -> dict[str, Any]:
    """The first case of the list whose customer hears from us about several invoices."""
    listed = ana.get("/v1/worklist?capacity=200")["cases"]
    spoken = [each for each in listed if each["channel"] in SPEAKING and each["action"] not in COMES_FIRST]
    several = [each for each in spoken if sum(item["is_covered"] for item in each["items"]) > 1]
    assert several
    chosen: dict[str, Any] = several[0]
    return chosen


def decided_against_the_recommendation(ana: Person, case: dict[str, Any]) -> str:
    """Choosing something else takes a reason; the service writes down the ground of it."""
    other = "relationship_call" if case["action"] != "relationship_call" else "support_call"
    asked = {"case_id": case["case_id"], "chosen": other}
    refused = ana.expect((422,), "POST", "/v1/decisions", *ana.written(asked))
    assert refused[2]["problems"][0]["pointer"] == "/override_reason"
    made = ana.post("/v1/decisions", **asked, override_reason="I know them: a word helps more.")
    assert (made["recommended"], made["chosen"], made["changed_by"]) == (case["action"], other, "ana")
    return str(made["id"])


def said_of(person: Person, case_id: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """What the list of everybody says of a case: its line, or why it is left out."""
    everybody = person.get(EVERYTHING)
    found = [
        [each for each in everybody[part] if each["case_id"] == case_id] for part in ("cases", "left_out")
    ]
    return (*[each[0] if each else None for each in found],)  # type: ignore[return-value]


@pytest.mark.slow
def test_a_day_and_what_can_be_shown_of_it_years_later(book: Book, tmp_path: Path) -> None:
    day = default_as_of(Ledger.load(SAMPLE_LEDGER))
    with Service(book, tmp_path / "log") as service:
        erp, ana, mara = (Person(name, book, service) for name in PEOPLE)
        invoices_come_and_money(erp, day)

        case = first_call(ana)
        assert said_of(ana, case["case_id"])[0] is not None
        decision = decided_against_the_recommendation(ana, case)
        promised_on, again_on = str(day + timedelta(days=3)), str(day + timedelta(days=4))
        covered = [each for each in case["items"] if each["is_covered"]]
        for item in covered[1:]:
            ana.post("/v1/promises", invoice_id=item["invoice_id"], promised_on=promised_on,
                     amount=item["amount_open"], person="Ms Lind", channel="phone")  # fmt: skip
        ana.post("/v1/disputes", invoice_id=covered[0]["invoice_id"], cause="price", owner="sales",
                 amount=covered[0]["amount_open"])  # fmt: skip
        ana.post("/v1/contacts", customer_id=covered[0]["customer_id"], channel="phone", direction="outgoing",
                 outcome="promise_made", person="Ms Lind", next_contact_on=again_on,
                 confirmed_back="All but the one in question by Friday.")  # fmt: skip
        line, left = said_of(ana, case["case_id"])
        assert line is None or line["channel"] not in SPEAKING
        assert ana.get(f"/v1/invoices/{covered[0]['invoice_id']}/score")["action"] == "resolve_dispute"
        assert ana.get(f"/v1/invoices/{covered[1]['invoice_id']}/score")["action"] == "await_promise"
        told = {each["kind"] for each in ana.get(f"/v1/cases/{case['case_id']}")["timeline"]}
        assert {"contacts", "promises", "disputes", "decisions"} <= told

        service.more["DUECOURSE_AS_OF"] = str(day + timedelta(days=6))
        service.restart()
        line, left = said_of(ana, case["case_id"])
        assert line is not None and line["is_first"], (line, left)
        assert ana.get(f"/v1/invoices/{covered[1]['invoice_id']}")["promise_broken"]

        old, new = the_policy_changes_and_comes_back(mara, ana)
    whys = shown_years_later(book, decision, old)
    assert whys == [("the beginning", "mara"), ("more patience", "mara"), ("too patient", "mara")]
    assert old != new


def the_policy_changes_and_comes_back(mara: Person, ana: Person) -> tuple[str, str]:
    """A credit manager posts, activates and rolls back; an analyst may not."""
    text = POLICY.read_text(encoding="utf-8")
    versions = []
    for content, why in (
        (text, "the beginning"),
        (text.replace("quiet_days: 7", "quiet_days: 9"), "more patience"),
    ):
        versions.append(mara.post("/v1/policy/versions", text=content)["policy_version"])
        ana.expect((403,), "POST", "/v1/policy/activate", *ana.written({"version": versions[-1], "why": why}))
        mara.post("/v1/policy/activate", version=versions[-1], why=why)
        assert ana.get("/v1/worklist")["policy_version"] == versions[-1]
    mara.post("/v1/policy/rollback", why="too patient")
    assert ana.get("/v1/worklist")["policy_version"] == versions[0]
    return versions[0], versions[1]


def shown_years_later(book: Book, decision: str, version: str) -> list[tuple[str, str]]:
    """Who decided what, on which score and policy, and that nobody changed it since; who put policies in force."""
    run = runs_in(book.home)
    assert run("verify-audit").exit_code == 0
    with Desk.open(book.home) as desk:
        trace = desk.decision_trace(decision)
        content = trace.decision.content
        assert (trace.decision.changed_by, content["policy_version"]) == ("ana", version)
        assert trace.policy is not None and Policy.read(trace.policy.text).version == version
        assert 0 < content["score"]["p_late"] <= 1 and content["features"] and content["reasons"]
        assert content["model_version"] and content["override_reason"].startswith("I know them")
        whys = [(each.why, each.activated_by) for each in desk.activations()]
    with pysqlite3.connect(book.home / "desk.db") as forged:
        for (name,) in forged.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            forged.execute(f"DROP TRIGGER {name}")
        forged.execute("UPDATE records SET content = replace(content, 'I know them', 'She told me')")
    assert run("verify-audit").exit_code == 1
    return whys
