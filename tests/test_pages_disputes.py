"""Are disputes and complaints found by cause, age and owner, assigned, settled once, and told by their root causes?"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from features.ledger import Ledger
from serving.kpis import mender
from serving.pages.paths import quoted
from serving.policy import Policy
from serving.scoring import Scorer
from tests.house import BOOK_DAY, INVOICE, ODD_NAME, Browser, House, hidden
from training.model import RiskModel


@pytest.fixture(scope="module")
def scorer(small_model: RiskModel) -> Scorer:
    """Two disputes of an export, one of them closed long ago, and a complaint about which nobody spoke since."""
    invoices = [
        INVOICE | {"invoice_id": name, "customer_id": customer}
        for name, customer in (("A1", "C"), ("A2", "C"), ("B1", "D"), ("E1", "a/b c?#<i>"))
    ]
    disputes = [
        {
            "dispute_id": "D1",
            "invoice_id": "A1",
            "opened_on": "2026-01-20",
            "amount": "250.00",
            "reason": "pricing",
        },
        {"dispute_id": "D2", "invoice_id": "B1", "opened_on": "2025-02-01", "closed_on": "2025-02-09"},
        {"dispute_id": "D3", "invoice_id": "E1", "opened_on": "2026-03-30", "reason": "po_missing"},
    ]
    rows = {
        "invoices": invoices,
        "customers": [{"customer_id": "C", "name": ODD_NAME}, {"customer_id": "D", "name": "Dale Mills"}],
        "payments": [{"invoice_id": "B1", "paid_on": "2026-02-20", "amount": "900.00"}],
        "disputes": disputes,
        "complaints": [
            {"complaint_id": "D1", "customer_id": "D", "opened_on": "2026-03-02", "topic": "service"}
        ],
        "contacts": [{"customer_id": "C", "contacted_on": "2026-03-05", "channel": "phone"}],
    }
    return Scorer(Ledger.from_rows(rows), small_model, Policy.load(), BOOK_DAY)


def listed(browser: Browser, asked: str = "") -> list[tuple[str, str]]:
    return [
        (each["kind"], each["record_id"]) for each in browser.get(f"/disputes.json{asked}").json()["listed"]
    ]


def settle(browser: Browser, path: str, **fields: str) -> Any:
    return browser.send(path, path, fields)


def test_what_is_open_is_told_with_its_age_money_and_answer(house: House) -> None:
    told = house.browser().get("/disputes.json").json()
    said = {(each["kind"], each["record_id"]): each for each in told["listed"]}
    assert list(said) == [("complaints", "D1"), ("disputes", "D1"), ("disputes", "D3")]
    dispute, complaint = said["disputes", "D1"], said["complaints", "D1"]
    assert (dispute["amount"], dispute["age"], dispute["days_open"]) == ("250.00", "61-90", 70)
    assert (dispute["answer_by"], dispute["spoken_on"], dispute["is_overdue"]) == (
        "2026-01-22", "2026-03-05", False,
    )  # fmt: skip
    assert (complaint["answer_by"], complaint["is_overdue"], complaint["amount"]) == (
        "2026-03-03",
        True,
        None,
    )
    assert said["disputes", "D3"]["amount"] == "900.00" and not said["disputes", "D3"]["is_overdue"]
    assert told["counts"] == {"disputes": 2, "complaints": 1, "overdue": 1, "unowned": 3}
    assert told["money"] == {"EUR": "1150.00"}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("?kind=complaints", [("complaints", "D1")]),
        ("?cause=po_missing", [("disputes", "D3")]),
        ("?age=61-90", [("disputes", "D1")]),
        ("?waits=yes", [("complaints", "D1")]),
        ("?owner=nobody&q=dale", [("complaints", "D1")]),
        ("?owner=ana", []),
        ("?status=closed", []),
    ],
)
def test_filters_narrow_the_list(house: House, asked: str, expected: list[tuple[str, str]]) -> None:
    browser = house.browser()
    assert listed(browser, asked) == expected
    assert browser.get(f"/disputes{asked}").status_code == 200


def test_other_people_s_words_stay_words(house: House) -> None:
    browser = house.browser()
    assert (
        settle(browser, "/disputes/D1", status="open", owner="<b>ana", note="<script>x</script>").status_code
        == 303
    )
    for path in ("/disputes", "/disputes/D1"):
        page = browser.get(path).text
        assert "<script>" not in page.replace('<script src="/static/', "") and "<b>ana" not in page
        assert "&lt;b&gt;ana" in page and "\u202e" not in page


def test_one_of_the_export_is_taken_over_assigned_and_settled(house: House) -> None:
    browser = house.browser()
    assert settle(browser, "/disputes/D1", status="open", owner="ana").status_code == 303
    kept = house.desk.get("disputes", "D1")
    assert kept.content | {"known_on": ""} == {
        "dispute_id": "D1", "invoice_id": "A1", "customer_id": "C", "opened_on": "2026-01-20", "amount": "250.00",
        "currency": "EUR", "reason": "pricing", "owner": "ana", "known_on": "", "status": "open",
    }  # fmt: skip
    assert listed(browser, "?owner=ana") == [("disputes", "D1")]
    again = settle(browser, "/disputes/D1", status="resolved", owner="ana")
    assert again.status_code == 422 and "say how it was settled" in again.text
    note = "The old price holds; credit note sent."
    assert settle(browser, "/disputes/D1", status="resolved", owner="ana", note=note).status_code == 303
    told = browser.get("/disputes/D1.json").json()
    assert (told["status"], told["closed_on"], told["version"]) == ("resolved", "2026-03-31", 2)
    assert [each["changed"].get("note") for each in told["history"]] == [note, None]
    assert ("disputes", "D1") not in listed(browser)
    assert listed(browser, "?status=closed") == [("disputes", "D1")]
    item = next(
        each for each in browser.get("/customers/C.json").json()["items"] if each["invoice_id"] == "A1"
    )
    assert not item["is_disputed"]
    assert settle(browser, "/disputes/D1", status="open").status_code == 303
    assert ("disputes", "D1") in listed(browser)


def test_a_complaint_with_the_number_of_a_dispute_is_its_own(house: House) -> None:
    browser, path = house.browser(), "/disputes/D1?of=complaints"
    assert browser.get("/disputes/D1.json").json()["kind"] == "disputes"
    done = settle(browser, path, status="rejected", note="Nothing was wrong")
    assert (done.status_code, done.headers["location"]) == (303, f"{path}&told=objection")
    assert house.desk.find("disputes") == []
    assert (house.desk.get("complaints", "D1").status, browser.get("/disputes/D2.json").json()["status"]) == (
        "rejected", "resolved",
    )  # fmt: skip


def test_two_people_on_one_dispute_the_second_is_told(house: House) -> None:
    first, second = house.browser(), house.browser()
    forms = [hidden(each.get("/disputes/D1").text, "/disputes/D1") for each in (first, second)]
    assert first.post("/disputes/D1", forms[0] | {"status": "open", "owner": "ana"}).status_code == 303
    late = second.post("/disputes/D1", forms[1] | {"status": "open", "owner": "ben", "note": "mine"})
    assert late.status_code == 412 and "mine" in late.text
    assert house.desk.get("disputes", "D1").content["owner"] == "ana"


def test_nothing_of_that_number_is_said_in_words(house: House) -> None:
    assert house.browser().get("/disputes/nope").status_code == 404


def test_complaints_and_tasks_begin_on_the_customer_s_page(house: House) -> None:
    browser, base = house.browser(), "/customers/D"
    opened = browser.send(
        base, f"{base}/complaints", {"customer_id": "D", "topic": "delivery", "owner": "service"}
    )
    assert (opened.status_code, opened.headers["location"]) == (303, f"{base}?told=complaint")
    complaint = house.desk.find("complaints")[0]
    assert ("complaints", complaint.record_id) in listed(browser, "?owner=service")
    task = {"customer_id": "D", "title": "Send the <proof> of delivery", "owner": "Tom", "team": "service"}
    assert browser.send(base, f"{base}/tasks", {"title": "x"}).status_code == 422
    assert browser.send(base, f"{base}/tasks", task | {"due_on": "2026-03-30"}).status_code == 422
    assert browser.send(base, f"{base}/tasks", task | {"due_on": "2026-04-02"}).status_code == 303
    page = browser.get("/disputes")
    assert "Send the &lt;proof&gt; of delivery" in page.text
    path = f"/disputes/tasks/{quoted(house.desk.find('tasks')[0].record_id)}"
    assert browser.send("/disputes", path, {"result": "sent"}).status_code == 303
    assert browser.get("/disputes.json").json()["tasks"] == []
    assert house.desk.find("tasks")[0].content["result"] == "sent"


def test_a_dispute_recorded_on_a_page_counts_under_its_cause(house: House) -> None:
    fields = {"invoice_id": "A2", "cause": "quality"}
    assert house.browser().send("/customers/C", "/customers/C/disputes", fields).status_code == 303
    assert house.desk.find("disputes")[0].content["reason"] == "quality"


def test_root_causes_name_who_could_mend_them(house: House) -> None:
    told = house.browser().get("/disputes.json").json()["causes"]
    assert told["period"]["before"] == date(2026, 3, 31).isoformat() and not told["waiting"]
    assert "disputed: pricing" in [each["cause"] for each in told["rows"]]
    assert all(0 < each["share"] <= 1 for each in told["rows"])


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        ("disputed: pricing", "pricing"),
        ("reason given: invoice_arrived_late", "invoicing"),
        ("po_missing", "order entry"),
        ("reason given: overlooked", ""),
        ("", ""),
    ],
)
def test_who_could_mend_a_cause(cause: str, expected: str) -> None:
    assert mender(cause) == expected


def test_a_viewer_reads_and_changes_nothing(house: House) -> None:
    browser = house.signed_in("vera", "viewer")
    page = browser.get("/disputes/D1")
    assert page.status_code == 200 and "Record it" not in page.text
    fields = {"csrf": "", "key": "k", "form": "objection", "status": "open", "owner": "vera"}
    assert browser.post("/disputes/D1", fields).status_code in (401, 403)
    assert house.desk.find("disputes") == []
