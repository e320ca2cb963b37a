"""Do the pages show what they must, act once on what people write, and let no words run?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from serving import users
from serving.desk import Actor
from serving.languages.formats import chance, money
from serving.pages.paths import quoted
from serving.pages.rendering import STATIC, own, static_file
from serving.policy import Policy
from serving.scoring import Scorer
from tests.api_service import NOW
from tests.house import QUICK, House, hidden

PLACES = (
    *(
        "/today",
        "/alerts",
        "/messages",
        "/portfolio",
        "/portfolio/losses",
        "/portfolio/exits",
        "/policy",
        "/model",
    ),
    *("/audit", "/glossary", "/patterns"),
)


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "_hasher", QUICK)


@pytest.fixture
def house(tmp_path: Path, scorer: Scorer) -> House:
    return House(tmp_path, scorer)


@pytest.fixture
def strict(tmp_path: Path, scorer: Scorer) -> House:
    """The same where everybody has to say who they are."""
    return House(tmp_path, scorer, requires_token=True)


class TestForms:
    def test_a_contact_ends_with_the_next_step(self, house: House) -> None:
        browser, told = (
            house.browser(),
            {"channel": "phone", "outcome": "reached", "note": "Kind <b>talk</b>"},
        )
        told |= {"customer_id": "C", "direction": "outgoing"}
        again = browser.send("/customers/C", "/customers/C/contacts", told)
        assert again.status_code == 422
        assert "we speak again" in again.text and "Kind &lt;b&gt;talk&lt;/b&gt;" in again.text
        assert house.desk.find("contacts") == []
        done = browser.send("/customers/C", "/customers/C/contacts", told | {"next_contact_on": "2026-04-07"})
        assert (done.status_code, done.headers["location"]) == (303, "/customers/C?told=contact")
        kept = house.desk.find("contacts")[0]
        assert (kept.customer_id, kept.content["next_contact_on"], kept.content["contacted_on"]) == (
            "C",
            "2026-04-07",
            "2026-03-31",
        )
        assert "Kind &lt;b&gt;talk" in browser.get("/customers/C").text

    def test_a_promise_counts_at_once(self, house: House) -> None:
        browser = house.browser()
        fields = {"invoice_id": "A1", "promised_on": "2026-04-09", "amount": "900.00", "person": "Ms Weber"}
        assert browser.send("/customers/C", "/customers/C/promises", fields).status_code == 303
        told = browser.get("/customers/C.json").json()
        assert told["promises"][0] | {"promise_id": ""} == {
            "promise_id": "", "invoice_id": "A1", "made_on": "2026-03-31", "promised_on": "2026-04-09",
            "amount": "900.00", "currency": "EUR", "person": "Ms Weber", "status": "open", "booked_on": None,
        }  # fmt: skip
        assert next(each for each in told["items"] if each["invoice_id"] == "A1")["promise_pending"]

    def test_every_flaw_stands_at_its_field_and_nothing_is_lost(self, house: House) -> None:
        fields = {"invoice_id": "A1", "promised_on": "2025-01-01", "amount": "1.234", "person": "Ms Weber"}
        again = house.browser().send("/customers/C", "/customers/C/promises", fields)
        assert again.status_code == 422
        assert again.text.count("aria-invalid=true") == 1
        assert 'value="Ms Weber"' in again.text and "lies before" in again.text

    def test_a_dispute_names_its_cause(self, house: House) -> None:
        fields = {
            "invoice_id": "A2",
            "cause": "pricing",
            "amount": "1,00.50",
            "owner": "sales",
            "note": "old price",
        }
        assert house.browser().send("/customers/C", "/customers/C/disputes", fields).status_code == 303
        kept = house.desk.find("disputes")[0].content
        assert (kept["amount"], kept["cause"], kept["currency"]) == ("100.50", "pricing", "EUR")

    def test_sent_twice_it_is_done_once(self, house: House) -> None:
        browser = house.browser()
        fields = hidden(browser.get("/customers/C").text, "/customers/C/notes") | {
            "text": "Once",
            "customer_id": "C",
        }
        answers = [browser.post("/customers/C/notes", fields) for _ in range(3)]
        assert [each.status_code for each in answers] == [303] * 3
        assert len(house.desk.find("notes")) == 1
        assert browser.post("/customers/C/notes", fields | {"text": "Another"}).status_code == 409

    def test_an_invoice_of_somebody_else_is_refused(self, house: House) -> None:
        fields = {"invoice_id": "P1", "promised_on": "2026-04-09"}
        assert house.browser().send("/customers/C", "/customers/C/promises", fields).status_code == 422

    def test_an_override_needs_its_reason_and_keeps_its_ground(self, house: House) -> None:
        browser = house.browser()
        recommended = browser.get("/invoices/A1.json").json()["score"]["action"]
        other = next(code for code in sorted(Policy.load().parts.actions) if code != recommended)
        again = browser.send("/invoices/A1", "/invoices/A1/decisions", {"chosen": other})
        assert again.status_code == 422 and "say why" in again.text
        done = browser.send(
            "/invoices/A1", "/invoices/A1/decisions", {"chosen": other, "why": "They called us."}
        )
        assert done.status_code == 303
        kept = house.desk.find("decisions")[0].content
        assert (kept["recommended"], kept["chosen"], kept["override_reason"]) == (
            recommended,
            other,
            "They called us.",
        )
        assert kept["score"]["p_late"] and kept["model_version"] and kept["features"]
        assert "They called us." in browser.get("/invoices/A1").text

    def test_two_people_on_one_case_the_second_is_told(self, house: House) -> None:
        case = house.browser().get("/today.json").json()["cases"][0]["case_id"]
        first, second = house.browser(), house.browser()
        action = f"/today/{quoted(case)}"
        forms = [hidden(each.get("/today").text, action) for each in (first, second)]
        assert first.post(action, forms[0] | {"assigned_to": "ana"}).status_code == 303
        late = second.post(action, forms[1] | {"assigned_to": "ben"})
        assert late.status_code == 412 and "changed it meanwhile" in late.text
        assert house.desk.get("case_states", case).content["assigned_to"] == "ana"
        changed = second.send("/today", action, {"assigned_to": "ben"})
        assert changed.status_code == 303
        assert house.desk.get("case_states", case).content["assigned_to"] == "ben"

    def test_setting_aside_takes_a_reason_and_takes_the_case_off_the_list(self, house: House) -> None:
        browser = house.browser()
        case = browser.get("/today.json").json()["cases"][0]["case_id"]
        action = f"/today/{quoted(case)}"
        assert browser.send("/today", action, {"snoozed_until": "2026-04-20"}).status_code == 422
        fields = {"snoozed_until": "2026-04-20", "reason": "waits for the credit note"}
        assert browser.send("/today", action, fields).status_code == 303
        told = browser.get("/today.json").json()
        assert case not in [each["case_id"] for each in told["cases"]]
        assert case in [
            each["case_id"]
            for group in told["left_out"]
            if group["reason"] == "snoozed"
            for each in group["cases"]
        ]

    def test_an_alert_is_moved_on(self, house: House) -> None:
        raised = {
            "rule": "credit_limit",
            "raised_on": "2026-03-30",
            "sentence": "Over <its> limit.",
            "customer_id": "C",
        }
        with house.desk.writing(Actor("nightly", "local"), NOW) as writing:
            alert = writing.add("alerts", raised).record_id
        browser = house.browser()
        assert "Over &lt;its&gt; limit." in browser.get("/alerts").text
        for asked, count in (("rule=credit_limit", 1), ("rule=tier_jump", 0), ("status=closed", 0)):
            assert len(browser.get(f"/alerts.json?{asked}").json()["alerts"]) == count, asked
        done = browser.send("/alerts", f"/alerts/{alert}", {"status": "closed", "note": "limit raised"})
        assert done.status_code == 303
        assert browser.get("/alerts.json").json()["alerts"] == []
        assert house.desk.get("alerts", alert).status == "closed"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory, scorer: Scorer) -> House:
    """A house in which nothing is written."""
    return House(tmp_path_factory.mktemp("shown"), scorer)


class TestPages:
    @pytest.mark.parametrize("path", [*PLACES, "/customers/C", "/invoices/A1", "/invoices/P1", "/sign-in"])
    def test_need_nothing_from_elsewhere_and_run_nothing_inside(self, shown: House, path: str) -> None:
        page = shown.browser().get(path)
        assert page.status_code == 200
        assert not re.findall(r"(?:src|href|action)=\"(?![/#])", page.text)
        assert not re.search(r"<style|\sstyle=|<script(?! src=\"/static/)|\son[a-z]+=|javascript:", page.text)
        policy = page.headers["content-security-policy"]
        assert (
            "unsafe" not in policy and "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        )
        assert page.headers["referrer-policy"] == "same-origin"
        assert page.headers["cache-control"] == "no-store"
        assert len(page.content) < 150_000

    @pytest.mark.parametrize("path", [*PLACES, "/customers/C", "/invoices/A1"])
    def test_have_a_twin_of_data(self, shown: House, path: str) -> None:
        answer = shown.browser().get(f"{path}.json")
        assert answer.status_code == 200 and isinstance(answer.json(), dict)

    @pytest.mark.parametrize("path", ["/today", "/customers/C", "/customers/D", "/invoices/A1"])
    def test_other_people_s_words_stay_words(self, shown: House, path: str) -> None:
        page = shown.browser().get(path).text
        assert "<script>alert" not in page and "\u202e" not in page
        assert "&lt;script&gt;alert(1)" in page

    @pytest.mark.parametrize("customer_id", ["a/b c?#<i>", "D"])
    def test_any_number_makes_an_address(self, shown: House, customer_id: str) -> None:
        browser = shown.browser()
        page = browser.get(f"/customers/{quoted(customer_id)}")
        assert page.status_code == 200
        invoices = [
            each["invoice_id"]
            for each in browser.get(f"/customers/{quoted(customer_id)}.json").json()["items"]
        ]
        assert invoices
        for invoice_id in invoices:
            assert f'href="/invoices/{quoted(invoice_id)}"' in page.text
            assert browser.get(f"/invoices/{quoted(invoice_id)}").status_code == 200

    def test_a_group_is_one_story(self, shown: House) -> None:
        told = shown.browser().get("/customers/D.json").json()
        assert [each["customer_id"] for each in told["members"]] == ["C", "D"]
        assert {each["invoice_id"] for each in told["items"]} == {"A1", "A2", "D/1?#"}
        assert [each["currency"] for each in told["open"]] == ["EUR"] and told["open"][0][
            "total"
        ] == "2700.00"
        assert told["credit"][0]["share"] == pytest.approx(0.36)

    def test_the_steps_of_an_explanation_lead_to_the_chance(self, shown: House) -> None:
        told = shown.browser().get("/invoices/A2.json").json()["explained"]
        assert told["probability"] == pytest.approx(1 / (1 + 2.718281828459045 ** -told["steps"][-1]["to"]))
        assert all(a["to"] == b["from"] for a, b in zip(told["steps"], told["steps"][1:], strict=False))

    def test_filters_narrow_the_list_and_say_what_they_hide(self, shown: House) -> None:
        browser = shown.browser()
        whole = browser.get("/today.json").json()
        found = browser.get(f"/today.json?q={quoted('script hyperlink')}").json()
        assert [each["case_id"] for each in found["cases"]] == ["C"]
        assert found["hidden"] == len(whole["cases"]) - 1
        nothing = browser.get("/today?q=nosuchword")
        assert "No case fits." in nothing.text
        tier = whole["cases"][0]["tier"]
        assert all(each["tier"] == tier for each in browser.get(f"/today.json?tier={tier}").json()["cases"])

    def test_what_is_left_out_adds_up(self, shown: House) -> None:
        told = shown.browser().get("/today.json").json()
        cases = [each["case_id"] for each in told["cases"]] + [
            e["case_id"] for g in told["left_out"] for e in g["cases"]
        ]
        assert sorted(cases) == ["C", "a/b c?#<i>"]

    @pytest.mark.parametrize(
        ("path", "status"), [("/customers/nope", 404), ("/invoices/nope", 404), ("/today/x/y", 405)]
    )
    def test_what_is_not_there_is_said_in_words(self, shown: House, path: str, status: int) -> None:
        page = shown.browser().get(path)
        assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
        assert "<h1>" in page.text and "content-security-policy" in page.headers

    def test_a_problem_of_a_twin_is_a_problem_document(self, shown: House) -> None:
        answer = shown.browser().get("/customers/nope.json")
        assert answer.headers["content-type"] == "application/problem+json"

    def test_a_toast_says_our_words_alone(self, shown: House) -> None:
        page = shown.browser().get("/today?told=%3Cb%3Eevil").text
        assert "evil" not in page.partition("</header>")[2].partition("<footer")[0]
        assert "It is recorded, and today’s list" in shown.browser().get("/today?told=state").text

    def test_static_files_are_kept_by_browsers(self, shown: House) -> None:
        page = shown.browser().get("/today").text
        paths = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
        assert {path.partition("?")[0].removeprefix("/static/") for path in paths} == set(STATIC)
        for path in paths:
            answer = shown.browser().get(path)
            assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"]
        assert shown.browser().get("/static/app.py").status_code == 404

    def test_static_files_are_packed_for_those_who_unpack_them(self, shown: House) -> None:
        for name in STATIC:
            plain = shown.browser().caller.get(f"/static/{name}", {"Accept-Encoding": "identity"})
            packed = shown.browser().caller.get(
                f"/static/{name}", {"Accept-Encoding": "br, gzip"}
            )  # unpacked by httpx
            assert packed.content == plain.content == static_file(name)
            assert (plain.headers.get("content-encoding"), packed.headers["content-encoding"]) == (
                None,
                "gzip",
            )
            assert int(packed.headers["content-length"]) < len(plain.content)
            assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"

    def test_the_whole_of_a_first_visit_is_small(self, shown: House) -> None:
        sizes = [len(static_file(name)) for name in STATIC]
        assert sum(sizes) + len(shown.browser().get("/today").content) < 150_000


@pytest.mark.parametrize(
    ("amount", "currency", "exact", "expected"),
    [
        ("1234.5", "EUR", True, "€1,234.50"),
        ("1234.5", "EUR", False, "€1,234"),
        ("12.50", "EUR", False, "€12.50"),
        ("1234", "JPY", True, "¥1,234"),
        ("1234.5", "CHF", True, "CHF\u00a01,234.50"),
        ("-5", "EUR", True, "-€5.00"),
        (None, "EUR", True, "amount unknown"),
    ],
)
def test_money_is_written_as_people_read_it(amount: Any, currency: str, exact: bool, expected: str) -> None:
    assert money(amount, currency, exact) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.004, "< 1 %"), (0.996, "> 99 %"), (1.0, "100 %"), (0.0, "0 %"), (0.354, "35 %"), (None, "–")],
)
def test_a_chance_is_never_certain_before_it_is(value: Any, expected: str) -> None:
    assert chance(value) == expected


def test_words_of_others_cannot_turn_the_text_around_them() -> None:
    assert str(own("a\u202eb<\u2066>")) == "<bdi>a b&lt; &gt;</bdi>"


def test_a_mistyped_address_is_told_as_a_page_to_a_browser_alone(house: House) -> None:
    person, program = house.browser().get("/tody", accept="text/html,*/*"), house.browser().get("/tody")
    assert [each.status_code for each in (person, program)] == [404, 404]
    assert "<h1>There is no such address</h1>" in person.text and program.json()["status"] == 404
