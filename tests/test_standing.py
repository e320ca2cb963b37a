"""Is what we know of a customer and its group today what ledger and desk say, and of nobody else?"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from features.history import History
from features.ledger import Ledger, LedgerSettings
from serving.account_facts import AccountFacts
from serving.facts import Facts
from serving.policy import Policy
from serving.policy.accounts import ACCOUNT_TERMS
from tests.ledger_rows import INVOICE, ledger
from tests.test_facts import DAY, case, facts

OTHER = INVOICE | {"invoice_id": "B", "customer_id": "D"}
THIRD = INVOICE | {"invoice_id": "E", "customer_id": "X", "amount": "7"}
FAMILY = [{"customer_id": "C", "parent_id": "P"}, {"customer_id": "D", "parent_id": "Q"}]
FAMILY += [{"customer_id": "Q", "parent_id": "P"}, {"customer_id": "X"}]


def contact(on: str, outcome: str = "", customer: str = "C") -> dict[str, str]:
    return {"customer_id": customer, "contacted_on": on, "outcome": outcome}


def test_a_group_is_all_that_share_a_top_parent() -> None:
    book = facts(INVOICE, OTHER, THIRD, customers=FAMILY)
    assert [case(book, invoice_id=name)["group_id"] for name in "ABE"] == ["P", "P", "X"]
    assert [case(book, invoice_id=name)["group_open"] for name in "ABE"] == [200, 200, 7]


def test_parents_in_a_circle_are_one_group() -> None:
    circle = [{"customer_id": "C", "parent_id": "D"}, {"customer_id": "D", "parent_id": "C"}]
    book = facts(INVOICE, OTHER, customers=circle)
    assert [case(book, invoice_id=name)["group_id"] for name in "AB"] == ["C", "C"]
    assert case(book)["group_open"] == 200


def test_a_group_is_that_of_the_day() -> None:
    rows = [{"customer_id": "D"}, {"customer_id": "C"}]
    rows += [{"customer_id": "C", "parent_id": "D", "known_on": "2024-02-10"}]
    book = facts(INVOICE, OTHER, customers=rows)
    found = [case(book, day)["group_open"] for day in (DAY - timedelta(days=1), DAY)]
    assert found == [100, 200]


def test_currencies_of_a_group_are_not_added() -> None:
    yen = OTHER | {"currency": "JPY", "amount": "500"}
    book = facts(INVOICE, yen, customers=FAMILY)
    assert [case(book, invoice_id=name)["group_open"] for name in "AB"] == [100, 500]


def test_contacts_count_for_the_customer_and_for_the_group() -> None:
    contacts = [
        contact("2024-02-01"),
        contact("2024-02-10", customer="D"),
        contact("2023-01-01", customer="D"),
    ]
    contacts += [contact("2024-02-05", customer="X")]
    book = facts(INVOICE, OTHER, THIRD, customers=FAMILY, contacts=contacts)
    mine = case(book)
    assert (mine["contacts_90"], mine["contacts_ever"], mine["group_contacts_90"]) == (1, 1, 2)
    assert case(book, invoice_id="B")["contacts_ever"] == 2
    assert case(book, DAY - timedelta(days=1))["group_contacts_90"] == 1
    assert case(book, invoice_id="E")["group_contacts_90"] == 1


def test_a_part_of_the_book_finds_the_rest_of_the_group_in_the_book() -> None:
    contacts = [contact("2024-02-01"), contact("2024-02-03", customer="D")]
    whole = facts(INVOICE, OTHER, THIRD, customers=FAMILY, contacts=contacts)
    mine = ledger(INVOICE, customers=FAMILY[:1], contacts=contacts[:1])
    part = Facts(History(mine, context=whole.history), whole)
    for name in ("group_contacts_90", "group_open", "group_id", "contacts_ever"):
        assert case(part)[name] == case(whole)[name]


def test_the_latest_outcome_counts_and_on_one_day_a_heated_call_does() -> None:
    ended = "call_ended_call_back"
    cases = [
        ([], ""),
        ([contact("2024-02-01", "promised")], "promised"),
        ([contact("2024-02-01", ended), contact("2024-02-02", "promised")], "promised"),
        ([contact("2024-02-02", ended), contact("2024-02-02", "promised")], ended),
        ([contact("2024-02-02", ended), contact("2024-02-02", "disputed")], ended),
        ([contact("2024-02-11", ended)], ""),
        ([contact("2024-02-01", ended, "D")], ""),
    ]
    for contacts, expected in cases:
        assert case(facts(contacts=contacts))["last_outcome"] == expected


def test_a_plan_was_offered_by_word_or_by_deed() -> None:
    plan = {
        "plan_id": "1",
        "customer_id": "C",
        "agreed_on": "2024-02-10",
        "due_on": "2024-02-12",
        "amount": "5",
    }
    assert not case(facts())["plan_offered"]
    assert case(facts(contacts=[contact("2024-02-10", "plan_offered")]))["plan_offered"]
    assert not case(facts(contacts=[contact("2024-02-10", "plan_offered", "D")]))["plan_offered"]
    by_deed = facts(payment_plans=[plan])
    assert case(by_deed)["plan_offered"] and not case(by_deed, DAY - timedelta(days=1))["plan_offered"]


def test_the_latest_recorded_reason_of_the_invoice_counts() -> None:
    rows = [
        {"invoice_id": "A", "recorded_on": "2024-02-01", "reason": "overlooked"},
        {"invoice_id": "A", "recorded_on": "2024-02-05", "reason": "cash_short"},
        {"invoice_id": "B", "recorded_on": "2024-02-06", "reason": "dispute"},
        {"invoice_id": "A", "recorded_on": "2024-02-11", "reason": "dispute"},
    ]
    book = facts(INVOICE, OTHER, THIRD, nonpayment_reasons=rows)
    assert [case(book, invoice_id=name)["nonpayment_reason"] for name in "ABE"] == [
        "cash_short",
        "dispute",
        "",
    ]
    assert case(book, date(2024, 2, 3))["nonpayment_reason"] == "overlooked"


@pytest.mark.parametrize(
    ("limit", "used"), [("200", 0.5), ("100", 1.0), ("0", np.inf), ("", np.nan)], ids=str
)
def test_a_limit_of_nothing_and_no_limit_differ(limit: str, used: float) -> None:
    found = case(facts(customers=[{"customer_id": "C", "credit_limit": limit}]))
    np.testing.assert_equal(found["utilisation"], used)
    np.testing.assert_equal(found["credit_limit"], float(limit) if limit else np.nan)


def test_the_limit_in_base_currency_meets_converted_invoices() -> None:
    yen = INVOICE | {"currency": "JPY", "amount": "10000"}
    rate = {"currency": "JPY", "base_currency": "EUR", "rated_on": "2023-12-01", "rate": "0.006"}
    book = facts(
        yen,
        customers=[{"customer_id": "C", "credit_limit": "120"}],
        exchange_rates=[rate],
        settings=LedgerSettings(base_currency="EUR"),
    )
    assert case(book)["utilisation"] == 0.5


def test_credit_notes_are_told_apart_from_cash() -> None:
    notes = [{"customer_id": "C", "credited_on": "2024-02-01", "amount": "7"}]
    cash = [{"customer_id": "C", "paid_on": "2024-02-01", "amount": "5"}]
    found = case(facts(credit_notes=notes, payments=cash))
    assert (found["unapplied_cash"], found["credit_on_account"]) == (12, 7)


def test_past_due_money_of_the_customer_is_that_of_the_day() -> None:
    late = INVOICE | {"invoice_id": "B", "due_on": "2024-02-09", "amount": "30"}
    to_come = INVOICE | {"invoice_id": "E", "due_on": "2024-03-09", "amount": "5"}
    book = facts(INVOICE, late, to_come)
    found = {day: case(book, day)["customer_overdue"] for day in (DAY - timedelta(days=1), DAY)}
    assert found == {DAY - timedelta(days=1): 100, DAY: 130}


def test_facts_of_the_desk_come_by_customer() -> None:
    book = facts(INVOICE, OTHER)
    extra: dict[str, Any] = {
        "hardship": {"C": True},
        "do_not_contact_until": {"D": date(2024, 3, 1)},
        "preferred_channel": {"C": "phone"},
        "terms_accepted": {"D": True},
    }
    rows = np.array([book.position("A"), book.position("B")])
    found = {name: column.tolist() for name, column in book.cases(rows, DAY, extra).items()}
    assert found["hardship"] == [True, False]
    assert [day and day.date() for day in found["do_not_contact_until"]] == [None, date(2024, 3, 1)]
    assert found["preferred_channel"] == ["phone", ""]
    assert found["terms_accepted"] == [False, True]
    with pytest.raises(ValueError, match="extra facts shoe_size are not in the case vocabulary"):
        book.cases(rows, DAY, {"shoe_size": {"C": 4}})


def test_terms_are_accepted_by_the_ledger_or_by_the_desk() -> None:
    book = facts(customers=[{"customer_id": "C", "terms_accepted_on": "2024-02-10"}])
    assert not case(book, DAY - timedelta(days=1))["terms_accepted"] and case(book)["terms_accepted"]
    desk = book.cases(np.array([0]), DAY, {"terms_accepted": {"C": False}})
    assert desk["terms_accepted"].tolist() == [True]


def test_accounts_say_what_a_slow_reading_says(sample_ledger: Ledger) -> None:
    book, day = Facts(History(sample_ledger)), date(2026, 5, 7)
    customers = book.history.customers.tolist()
    found = AccountFacts(book).accounts(customers, day)
    assert set(found) < set(ACCOUNT_TERMS)
    known = sample_ledger.known_before(day + timedelta(days=1)).tables
    invoices = known["invoices"]
    year = np.datetime64(day, "s") - np.timedelta64(364 * 86400, "s")
    bought = invoices[invoices["issued_on"] >= year].groupby("customer_id")["money_amount"].sum() / 100
    contacts = known["contacts"][known["contacts"]["contacted_on"] >= year].groupby("customer_id").size()
    for name, of in (("purchases_365", bought), ("contacts_365", contacts)):
        assert found[name].tolist() == of.reindex(customers).fillna(0).tolist()
    reports = known["credit_reports"].sort_values("reported_on").groupby("customer_id").last()
    np.testing.assert_array_equal(found["report_score"], reports["score"].reindex(customers).to_numpy(float))
    np.testing.assert_array_equal(
        found["report_limit"], reports["credit_limit"].reindex(customers).to_numpy(float) / 100
    )
    assert np.nansum(found["oldest_overdue_days"]) > 0 and (found["group_exposure"] > found["exposure"]).any()


def test_one_account_alone_is_as_among_all(sample_ledger: Ledger) -> None:
    accounts, day = AccountFacts(Facts(History(sample_ledger))), date(2026, 5, 7)
    customers = accounts.history.customers.tolist()
    together = accounts.accounts(customers, day)
    for place in range(0, len(customers), 5):
        alone = accounts.accounts([customers[place]], day)
        for name, column in together.items():
            np.testing.assert_array_equal(alone[name], column[place : place + 1])
    with pytest.raises(KeyError, match="nobody"):
        accounts.accounts(["nobody"], day)


def test_a_customer_without_invoices_can_be_judged() -> None:
    report = {"customer_id": "Z", "reported_on": "2024-01-10", "score": "80", "credit_limit": "500"}
    reference = {"customer_id": "Z", "received_on": "2023-02-10", "rating": " Good "}
    book = facts(customers=[{"customer_id": "Z"}], credit_reports=[report], trade_references=[reference])
    found = AccountFacts(book).accounts(["Z", "C"], DAY)
    assert found["report_limit"].tolist()[0] == 500 and found["report_age_days"].tolist()[0] == 31
    assert found["reference_rating"].tolist() == ["good", ""]
    assert found["reference_age_days"].tolist()[0] == 365 and found["references_count"].tolist() == [1, 0]
    assert found["settled_count"].tolist() == [0, 0] and found["exposure"].tolist() == [0, 100]
    decision = Policy.load().credit_decisions(found)[0]
    assert (decision.decision, decision.limit) == ("open_terms", 500)
