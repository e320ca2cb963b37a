"""Do audit, alerts, losses and messages tell what is so, keep what was asked for, and act once?"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from serving.desk import Actor, Desk
from serving.desk.checked import FILE_NAME, keep_check, latest_check
from serving.scoring import Scorer
from tests.house import Browser, House, hidden

NIGHT = Actor("nightly", "administrator")
ALERT = {
    "rule": "limit_breach",
    "severity": "warning",
    "customer_id": "C",
    "sentence": "900.00 EUR is open, 180% of the limit of 500.00.",
    "raised_on": "2026-03-31",
}


def told(house: House, kind: str, content: dict[str, Any]) -> str:
    with house.desk.writing(NIGHT, house.clock()) as writing:
        return writing.add(kind, content).record_id


def verdict(browser: Browser) -> Any:
    return browser.get("/audit.json").json()["verdict"]


class TestWholeLog:
    def test_nobody_checked_is_said_and_a_form_checks(self, house: House) -> None:
        browser = house.browser()
        told(house, "notes", {"customer_id": "C", "text": "one", "noted_on": "2026-03-31"})
        assert verdict(browser) is None
        assert "was not checked yet" in browser.get("/audit").text
        done = browser.send("/audit", "/audit/check", {})
        assert (done.status_code, done.headers["location"]) == (303, "/audit#whole")
        found = verdict(browser)
        assert (found["is_valid"], found["entries"], found["since"], found["is_of_this_log"]) == (
            True,
            1,
            0,
            True,
        )
        assert found["by"] == "local 127.0.0.1" and "none was changed" in browser.get("/audit").text

    def test_what_came_since_is_not_called_checked(self, house: House) -> None:
        keep_check(house.desk.home, house.desk.verify_audit(), "nightly", house.clock())
        told(house, "notes", {"customer_id": "C", "text": "one", "noted_on": "2026-03-31"})
        assert verdict(house.browser())["since"] == 1
        assert "1 entry came since and is not checked yet." in house.browser().get("/audit").text

    def test_a_look_checks_nothing(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Desk, "verify_audit", lambda *given: pytest.fail("the whole log was read"))
        assert house.browser().get("/audit?check=yes").status_code == 200

    def test_another_log_in_its_place_is_seen(self, house: House) -> None:
        told(house, "notes", {"customer_id": "C", "text": "one", "noted_on": "2026-03-31"})
        keep_check(house.desk.home, house.desk.verify_audit(), "nightly", house.clock())
        file = house.desk.home / FILE_NAME
        file.write_text(re.sub(r'"hash": "....', '"hash": "beef', file.read_text()))
        assert not verdict(house.browser())["is_of_this_log"]
        assert "not the log that was checked" in house.browser().get("/audit").text
        file.write_text("{")
        assert latest_check(house.desk.home) is None and verdict(house.browser()) is None


def test_overrides_are_found_with_their_reason(house: House) -> None:
    browser = house.browser()
    recommended = browser.get("/invoices/A1.json").json()["score"]["action"]
    for chosen, why in ((recommended, ""), ("senior_review", "They <b>moved</b>.")):
        assert (
            browser.send("/invoices/A1", "/invoices/A1/decisions", {"chosen": chosen, "why": why}).status_code
            == 303
        )
    found = browser.get("/audit.json?only=overrides").json()
    assert found["filters"] == {"only": "overrides"}
    assert [each["override"] for each in found["entries"]] == [
        {
            "recommended": recommended,
            "chosen": "senior_review",
            "override_reason": "They <b>moved</b>.",
            "invoice_id": "A1",
        }
    ]
    page = browser.get("/audit?only=overrides").text
    assert "They &lt;b&gt;moved" in page and '<option value="overrides" selected>' in page
    assert browser.get("/audit/entries.csv?only=overrides").text.count("\n") == 2


class TestAlerts:
    def test_open_ones_are_counted_on_every_page(self, house: House) -> None:
        browser = house.browser()
        assert 'class="count"' not in browser.get("/glossary").text
        told(house, "alerts", ALERT)
        assert '<span class="hidden">1 open</span>' in browser.get("/glossary").text
        alert = told(house, "alerts", ALERT | {"rule": "credit_report"})
        assert ">2 open<" in browser.get("/glossary").text
        assert browser.send("/alerts", f"/alerts/{alert}", {"status": "closed"}).status_code == 303
        assert ">1 open<" in browser.get("/glossary").text

    def test_what_was_asked_for_stays_after_saving_and_on_an_error(self, house: House) -> None:
        browser, alert = house.browser(), told(house, "alerts", ALERT)
        told(house, "alerts", ALERT | {"severity": "urgent", "sentence": "Another."})
        page = "/alerts?status=open&severity=warning"
        again = browser.send(page, f"/alerts/{alert}", {"status": "else"})
        assert again.status_code == 422 and "Another." not in again.text and "€500.00" in again.text
        done = browser.send(page, f"/alerts/{alert}", {"status": "closed"})
        assert done.headers["location"] == f"{page}&told=alert"
        assert browser.get(done.headers["location"]).status_code == 200

    def test_nobody_is_sent_elsewhere(self, house: House) -> None:
        browser, alert = house.browser(), told(house, "alerts", ALERT)
        done = browser.send(
            "/alerts", f"/alerts/{alert}", {"status": "closed", "back": "/alerts.evil.example"}
        )
        assert done.headers["location"] == "/alerts?told=alert"


class TestLosses:
    def test_bands_add_up_to_what_the_api_says(self, house: House) -> None:
        browser = house.browser()
        api = browser.get("/v1/expected-credit-loss").json()
        shown = browser.get("/portfolio/losses.json").json()
        [euros] = shown["currencies"]
        assert {name: euros[name] for name in api["totals"][0]} == api["totals"][0]
        assert sum(float(band["open"]) for band in euros["bands"]) == float(api["totals"][0]["open"])
        page = browser.get("/portfolio/losses").text
        assert "How much, in EUR?" in page and "IFRS 9" in page and "/portfolio/exits" in page

    def test_the_queue_is_the_apis(self, house: House) -> None:
        browser = house.browser()
        told(house, "flags", {"customer_id": "C", "flag": "insolvency", "since": "2026-03-01"})
        api = browser.get("/v1/exits").json()["items"]
        shown = browser.get("/portfolio/exits.json").json()
        assert [each["invoice_id"] for each in shown["items"]] == [each["invoice_id"] for each in api]
        assert {"A1"} <= {each["invoice_id"] for each in api}
        assert "Write down" in browser.get("/portfolio/exits").text

    def test_they_are_for_who_may_see_the_worklist(self, tmp_path: Path, scorer: Scorer) -> None:
        strict = House(tmp_path, scorer, requires_token=True)
        dora = strict.signed_in("dora", "data_scientist")
        assert dora.get("/portfolio/losses").status_code == 403
        assert "/portfolio/losses" not in dora.get("/portfolio").text
        assert dora.get("/messages").status_code == 403

    def test_the_portfolio_leads_to_disputes(self, house: House) -> None:
        told(
            house,
            "disputes",
            {"invoice_id": "A1", "opened_on": "2026-03-20", "cause": "pricing", "currency": "EUR"},
        )
        assert '<a href="/disputes">Disputes</a>' in house.browser().get("/portfolio").text


def sending(house: House, status: str, why: str = "", number: int = 1) -> str:
    """A text that was to leave by itself, and what became of it."""
    text = {"customer_id": "C", "sent_on": "2026-03-31", "channel": "email", "action": "friendly_reminder"}
    message = told(
        house, "messages", text | {"recipient": "c@example.com", "subject": "<i>Due</i>", "body": "Dear C"}
    )
    content = {"case_id": "C", "customer_id": "C", "message_id": message, "action": "friendly_reminder"}
    content |= {"sending_id": f"S-{number}", "recipient": "c@example.com", "day": "2026-03-31"}
    record = told(house, "sendings", content | {"next_attempt_at": house.clock().isoformat()})
    steps = [{"status": "sending", "attempts": 1}, {"status": status, "last_error": why or None}]
    for version, changes in enumerate(steps if status != "queued" else [], 1):
        with house.desk.writing(NIGHT, house.clock() + timedelta(minutes=version)) as writing:
            writing.change("sendings", record, changes, version)
    return record


class TestMessages:
    def test_each_says_what_became_of_it(self, house: House) -> None:
        browser = house.browser()
        assert "Nothing left by itself yet." in browser.get("/messages").text
        why = "answered 550: no such user"
        for number, (status, error) in enumerate([("sent", ""), ("failed", why), ("queued", "")], 1):
            sending(house, status, error, number)
        shown = browser.get("/messages.json").json()
        assert [each["status"] for each in shown["messages"]] == ["queued", "failed", "sent"]
        assert shown["counts"] == {"queued": 1, "sent": 1, "failed": 1} and shown["total"] == 3
        page = browser.get("/messages?status=failed").text
        assert why in page and "c@example.com" in page and "&lt;i&gt;Due" in page
        assert browser.get("/messages.json?status=failed&customer_id=P").json()["messages"] == []
        story = [each["text"] for each in browser.get("/customers/C.json").json()["timeline"]["events"]]
        assert f"email: <i>Due</i>. It did not reach c@example.com: {why}" in story
        assert "email: <i>Due</i>. Left by itself to c@example.com." in story

    def test_pages_meet_without_a_gap(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("serving.pages.sendings.SHOWN", 2)
        for number in range(5):
            sending(house, "queued", number=number)
        seen, before = [], ""
        while before is not None:
            found = house.browser().get(f"/messages.json?before={before}").json()
            seen += [each["sending_id"] for each in found["messages"]]
            before = found["before"]
        assert seen == [f"S-{number}" for number in (4, 3, 2, 1, 0)]

    def test_a_person_says_what_nobody_knew(self, house: House) -> None:
        browser, record = (
            house.browser(),
            sending(house, "unsure", "our process ended while it was handed over"),
        )
        page, action = "/messages?status=unsure", f"/messages/{record}"
        form = hidden(browser.get(page).text, action)
        assert browser.post(action, form | {"became": ""}).status_code == 422
        done = browser.post(action, form | {"became": "sent"})
        assert (done.status_code, done.headers["location"]) == (303, f"{page}&told=sending")
        assert house.desk.get("sendings", record).status == "sent"
        assert [each.content["outcome"] for each in house.desk.find("contacts")] == ["message_sent"]
        late = browser.post(action, form | {"became": "failed", "key": "another"})
        assert late.status_code == 422 and "only an unsure one" in late.text
        assert house.desk.get("sendings", record).status == "sent"
