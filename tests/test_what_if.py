"""Is every lever scored for real, on nobody's expense, and said honestly?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from features.ledger import Ledger
from serving.levers import LEVERS
from serving.policy import Policy
from serving.scoring import NotOpenError, Scorer, UnknownIdError
from serving.what_if import WrongOption, chosen_options, what_if
from tests.api_service import problem
from tests.house import House, book
from training.model import RiskModel

DAY = date(2026, 5, 1)


@pytest.fixture(scope="module")
def scorer(sample_ledger: Ledger, small_model: RiskModel) -> Scorer:
    return Scorer(sample_ledger, small_model, Policy.load(), DAY, {"hardship": {"C0001": True}})


@pytest.fixture(scope="module")
def open_invoices(scorer: Scorer) -> list[str]:
    return scorer.score_open()["invoice_id"].tolist()[::12]


@pytest.fixture(scope="module")
def told(scorer: Scorer, open_invoices: list[str]) -> list[dict[str, Any]]:
    return [what_if(scorer, each, {}) for each in open_invoices]


def lever(found: dict[str, Any], code: str) -> dict[str, Any]:
    return next(each for each in found["levers"] if each["code"] == code)


def effects(told: list[dict[str, Any]], code: str) -> Iterator[dict[str, Any]]:
    return (found for each in told if (found := lever(each, code))["then"])


def small(model: RiskModel, **more: Any) -> Scorer:
    """One customer with a disputed invoice and some that it paid, all on Thursdays."""
    days = [date(2026, 1, 8), date(2026, 1, 15), date(2026, 1, 22), date(2026, 1, 29), *_thursdays()]
    base = {"customer_id": "C", "amount": "500.00", "currency": "EUR"}
    invoices = [
        base | {"invoice_id": f"P{n}", "issued_on": "2025-12-01", "due_on": "2025-12-31"}
        for n in range(len(days))
    ]
    own = {"issued_on": "2026-03-02", "due_on": "2026-04-01", "sent_on": "2026-03-09"}
    invoices += [base | {"invoice_id": "A", **own, "delivered_on": "2026-02-20", **more}]
    rows: dict[str, Any] = {
        "invoices": invoices,
        "payments": [
            {"invoice_id": f"P{n}", "paid_on": day.isoformat(), "amount": "500.00"}
            for n, day in enumerate(days)
        ],
        "customers": [{"customer_id": "C", "credit_limit": "2000.00", "country": "DE"}],
        "disputes": [{"dispute_id": "D", "invoice_id": "A", "opened_on": "2026-03-10"}],
    }
    return Scorer(Ledger.from_rows(rows), model, Policy.load(), date(2026, 3, 20))


def _thursdays() -> list[date]:
    return [date(2026, 2, day) for day in (5, 12, 19, 26)] + [date(2026, 3, 5), date(2026, 3, 12)]


class TestScores:
    def test_unchanged_it_is_scored_bit_for_bit_as_it_is(
        self, scorer: Scorer, open_invoices: list[str], told: list[dict[str, Any]]
    ) -> None:
        for invoice_id, found in zip(open_invoices, told, strict=True):
            row, explanation = scorer.explain(invoice_id)
            if not found["present"]:
                assert not explanation.contributions
                continue
            assert found["target"] == explanation.target
            assert found["present"] == {
                "chance": explanation.probability,
                "low": row["ranges"][found["target"]][0],
                "high": row["ranges"][found["target"]][1],
                "tier": row["tier"],
                "action": row["action"],
            }

    def test_a_lever_is_what_the_scorer_says_of_such_a_ledger(self, small_model: RiskModel) -> None:
        found = what_if(small(small_model), "A", {})
        other = small(small_model, purchase_order="what-if").score_of("A")
        assert lever(found, "purchase_order")["then"]["chance"] == other[found["target"]]
        longer = small(small_model, due_on="2026-04-16").score_of("A")
        assert lever(found, "longer_terms")["then"]["chance"] == longer[found["target"]]

    def test_most_levers_move_something_somewhere(self, told: list[dict[str, Any]]) -> None:
        for code in ("longer_terms", "deposit"):
            assert any(each["then"]["reacts"] for each in effects(told, code)), code

    def test_the_model_knows_no_plans_and_says_so(self, told: list[dict[str, Any]]) -> None:
        found = list(effects(told, "instalments"))
        assert found and not any(each["then"]["reacts"] for each in found)
        assert any(each["then"]["action"] == "await_payment_plan" for each in found)

    def test_several_together_are_scored_together(self, scorer: Scorer, open_invoices: list[str]) -> None:
        both = {"longer_terms": 30, "deposit": 50}
        found = next(w for each in open_invoices if (w := what_if(scorer, each, both))["together"])
        alone = what_if(scorer, found["invoice_id"], {"longer_terms": 30})
        assert found["together"]["levers"] == ["longer_terms", "deposit"]
        assert alone["together"]["chance"] == lever(alone, "longer_terms")["then"]["chance"]
        assert lever(found, "longer_terms") | {"is_chosen": True} == lever(alone, "longer_terms")

    def test_a_difference_within_the_range_is_said_to_be_so(self, told: list[dict[str, Any]]) -> None:
        for found in told:
            for each in (one for one in found["levers"] if one["then"]):
                present, then = found["present"], each["then"]
                assert then["within_range"] == (present["low"] <= then["chance"] <= present["high"])
                assert then["low"] <= then["chance"] <= then["high"]


class TestLevers:
    @pytest.fixture(scope="class")
    @classmethod
    def found(cls, small_model: RiskModel) -> dict[str, Any]:
        return what_if(small(small_model), "A", {})

    @pytest.mark.parametrize(
        ("code", "when", "says"),
        [
            ("send_sooner", "next_invoice", "2 Mar 2026"),
            ("purchase_order", "now", "purchase order"),
            ("settle_dispute", "now", "dispute"),
            ("longer_terms", "by_agreement", "16 Apr 2026"),
            ("align_due", "by_agreement", "2 Apr 2026"),
            ("instalments", "by_agreement", "3 instalments"),
            ("deposit", "by_agreement", "30 %"),
            ("lower_limit", "next_invoice", "25 %"),
        ],
    )
    def test_each_says_what_changes_and_when(
        self, found: dict[str, Any], code: str, when: str, says: str
    ) -> None:
        told = lever(found, code)
        assert told["when"] == when and says in told["says"] and told["then"]

    @pytest.mark.parametrize(
        ("more", "code", "why"),
        [
            ({"purchase_order": "4711"}, "purchase_order", "already"),
            ({"due_on": "2026-04-02"}, "align_due", "already"),
            ({"sent_on": "2026-03-02", "delivered_on": "2026-03-02"}, "send_sooner", "on the day"),
        ],
    )
    def test_one_that_changes_nothing_says_why(
        self, small_model: RiskModel, more: dict[str, str], code: str, why: str
    ) -> None:
        told = lever(what_if(small(small_model, **more), "A", {}), code)
        assert told["then"] is None and told["says"] is None and why in told["why_not"]

    def test_a_due_date_that_has_passed_is_for_the_next_invoice(self, small_model: RiskModel) -> None:
        found = what_if(small(small_model, due_on="2026-03-16"), "A", {})
        assert lever(found, "longer_terms")["when"] == "next_invoice"

    def test_the_dispute_is_settled_for_the_policy_too(self, small_model: RiskModel) -> None:
        found = what_if(small(small_model), "A", {})
        assert found["present"]["action"] == "resolve_dispute"
        assert lever(found, "settle_dispute")["then"]["action"] != "resolve_dispute"

    def test_what_was_declared_counts_as_the_pay_run(self, small_model: RiskModel) -> None:
        found = what_if(small(small_model), "A", {}, {"C": {"pay_run": "last working day"}})
        assert "30 Apr 2026" in lever(found, "align_due")["says"]

    def test_settled_and_unknown_invoices_are_refused(self, small_model: RiskModel) -> None:
        with pytest.raises(NotOpenError):
            what_if(small(small_model), "P0", {})
        with pytest.raises(UnknownIdError):
            what_if(small(small_model), "nope", {})


class TestOptions:
    def test_settings_are_read_and_empty_ones_leave_a_lever_alone(self) -> None:
        given = {"longer_terms": "30", "deposit": "", "send_sooner": "1", "lower_limit": "0"}
        assert chosen_options(given) == {"longer_terms": 30, "send_sooner": 1}

    @pytest.mark.parametrize(
        ("given", "says"), [({"wait": "1"}, "send_sooner"), ({"longer_terms": "7"}, "15, 30, 60")]
    )
    def test_others_are_refused_with_what_there_is(self, given: dict[str, str], says: str) -> None:
        with pytest.raises(WrongOption, match=says):
            chosen_options(given)


class TestService:
    @pytest.fixture
    def house(self, tmp_path: Path, small_model: RiskModel) -> House:
        return House(tmp_path, book(small_model))

    def test_api_and_page_say_the_same(self, house: House) -> None:
        browser = house.browser()
        answer = browser.get("/v1/invoices/A2/what-if?longer_terms=30&deposit=50")
        page = browser.get("/invoices/A2/what-if.json?longer_terms=30&deposit=50").json()
        assert answer.status_code == 200
        same = answer.json()
        assert same["together"]["levers"] == ["longer_terms", "deposit"]
        assert {name: page[name] for name in same if name != "levers"} == {
            name: of for name, of in same.items() if name != "levers"
        }
        assert [each["then"] for each in page["levers"]] == [each["then"] for each in same["levers"]]
        assert house.desk.sequence() == 0

    @pytest.mark.parametrize(
        ("path", "status", "code"),
        [
            ("/v1/invoices/A2/what-if?longer_terms=7", 422, "wrong_schema"),
            ("/v1/invoices/A2/what-if?wait=1", 422, "wrong_schema"),
            ("/v1/invoices/nope/what-if", 404, "unknown_id"),
            ("/v1/invoices/P1/what-if", 409, "invoice_not_open"),
        ],
    )
    def test_what_cannot_be_answered_is_a_problem(
        self, house: House, path: str, status: int, code: str
    ) -> None:
        assert problem(house.browser().get(path)) == (status, code)

    def test_every_lever_is_documented(self, house: House) -> None:
        paths = house.browser().get("/docs.json").json()["paths"]
        named = {each["name"] for each in paths["/v1/invoices/{invoice_id}/what-if"]["get"]["parameters"]}
        assert {each.code for each in LEVERS} <= named

    def test_what_came_in_a_moment_ago_counts(self, house: House) -> None:
        browser = house.browser()
        fields = {"invoice_id": "A2", "cause": "pricing", "owner": "sales", "note": "old price"}
        assert browser.send("/customers/C", "/customers/C/disputes", fields).status_code == 303
        told = browser.get("/v1/invoices/A2/what-if").json()
        assert lever(told, "settle_dispute")["when"] == "now"
        assert browser.get("/invoices/A2/what-if").status_code == 200
        for reason in browser.get("/invoices/A2.json").json()["reasons"]:
            assert reason["to"] is None or browser.get(reason["to"]).status_code == 200
