"""Is credit granted by the policy's rules, for old and new customers, with the reasons that decided and no more?"""

from typing import Any

import numpy as np
import pytest

from serving.policy import Policy
from serving.policy.accounts import ACCOUNT_TERMS, DECISIONS, MOST_REASONS
from serving.policy.credit import CreditDecision

POLICY = Policy.load()
KNOWN = {
    "customer_id": "C",
    "currency": "EUR",
    "debtor_type": "company",
    "settled_count": 30,
    "judged_365": 20,
    "late_share": 0.2,
    "late_share_before": 0.2,
    "purchases_365": 36_500.0,
    "exposure": 3_000.0,
    "credit_limit": 5_000.0,
    "terms_days": 30,
    "terms_accepted": True,
}
NEW = {"customer_id": "N", "currency": "EUR", "debtor_type": "company", "terms_accepted": True}
REPORT = {"report_limit": 4_000.0, "report_age_days": 30}
OLD_REPORT = {"report_limit": 4_000.0, "report_age_days": 500}
OVERDUE = {"oldest_overdue_days": 70, "overdue_open": 900.0}


def decided(account: dict[str, Any], **facts: Any) -> CreditDecision:
    columns = {name: [value] for name, value in (account | facts).items()}
    return POLICY.credit_decisions(columns)[0]


def codes(decision: CreditDecision) -> list[str]:
    return [reason.code for reason in decision.reasons]


@pytest.mark.parametrize(
    ("account", "facts", "decision", "rule", "limit", "terms"),
    [
        (KNOWN, {}, "open_terms", "open_terms_as_before", 5_400, 30),  # 100 a day, 45 days, times 1.2
        (KNOWN, {"credit_limit": 9_000.0}, "open_terms", "open_terms_as_before", 9_000, 30),
        (KNOWN, {"credit_limit": np.nan}, "open_terms", "open_terms_as_before", 5_400, 30),
        (KNOWN, {"late_share": 0.05}, "open_terms", "reliable", 6_800, 30),  # times 1.5, two figures
        (KNOWN, {"late_share": 0.6}, "reduced_limit", "smaller_limit", 3_200, 30),
        (KNOWN, {"broken_promises_365": 3}, "reduced_limit", "smaller_limit", 3_200, 30),
        (KNOWN, {"late_share": 0.3, "slower_by_days": 12}, "reduced_limit", "limit_with_care", 3_800, 30),
        (KNOWN, {"late_share_before": 0.0}, "reduced_limit", "limit_with_care", 3_800, 30),
        (KNOWN, {"late_share": 0.3}, "open_terms", "open_terms_as_before", 5_400, 30),
        (KNOWN, OVERDUE, "part_prepayment", "prepay_while_past_due", 2_200, 30),
        (KNOWN, OVERDUE | {"overdue_open": 10.0}, "open_terms", "open_terms_as_before", 5_400, 30),
        (KNOWN, OVERDUE | {"exposure": 9_500.0}, "open_terms", "open_terms_as_before", 11_000, 30),
        (KNOWN, OVERDUE | {"late_share": 0.7}, "cash_on_delivery", "no_more_credit_for_now", 0, 0),
        (KNOWN, {"insolvency": True}, "cash_on_delivery", "no_credit_after_insolvency", 0, 0),
        (KNOWN, {"exposure": 7_000.0, "late_share": 0.3}, "part_prepayment", "over_the_limit", 7_000, 30),
        (KNOWN, {"exposure": 7_000.0}, "open_terms", "open_terms_as_before", 8_400, 30),
        # a limit of 0 says no, and no limit says nothing
        (KNOWN, {"credit_limit": 0.0}, "cash_on_delivery", "no_limit_granted", 0, 0),
        (NEW, {}, "reduced_limit", "new_and_unknown", 1_200, 14),
        (NEW, {"currency": "JPY"}, "reduced_limit", "new_and_unknown", 200_000, 14),
        (NEW, REPORT, "open_terms", "new_with_good_word", 4_000, 30),
        (NEW, REPORT | {"requested_limit": 3_000.0}, "open_terms", "new_with_good_word", 3_000, 30),
        (NEW, REPORT | {"requested_limit": 9_000.0}, "open_terms", "new_with_good_word", 4_000, 30),
        (NEW, OLD_REPORT, "reduced_limit", "new_and_unknown", 1_000, 14),  # half of it, and half of that
        (NEW, REPORT | {"report_limit": 0.0}, "cash_on_delivery", "new_without_credit", 0, 0),
        (NEW, {"reference_rating": "good", "reference_age_days": 90}, "open_terms", "new_with_good_word", 2_500, 30),
        (NEW, {"reference_rating": "slow", "reference_age_days": 90}, "part_prepayment", "new_with_doubts", 1_200, 14),
        (NEW, {"reference_rating": "slow", "reference_age_days": 900}, "reduced_limit", "new_and_unknown", 1_200, 14),
    ],
)  # fmt: skip
def test_the_decision(
    account: dict[str, Any], facts: dict[str, Any], decision: str, rule: str, limit: float, terms: int
) -> None:
    found = decided(account, **facts)
    assert (found.decision, found.rule, found.limit, found.terms_days) == (decision, rule, limit, terms)


def test_reasons_are_the_factors_that_decided_with_the_customers_own_figures() -> None:
    found = decided(KNOWN, late_share=0.3, slower_by_days=12, group_exposure=9e6, group_limit=1e6)
    assert codes(found) == ["often_late", "getting_slower", "group_over_limit"]
    assert found.reasons[0].sentence == "30% of 20 invoices of the last year were paid late"
    assert found.reasons[2].sentence == "the group has 9,000,000 EUR open against limits of 1,000,000"
    assert codes(decided(KNOWN)) == []  # nothing speaks against them
    assert codes(decided(KNOWN, terms_accepted=False)) == []  # a factor that did not decide is no reason


def test_four_reasons_at_most_and_none_said_twice() -> None:
    everything = POLICY.as_dict()["credit"]["factors"]
    rule = " or ".join(everything)
    assert len(everything) > MOST_REASONS
    content = {name: part for name, part in POLICY.as_dict().items() if name != "version"}
    content["credit"]["rules"].insert(
        0, {"id": "all_at_once", "when": rule, "decision": "reduced_limit", "because": "of everything"}
    )
    import json

    policy = Policy.read(json.dumps(content))
    account = KNOWN | OVERDUE | {"late_share": 0.9, "slower_by_days": 30, "insolvency": True}
    found = policy.credit_decisions({name: [value] for name, value in account.items()})[0]
    sentences = [reason.sentence for reason in found.reasons]
    assert len(sentences) == len(set(sentences)) == MOST_REASONS
    assert codes(found)[:2] == ["insolvency_recorded", "long_past_due"]


def test_old_and_missing_evidence_is_said() -> None:
    old = decided(NEW, **OLD_REPORT, terms_accepted=False)
    assert "the credit report is 500 days old and counts for 50%" in old.notes
    assert any("no evidence that our terms were accepted" in note for note in old.notes)
    assert "there is no credit report" in decided(NEW).notes
    assert "no limit is set today" in decided(NEW).notes
    assert decided(NEW, **REPORT).notes[0] == "the limit that a credit report of 30 days ago recommends"


def test_for_a_natural_person_a_person_decides() -> None:
    assert decided(NEW, debtor_type="sole_trader").person_decides
    assert not decided(NEW).person_decides
    assert decided(NEW).who == "credit_manager"


def random_accounts(size: int) -> dict[str, Any]:
    draw = np.random.default_rng(1)
    sometimes = lambda values: np.where(draw.random(size) < 0.3, np.nan, values)  # noqa: E731
    counts = draw.integers(0, 40, size)
    return {
        "customer_id": np.arange(size).astype(str),
        "currency": draw.choice(["EUR", "JPY"], size),
        "debtor_type": draw.choice(["company", "sole_trader", "public_body", ""], size),
        "settled_count": counts,
        "judged_365": np.minimum(counts, 20),
        "late_share": sometimes(draw.random(size)),
        "late_share_before": sometimes(draw.random(size)),
        "credit_limit": sometimes(draw.choice([0.0, 500.0, 20_000.0], size)),
        "exposure": draw.lognormal(7, 2, size),
        "purchases_365": draw.lognormal(9, 2, size),
        "overdue_open": draw.choice([0.0, 30.0, 3_000.0], size),
        "oldest_overdue_days": sometimes(draw.integers(1, 200, size).astype(float)),
        "slower_by_days": sometimes(draw.normal(0, 10, size)),
        "broken_promises_365": draw.integers(0, 5, size),
        "report_limit": sometimes(draw.choice([0.0, 5_000.0], size)),
        "report_age_days": sometimes(draw.integers(0, 900, size).astype(float)),
        "reference_rating": draw.choice(["", "good", "slow"], size),
        "reference_age_days": sometimes(draw.integers(0, 900, size).astype(float)),
        "requested_limit": sometimes(draw.lognormal(8, 1, size)),
        "insolvency": draw.random(size) < 0.02,
        "group_exposure": draw.lognormal(9, 2, size),
        "group_limit": sometimes(draw.lognormal(9, 2, size)),
    }


def test_every_decision_is_sound_and_traced() -> None:
    accounts = random_accounts(5_000)
    found = POLICY.credit_decisions(accounts)
    assert found == POLICY.credit_decisions(accounts)
    assert {each.decision for each in found} == set(DECISIONS)
    credit = POLICY.parts.credit
    assert credit is not None
    assert {each.rule for each in found} == {rule.id for rule in credit.rules}
    for row, each in enumerate(found):
        assert (each.limit == 0) == (each.decision == "cash_on_delivery")
        assert np.isfinite(each.limit) and each.limit >= 0 and 0 <= each.terms_days <= 365
        assert (each.prepayment_share > 0) == (each.decision == "part_prepayment")
        assert len(each.reasons) <= MOST_REASONS
        assert not any(mark in reason.sentence for reason in each.reasons for mark in ("{", "nan"))
        assert each.decision == "open_terms" or each.reasons  # nobody is restricted without a reason
        limit = accounts["credit_limit"][row]
        assert each.decision != "reduced_limit" or not 0 < limit < each.limit
        assert each.person_decides == (accounts["debtor_type"][row] == "sole_trader")


def test_accounts_that_cannot_be_decided_tell_all_their_problems() -> None:
    with pytest.raises(ValueError, match="cannot be decided") as error:
        POLICY.credit_decisions({"late_share": [1.5], "exposure": ["much"], "shoe_size": [4]})
    for part in ("'late_share' holds 1.5", "'exposure' is no number", "no 'shoe_size'"):
        assert part in str(error.value)


def test_the_page_explains_every_name_of_an_account() -> None:
    from pathlib import Path

    page = (Path(__file__).parents[1] / "serving" / "policy.md").read_text(encoding="utf-8")
    assert [name for name in ACCOUNT_TERMS if f"`{name}`" not in page] == []
