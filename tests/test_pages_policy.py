"""Is a policy changed on a page only after its check, its trial and a reason, and can one go back?"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from serving import users
from serving.pages import policy_changes
from serving.scoring import Scorer
from tests.house import QUICK, Browser, House, book, hidden
from training.model import RiskModel

MANAGER, ANALYST = ("mia", "credit_manager"), ("ana", "analyst")


@pytest.fixture(scope="module")
def scorer(small_model: RiskModel) -> Scorer:
    return book(small_model)


@pytest.fixture
def house(tmp_path: Path, scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(users, "_hasher", QUICK)
    return House(tmp_path, scorer, requires_token=True)


def keep(browser: Browser, **numbers: str) -> str:
    """Keep the policy in force with other numbers; the address of the version."""
    done = browser.send("/policy/numbers", "/policy/numbers", {"note": "a try", **numbers})
    assert done.status_code == 303, done.text
    return str(done.headers["location"]).partition("?")[0]


def test_a_number_is_changed_tried_put_in_force_and_taken_back(house: House) -> None:
    browser = house.signed_in(*MANAGER)
    before = browser.get("/policy.json").json()["policy_version"]
    path = keep(browser, **{"tier_rules.late_possible.1": "0.0001"})
    assert browser.get("/policy.json").json()["policy_version"] == before
    told = browser.get(f"{path}.json").json()
    assert told["note"] == "a try" and not told["is_in_force"]
    assert [each["op"] for each in told["differences"]].count("+") == 1
    assert told["trial"]["candidate_version"] == told["version"]
    without = browser.send(path, path, {})
    assert without.status_code == 422 and "say why" in without.text
    assert browser.send(path, path, {"why": "more calls"}).status_code == 303
    page = browser.get("/policy").text
    assert browser.get("/policy.json").json()["policy_version"] == told["version"] and "more calls" in page
    back = f"/policy/versions/{before}"
    assert browser.send(back, back, {"why": "too many calls"}).status_code == 303
    assert browser.get("/policy.json").json()["policy_version"] == before


def test_the_second_of_two_managers_is_told(house: House) -> None:
    first, second = house.signed_in(*MANAGER), house.signed_in("max", "credit_manager")
    one = keep(first, **{"numbers.quiet_days": "9"})
    two = keep(second, **{"numbers.quiet_days": "11"})
    opened = second.get(two).text
    assert first.send(one, one, {"why": "first"}).status_code == 303
    again = second.post(two, hidden(opened, two) | {"why": "second"})
    assert again.status_code == 412
    assert "came into force meanwhile" in again.text and 'value="second"' in again.text
    assert [each.why for each in house.desk.activations()] == ["first"]
    assert second.post(two, hidden(again.text, two) | {"why": "second"}).status_code == 303


def test_a_large_book_is_tried_beside_the_answers_and_only_where_it_is_asked_for(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_changes, "MANY_CASES", 0)
    goes_on, compared, tried = threading.Event(), policy_changes.compared, []

    def slowly(*given: Any) -> Any:
        tried.append(goes_on.wait(60))
        return compared(*given)

    monkeypatch.setattr(policy_changes, "compared", slowly)
    browser = house.signed_in(*MANAGER)
    path = keep(browser, **{"tier_rules.late_possible.1": "0.0001"})
    page = browser.get(path).text
    assert "?try=yes" in page and "Put it in force now" not in page and not tried
    assert "being worked out" in browser.get(f"{path}?try=yes").text
    goes_on.set()
    trials = (browser.get(f"{path}.json?try=yes").json()["trial"] for _ in range(5_000))
    assert any(each is not None for each in trials)
    assert len(tried) == 1
    assert "Put it in force now" in browser.get(f"{path}?try=yes").text
    assert browser.send(f"{path}?try=yes", path, {"why": "more calls"}).status_code == 303


def test_every_problem_of_a_text_is_told_and_the_text_stays(house: House) -> None:
    browser = house.signed_in(*MANAGER)
    text = browser.get("/policy/edit.json").json()["text"]
    wrong = text.replace("quiet_days: 7", "quiet_days: soon").replace("tier: critical", "tier: urgent", 1)
    again = browser.send("/policy/edit", "/policy/edit", {"text": wrong + "\n# <b>mine</b>"})
    assert again.status_code == 422
    assert "quiet_days" in again.text and "urgent" in again.text and "# &lt;b&gt;mine&lt;/b&gt;" in again.text
    assert house.desk.policies() == []
    same = browser.send("/policy/edit", "/policy/edit", {"text": text})
    assert same.status_code == 422 and "nothing would change" in same.text


def test_a_text_is_looked_at_while_it_is_written(house: House) -> None:
    browser = house.signed_in(*MANAGER)
    page = browser.get("/policy/edit").text
    text = browser.get("/policy/edit.json").json()["text"]
    wrong = browser.post("/policy/check", hidden(page, "/policy/edit") | {"text": "numbers: 3"})
    assert wrong.status_code == 200 and "keep" in wrong.text and "Line 1" in wrong.text
    right = text.replace("quiet_days: 7", "quiet_days: 8")
    told = browser.post("/policy/check", hidden(page, "/policy/edit") | {"text": right}).text
    assert "can be used" in told and "2 lines differ" in told and "other languages" not in told
    reworded = text.replace("told: our credit manager speaks", "told: somebody who decides speaks")
    told = browser.post("/policy/check", hidden(page, "/policy/edit") | {"text": reworded}).text
    assert "2 sentences for customers have yet to be written in other languages" in told
    assert "other_languages.nl still has actions.senior_conversation.told as it was" in told
    assert house.desk.policies() == []


@pytest.mark.parametrize("path", ["/policy/edit", "/policy/numbers"])
def test_only_who_may_change_the_policy_does(house: House, path: str) -> None:
    browser = house.signed_in(*ANALYST)
    assert browser.get(path).status_code == 403
    assert "/policy/edit" not in browser.get("/policy").text
