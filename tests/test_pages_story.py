"""Do the pages of a customer and of today tell what moved, and keep what people decide?"""

from __future__ import annotations

import json
import re
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from serving import users
from serving.desk import Actor
from serving.pages.plans import instalments
from serving.policy import Policy
from serving.relationship import QUARTERS, Quarter, sentences
from serving.scoring import Scorer
from serving.worklist import Worklist
from serving.worklist.memory import list_before, remember
from tests.api_service import NOW
from tests.house import BOOK_DAY, QUICK, House

ANALYST = Actor("nightly", "local")


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "_hasher", QUICK)


@pytest.fixture
def house(tmp_path: Path, scorer: Scorer) -> House:
    return House(tmp_path, scorer)


@pytest.fixture
def strict(tmp_path: Path, scorer: Scorer) -> House:
    return House(tmp_path, scorer, requires_token=True)


def add(house: House, kind: str, **content: Any) -> str:
    with house.desk.writing(ANALYST, NOW) as writing:
        return writing.add(kind, content).record_id


def told(house: House, path: str = "/customers/C.json") -> Any:
    return house.browser().get(path).json()


class TestDecisions:
    def test_a_review_keeps_what_was_on_the_table(self, house: House) -> None:
        browser = house.browser()
        again = browser.send("/customers/P", "/customers/P/reviews", {"outcome": "keep"})
        assert again.status_code == 422 and "whoever reviews next" in again.text
        done = browser.send("/customers/P", "/customers/P/reviews", {"outcome": "keep", "why": "Pays well."})
        assert (done.status_code, done.headers["location"]) == (303, "/customers/P?told=review")
        kept = house.desk.find("reviews")[0].content
        assert (kept["reviewed_on"], kept["outcome"], kept["why"]) == (
            BOOK_DAY.isoformat(),
            "keep",
            "Pays well.",
        )
        assert kept["figures"]["exposure"] == "0.00" and kept["figures"]["recommended"]
        review = told(house, "/customers/P.json")["accounts"][0]["review"]
        assert review["last_reviewed_on"] == BOOK_DAY.isoformat() and not review["is_due"]

    def test_credit_other_than_recommended_needs_its_reason(self, house: House) -> None:
        browser = house.browser()
        recommended = told(house, "/customers/P.json")["accounts"][0]["credit"]["decision"]
        other = "open_terms" if recommended != "open_terms" else "cash_on_delivery"
        fields = {"chosen": other, "credit_limit": "1,500.00", "terms_days": "14", "prepaid_share": "25"}
        path = "/customers/P/credit-decisions"
        again = browser.send("/customers/P", path, fields)
        assert again.status_code == 422 and "say why" in again.text and 'value="1,500.00"' in again.text
        assert browser.send("/customers/P", path, fields | {"why": "A guarantee."}).status_code == 303
        kept = house.desk.find("credit_decisions")[0].content
        assert (kept["recommended"], kept["chosen"], kept["override_reason"]) == (
            recommended,
            other,
            "A guarantee.",
        )
        assert (kept["credit_limit"], kept["terms_days"], kept["prepaid_share"]) == ("1500.00", 14, 0.25)
        assert kept["policy_version"] == Policy.load().version and kept["features"]
        assert told(house, "/customers/P.json")["decided"][0]["chosen"] == other

    @pytest.mark.parametrize(("name", "value"), [("terms_days", "soon"), ("prepaid_share", "150")])
    def test_numbers_are_numbers(self, house: House, name: str, value: str) -> None:
        fields = {"chosen": "open_terms", "why": "so", name: value}
        again = house.browser().send("/customers/P", "/customers/P/credit-decisions", fields)
        assert again.status_code == 422 and again.text.count("aria-invalid=true") == 1

    def test_an_analyst_reviews_and_does_not_decide_on_credit(self, strict: House) -> None:
        ana = strict.signed_in("ana", "analyst")
        page = ana.get("/customers/P").text
        assert "/customers/P/reviews" in page and "/customers/P/credit-decisions" not in page
        fields = {"chosen": "open_terms", "key": "k" * 20} | _token(page)
        assert ana.post("/customers/P/credit-decisions", fields).status_code == 403
        manager = strict.signed_in("mia", "credit_manager")
        assert "/customers/P/credit-decisions" in manager.get("/customers/P").text

    def test_a_group_says_for_whom(self, house: House) -> None:
        done = house.browser().send(
            "/customers/C", "/customers/C/reviews", {"outcome": "keep", "why": "ok", "customer_id": "D"}
        )
        assert done.status_code == 303 and house.desk.find("reviews")[0].customer_id == "D"
        wrong = {"outcome": "keep", "why": "ok", "customer_id": "P"}
        assert house.browser().send("/customers/C", "/customers/C/reviews", wrong).status_code == 422


def _token(page: str) -> dict[str, str]:
    return {"csrf": page.split('name="csrf" value="')[1].partition('"')[0]}


class TestFlags:
    def test_hold_until_they_are_taken_away(self, house: House) -> None:
        browser, path = house.browser(), "/customers/P/flags"
        assert browser.send("/customers/P", path, {"flag": "pay_run", "value": "blue"}).status_code == 422
        fields = {"flag": "pay_run", "value": "Thursday", "note": "as <b>told</b>"}
        again = browser.post(path, _all(browser.get("/customers/P").text, "flag") | fields)
        assert again.status_code == 303
        page = browser.get("/customers/P")
        assert "as &lt;b&gt;told&lt;/b&gt;" in page.text
        assert told(house, "/customers/P.json")["profiles"][0]["pay_run"] == "on Thursdays"
        twice = browser.post(path, _all(page.text, "flag") | fields)
        assert twice.status_code == 422 and "is set already" in twice.text
        assert browser.post(path, _all(page.text, "clear-P:pay_run")).status_code == 303
        assert told(house, "/customers/P.json")["flags"] == []
        stale = browser.post(path, _all(page.text, "clear-P:pay_run") | {"key": "another-key-of-theirs"})
        assert stale.status_code == 412
        assert browser.post(path, _all(browser.get("/customers/P").text, "flag") | fields).status_code == 303
        assert house.desk.get("flags", "P:pay_run").version == 3

    def test_hardship_is_for_few_eyes(self, strict: House) -> None:
        add(strict, "flags", customer_id="P", flag="hardship", since="2026-03-01", note="lost a client")
        add(strict, "flags", customer_id="P", flag="terms_accepted", since="2026-03-01")
        ana, viewer = strict.signed_in("ana", "analyst"), strict.signed_in("vic", "viewer")
        for path in (
            "/customers/P",
            "/customers/P.json",
            "/customers/P/hand-over",
            "/customers/P/hand-over.json",
        ):
            assert "difficulties" in ana.get(path).text
            seen = viewer.get(path).text
            assert "difficulties" not in seen and "lost a client" not in seen and "accepted" in seen


def _all(page: str, form: str) -> dict[str, str]:
    """The hidden fields of the form of this name."""
    for found in re.findall(r'<form method="post"[^>]*>(.*?)</form>', page, re.DOTALL):
        fields = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', found))
        if unescape(fields.get("form", "")) == form:
            return {name: unescape(value) for name, value in fields.items()}
    raise AssertionError(f"no form {form}")


class TestStory:
    def test_each_member_is_told_beside_the_sum(self, house: House) -> None:
        found = told(house, "/customers/D.json")
        assert [(each["customer_id"], each["figures"]["exposure"]) for each in found["accounts"]] == [
            ("C", "1800.00"),
            ("D", "900.00"),
        ]
        assert found["open"][0]["total"] == "2700.00"

    def test_the_steps_of_a_tier_are_those_kept(self, house: House) -> None:
        for on, old, new, rule in (
            ("2026-02-01", None, "low", "first_seen"),
            ("2026-03-01", "low", "medium", "worse"),
            ("2026-03-10", "medium", "medium", "looks_better"),
        ):
            content = {"customer_id": "P", "changed_on": on, "new": new, "rule": rule}
            add(house, "tier_changes", **content | ({"old": old} if old else {}))
        found = told(house, "/customers/P.json")["tier_history"]
        assert [(each["on"], each["old"], each["new"]) for each in found["steps"]] == [
            ("2026-02-01", None, "low"),
            ("2026-03-01", "low", "medium"),
        ]
        assert found["is_kept"] and 'class="chart steps"' in house.browser().get("/customers/P").text
        events = told(house, "/customers/P.json")["timeline"]["events"]
        assert sum(each["kind"] == "tier_changes" for each in events) == 2

    def test_a_plan_says_what_came_in(self, house: House) -> None:
        parts = [{"due_on": "2026-02-18", "amount": "400.00"}, {"due_on": "2026-04-15", "amount": "600.00"}]
        plan = {"customer_id": "P", "agreed_on": "2026-02-12", "currency": "EUR", "instalments": parts}
        add(house, "payment_plans", **plan)
        found = told(house, "/customers/P.json")["plans"][0]
        assert (found["came"], found["amount"], found["status"]) == ("900.00", "1000.00", "running")
        assert [(each["came"], each["state"], each["paid_on"]) for each in found["instalments"]] == [
            ("400.00", "paid_late", "2026-02-20"),
            ("500.00", "to_come", None),
        ]

    def test_the_picture_is_told_in_words_too(self, house: House) -> None:
        found = told(house, "/customers/P.json")
        assert found["months"] == [
            {"month": "2026-02-01", "invoices": 1, "in_time": 0, "late": 1, "open": 0, "usual_days": 9}
        ]

    def test_the_sheet_of_a_long_story_stays_short(self, house: House) -> None:
        for n in range(60):
            add(house, "notes", customer_id="C", noted_on="2026-03-20", text=f"{n} " + "long words " * 90)
        found = told(house, "/customers/C/hand-over.json")
        assert len(found["events"]) == 8 and found["more_events"] == 52
        assert max(len(each["text"]) for each in found["events"]) < 190


@pytest.mark.parametrize(
    ("came", "expected"),
    [
        ([], [("to_come", None, 0), ("to_come", None, 0)]),
        ([("2026-03-02", 30)], [("to_come", None, 30), ("to_come", None, 0)]),
        ([("2026-03-02", 100)], [("paid", "2026-03-02", 100), ("to_come", None, 0)]),
        ([("2026-03-09", 150)], [("paid_late", "2026-03-09", 100), ("to_come", None, 50)]),
        ([("2026-03-02", 200), ("2026-03-04", -50)], [("paid", "2026-03-02", 100), ("to_come", None, 50)]),
    ],
)
def test_money_goes_to_instalments_in_their_order(came: Any, expected: Any) -> None:
    parts = [("2026-03-05", 100), ("2026-04-05", 100)]
    found = list(instalments(parts, came, date(2026, 3, 5)))
    assert [(each["state"], each["paid_on"], each["came"]) for each in found] == expected


@pytest.mark.parametrize(
    ("day", "came", "state"), [(6, [], "missed"), (6, [("2026-03-06", 1)], "paid_in_part")]
)
def test_an_instalment_is_missed_once_its_day_is_over(day: int, came: Any, state: str) -> None:
    assert next(instalments([("2026-03-05", 100)], came, date(2026, 3, day)))["state"] == state


def quarter(**of: Any) -> Quarter:
    usual = {"invoices_settled": 9, "usual_days_late": 4.0, "contacts": 2, "complaints": 0, "disputes": 0}
    days = {"begins_on": date(2026, 1, 1), "ends_on": date(2026, 4, 1), "is_known": True}
    return Quarter(**(days | usual | {"promises_kept": 0, "promises_judged": 0} | of))


@pytest.mark.parametrize(
    ("now", "then", "said"),
    [
        (
            {},
            {"usual_days_late": 10.0},
            "They pay 6 days sooner than a year ago, by 9 invoices now and 9 then.",
        ),
        ({"usual_days_late": 5.0}, {}, "They pay 1 day later than a year ago, by 9 invoices now and 9 then."),
        ({}, {}, "They pay as quickly as a year ago, by 9 invoices now and 9 then."),
        ({}, {"usual_days_late": None, "invoices_settled": 2}, "Too few invoices were settled to say"),
        ({}, {"is_known": False}, "They were no customer of this book a year ago"),
    ],
)
def test_a_relationship_is_told_as_far_as_it_is_known(now: Any, then: Any, said: str) -> None:
    assert sentences([quarter(**then), *[quarter()] * (QUARTERS - 2), quarter(**now)])[0].startswith(said)


class TestSince:
    def test_without_a_list_nobody_claims_who_is_new(self, house: House) -> None:
        found = told(house, "/today.json")["since"]
        assert (found["has_list"], found["new"], found["gone"]) == (False, None, None)
        assert "Who is new and whose tier moved is known once" in house.browser().get("/today").text

    def test_who_is_new_and_who_is_gone_and_why(self, house: House, scorer: Scorer, tmp_path: Path) -> None:
        before = told(house, "/today.json")
        listed = [each["case_id"] for each in before["cases"]]
        stays, comes = listed[0], listed[1]
        _remembered(tmp_path, scorer, [stays, "P", "gone for good"])
        add(house, "notes", customer_id="P", noted_on="2026-03-31", text="the moment ends")
        found = told(house, "/today.json")
        assert found["since"]["day"] == "2026-03-30"
        assert [each["case_id"] for each in found["since"]["new"]] == [comes]
        assert [each["case_id"] for each in found["cases"] if each["is_new"]] == [comes]
        assert {(each["reason"], each["count"]) for each in found["since"]["gone"]} == {("settled", 2)}
        only = told(house, "/today.json?new=yes")
        assert [each["case_id"] for each in only["cases"]] == [comes] and only["hidden"] == len(listed) - 1

    def test_money_and_tiers_that_moved_are_told(self, house: House, scorer: Scorer, tmp_path: Path) -> None:
        _remembered(tmp_path, scorer, ["C"])
        add(house, "tier_changes", customer_id="C", changed_on="2026-03-30", new="low", rule="first_seen")
        pay = {"invoice_id": "A1", "paid_on": "2026-03-31", "amount": "100.00", "currency": "EUR"}
        add(house, "payments", customer_id="C", known_on="2026-03-31", **pay)
        found = told(house, "/today.json")["since"]
        assert found["money"] == [
            {"currency": "EUR", "amount": "100.00", "payments": 1, "listed_amount": "100.00"}
        ]
        assert found["payers"] == 1 and found["knows_tiers"]
        moved = [(each["case_id"], each["old"]) for each in found["worse"]["cases"]]
        assert ("C", "low") in moved

    def test_what_is_kept_later_counts_at_the_next_look(self, house: House) -> None:
        assert not told(house, "/today.json")["since"]["knows_tiers"]
        add(house, "tier_changes", customer_id="P", changed_on="2026-03-20", new="high", rule="first_seen")
        assert told(house, "/today.json")["since"]["knows_tiers"]
        assert told(house, "/customers/P.json")["tier"] == "high"
        add(house, "flags", customer_id="P", flag="pay_run", value="Friday", since="2026-03-01")
        assert told(house, "/customers/P.json")["profiles"][0]["pay_run"] == "on Fridays"


def _remembered(home: Path, scorer: Scorer, listed: list[str]) -> None:
    """A list of the day before with these cases on it."""
    made = Worklist.make(scorer, date(2026, 3, 30))
    assert made.cases
    path = remember(home, "", made)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"listed": listed}))
    before = list_before(home, "", BOOK_DAY)
    assert before is not None and before.listed == listed


def test_the_keys_are_a_page_of_their_own(house: House) -> None:
    page = house.browser().get("/help")
    assert page.status_code == 200 and all(f"<kbd>{key}</kbd>" in page.text for key in "jksam/?")


def test_filters_stay_after_a_change(house: House) -> None:
    browser = house.browser()
    case = browser.get("/today.json").json()["cases"][0]
    page = browser.get(f"/today?tier={case['tier']}")
    fields = _all(page.text, f"state-{case['case_id']}") | {"assigned_to": "ana"}
    done = browser.post(f"/today/{case['case_id']}", fields)
    assert done.headers["location"] == f"/today?tier={case['tier']}&told=state"
