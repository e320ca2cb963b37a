"""Does a conversation end with a commitment, all at once or not at all, and is every text fit for a customer?"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

from serving.office import EVERYBODY, Office
from serving.pages.guide import guide
from serving.scoring import Scorer
from tests.house import Browser, House, hidden

PAGE = "/customers/C/conversation"


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
        (
            {"ends": "promise", "promise_of_1": "A1", "promised_other": "2026-04-12"},
            "the next one is Mon 13 Apr",
        ),
        (
            {"ends": "promise", "promise_of_1": "A1", "promised_other": "2026-04-09", "person": ""},
            "name the person",
        ),
        ({"ends": "plan", "plan_of": "EUR"}, "each part"),
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
    fields = {"ends": "plan", "plan_of": "EUR"}
    for n, each in enumerate(plan["instalments"], 1):
        fields |= {f"due_{n}": each["due_on"], f"amount_{n}": each["amount"]}
    wrong = close(browser, **fields | {"amount_2": "899.99"})
    assert wrong.status_code == 422 and "1800.00 EUR is to be paid: 0.01 apart" in wrong.text
    assert 'value="899.99"' in wrong.text
    assert house.desk.find("payment_plans") == house.desk.find("contacts") == []
    assert close(browser, **fields).status_code == 303
    kept = house.desk.find("payment_plans")[0]
    assert [each["amount"] for each in kept.content["instalments"]] == ["900.00", "900.00"]
    assert browser.get("/customers/C.json").json()["plans"][0]["status"] == "running"


def test_a_text_is_kept_only_if_a_customer_may_read_it(house: House) -> None:
    browser = house.browser()
    fields = {"customer_id": "C", "channel": "email", "subject": "Your invoice", "language": "en"}
    fields |= {"next_contact_on": "2026-04-08"}
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
    assert because.get("A1") == "it is promised"
    assert "A1" not in {each["invoice_id"] for each in said["about"]}


def test_a_plan_is_proposed_anew_and_looked_at_without_losing_a_word(house: House) -> None:
    browser = house.browser()
    fields = hidden(browser.get(PAGE).text, PAGE) | {
        "customer_id": "C",
        "person": "Ms <Weber>",
        "ends": "plan",
    }
    again = browser.post(f"{PAGE}/again", fields | {"propose": "yes", "parts": "4", "every": "14"})
    assert again.status_code == 200 and "Ms &lt;Weber&gt;" in again.text
    found = re.findall(r'name="(due|amount)_(\d)"[^>]*? value="([^"]*)"', again.text)
    assert len(found) == 8 and {n for _, n, _ in found} == set("1234")
    written = {f"{name}_{n}": value for name, n, value in found} | {
        "amount_4": "449.99",
        "due_3": "2026-05-03",
    }
    looked = browser.post(f"{PAGE}/again", fields | written | {"parts": "2"})
    assert "€0.01 apart" in looked.text and "Part 3: no working day there" in looked.text
    told = browser.post(f"{PAGE}/check", fields | written)
    assert "€0.01 apart" in told.text and "<html" not in told.text
    refused = close(browser, ends="plan", **written)
    assert refused.status_code == 422 and 'name="amount_4" inputmode="decimal" value="449.99"' in refused.text
    assert house.desk.find("payment_plans") == []


def test_a_plan_leaves_out_what_is_disputed_or_promised(house: House) -> None:
    browser = house.browser()
    browser.send(
        "/customers/C", "/customers/C/disputes", {"invoice_id": "A1", "cause": "pricing", "amount": "300"}
    )
    plan = browser.get(f"{PAGE}.json").json()["plan"]
    assert (plan["amount"], [each["amount"] for each in plan["choices"]]) == (
        "1500.00",
        ["1500.00", "600.00", "900.00"],
    )
    assert sum(Decimal(each["amount"]) for each in plan["instalments"]) == Decimal("1500.00")


def test_closing_a_conversation_closes_the_case_until_the_day_that_was_agreed(house: House) -> None:
    browser = house.browser()
    browser.send("/today", "/today/C", {"position": "1", "reason": "they wait"})
    assert close(browser, ends="day", next_contact_on="2026-04-20").status_code == 303
    state = house.desk.get("case_states", "C")
    assert (state.status, state.content["next_contact_on"]) == ("closed", "2026-04-20")
    assert "position" not in state.content
    left = {each["reason"]: each["cases"] for each in browser.get("/today.json").json()["left_out"]}
    assert "C" in [each["case_id"] for each in left["snoozed"]]
    told = close(
        browser, ends="promise", promise_of_1="A1", amount_of_1="400.00", promised_other="2026-04-09"
    )
    assert told.status_code == 303
    state, promise = house.desk.get("case_states", "C"), house.desk.find("promises")[0]
    assert (state.content["promise_id"], promise.content["amount"]) == (promise.record_id, "400.00")
    assert "next_contact_on" not in state.content


def test_two_people_with_one_customer_the_second_is_told(house: House) -> None:
    first, second = house.signed_in("ana", "analyst"), house.signed_in("ben", "analyst")
    fields = {"customer_id": "C", "channel": "phone", "direction": "outgoing", "ends": "day"}
    fields |= {"next_contact_on": "2026-04-20"}
    forms = [hidden(each.get(PAGE).text, PAGE) | fields for each in (first, second)]
    assert first.post(PAGE, forms[0]).status_code == 303
    late = second.post(PAGE, forms[1] | {"note": "They waited for <us>"})
    assert late.status_code == 412 and "ana recorded something" in late.text
    assert "They waited for &lt;us&gt;" in late.text
    again = second.post(PAGE, hidden(late.text, PAGE) | fields)
    assert again.status_code == 303 and len(house.desk.find("contacts")) == 2


def test_a_text_that_was_sent_is_a_contact_with_its_next_day(house: House) -> None:
    browser = house.browser()
    letter = browser.get(f"{PAGE}?write=letter").text
    assert 'name="channel" value="letter"' in letter
    path, kind = "/customers/C/messages", "Is there anything we can do so that the invoice can be paid?"
    fields = {"csrf": letter.split('name="csrf" value="')[1].split('"')[0], "key": "k", "form": "message"}
    fields |= {"customer_id": "C", "channel": "letter", "body": kind}
    again = browser.post(path, fields)
    assert again.status_code == 422 and "we speak again" in again.text and house.desk.find("messages") == []
    assert browser.post(path, fields | {"next_contact_on": "2026-04-08"}).status_code == 303
    contact = house.desk.find("contacts")[0].content
    assert (contact["channel"], contact["outcome"], contact["next_contact_on"]) == (
        "letter",
        "written",
        "2026-04-08",
    )
    looked = browser.post(f"{PAGE}/again", fields | {"body": "This is our final warning."})
    assert looked.status_code == 200 and "Not to a customer" in looked.text and "final warning" in looked.text


def test_one_case_is_told_as_the_whole_list_tells_it(house: House, scorer: Scorer) -> None:
    office = Office(house.desk, scorer.ledger, house.clock)
    live = office.live(scorer)
    whole = office.worklist(live, EVERYBODY)
    assert whole.cases
    for case in whole.cases:
        alone = office.case(live, case.case_id).cases
        assert [replace(each, rank=case.rank) for each in alone] == [replace(case, reasons=[], habits=[])]
    for case_id, reason in zip(whole.left_out["case_id"], whole.left_out["reason"], strict=True):
        assert office.case(live, case_id).left_out["reason"].tolist() == [reason]


def test_a_guide_is_read_in_steps() -> None:
    text = "Call guide: One\n\n* With: C\n\nInvoice  Due\nA1       2 Mar\n\n"
    text += "1. Begin\n\n“Good\nday.”\n\n* one\n  more\n* two\n"
    assert guide(text) == {
        "title": "Call guide: One",
        "facts": [{"kind": "points", "lines": ["With: C"]}],
        "steps": [
            {
                "heading": "1. Begin",
                "blocks": [
                    {"kind": "said", "lines": ["“Good day.”"]},
                    {"kind": "points", "lines": ["one more", "two"]},
                ],
            }
        ],
    }
