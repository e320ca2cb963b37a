"""Does a conversation end with a commitment, all at once or not at all, and is every text fit for a customer?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from serving import users
from serving.scoring import Scorer
from tests.house import QUICK, Browser, House, book
from training.model import RiskModel

PAGE = "/customers/C/conversation"


@pytest.fixture(scope="module")
def scorer(small_model: RiskModel) -> Scorer:
    return book(small_model)


@pytest.fixture
def house(tmp_path: Path, scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(users, "_hasher", QUICK)
    return House(tmp_path, scorer)


def close(browser: Browser, **fields: str) -> Any:
    told = {"customer_id": "C", "channel": "phone", "direction": "outgoing", "person": "Ms Weber"}
    return browser.send(PAGE, PAGE, told | fields)


def test_nobody_closes_without_a_commitment(house: House) -> None:
    browser = house.browser()
    for fields, said in (
        ({}, "ends with a promise, a plan, or the day"),
        ({"ends": "day"}, "we speak again"),
        ({"ends": "promise", "promised_other": "2026-04-09"}, "name the invoices"),
        ({"ends": "promise", "promise_of_1": "A1"}, "name the day"),
        ({"ends": "plan", "plan_currency": "EUR"}, "each instalment"),
    ):
        again = close(browser, note="<i>kept</i>", **fields)
        assert again.status_code == 422 and said in again.text, fields
        assert "&lt;i&gt;kept&lt;/i&gt;" in again.text
    assert [house.desk.find(kind) for kind in ("contacts", "promises", "payment_plans")] == [[], [], []]


def test_a_promise_is_recorded_with_its_contact_and_told_back(house: House) -> None:
    browser = house.browser()
    fields = {"ends": "promise", "promised_other": "2026-04-09", "promise_of_1": "A1", "promise_of_2": "A2"}
    done = close(browser, confirmed_back="Both by the ninth", reason="forgot", **fields)
    assert done.status_code == 303, done.text
    contact = house.desk.find("contacts")[0]
    promises = house.desk.find("promises")
    assert [(each.invoice_id, each.content["amount"]) for each in promises] == [
        ("A1", "900.00"),
        ("A2", "900.00"),
    ]
    assert contact.content["promise_id"] == promises[0].record_id
    assert (contact.content["outcome"], contact.content["next_contact_on"]) == ("promised", "2026-04-10")
    assert [each.content["reason"] for each in house.desk.find("nonpayment_reasons")] == 2 * ["forgot"]
    told = browser.get(done.headers["location"].replace("?", ".json?", 1)).json()["closed"]
    assert (
        "1,800.00" in told["text"] and "9 April 2026" in told["text"] and "Both by the ninth" in told["text"]
    )


def test_a_plan_comes_to_what_is_open_to_the_cent(house: House) -> None:
    browser = house.browser()
    plan = browser.get(f"{PAGE}.json?parts=2").json()["plan"]
    assert (plan["amount"], len(plan["instalments"])) == ("1800.00", 2)
    fields = {"ends": "plan", "plan_currency": "EUR"}
    for n, each in enumerate(plan["instalments"], 1):
        fields |= {f"due_{n}": each["due_on"], f"amount_{n}": each["amount"]}
    wrong = close(browser, **fields | {"amount_2": "899.99"})
    assert wrong.status_code == 422 and "0.01 EUR apart" not in wrong.text and "0.01" in wrong.text
    assert house.desk.find("payment_plans") == house.desk.find("contacts") == []
    assert close(browser, **fields).status_code == 303
    kept = house.desk.find("payment_plans")[0]
    assert [each["amount"] for each in kept.content["instalments"]] == ["900.00", "900.00"]
    assert browser.get("/customers/C.json").json()["plans"][0]["status"] == "running"


def test_a_text_is_kept_only_if_a_customer_may_read_it(house: House) -> None:
    browser = house.browser()
    fields = {"customer_id": "C", "channel": "email", "subject": "Your invoice", "language": "en"}
    rude = "Why haven't you paid? This is your final warning."
    path = "/customers/C/messages"
    page = browser.get(PAGE).text
    hidden = {"csrf": page.split('name="csrf" value="')[1].split('"')[0], "key": "k1", "form": "message"}
    again = browser.post(path, hidden | fields | {"body": rude})
    assert again.status_code == 422 and "final warning" in again.text
    assert house.desk.find("messages") == []
    told = browser.post("/customers/C/wording", hidden | fields | {"body": rude})
    assert "Not to a customer" in told.text and "final warning" in told.text
    kind = "Is there anything we can do so that the invoice can be paid?"
    assert "Nothing in it" in browser.post("/customers/C/wording", hidden | fields | {"body": kind}).text
    assert browser.post(path, hidden | fields | {"body": kind, "key": "k2"}).status_code == 303
    assert house.desk.find("messages")[0].content["body"] == kind


def test_what_is_disputed_or_promised_is_not_spoken_about(house: House) -> None:
    browser = house.browser()
    told = {"invoice_id": "A1", "promised_on": "2026-04-09", "amount": "900.00"}
    assert browser.send("/customers/C", "/customers/C/promises", told).status_code == 303
    said = browser.get(f"{PAGE}.json").json()
    because = {each["invoice_id"]: each["because"] for each in said["not_about"]}
    assert because.get("A1") == "a promise is pending"
    assert "A1" not in {each["invoice_id"] for each in said["about"]}
