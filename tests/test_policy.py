"""Does the packaged policy send each case to the right step, and can a probability never harden the tone?"""

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from serving.policy import CASE_COLUMNS, Policy

MONDAY = date(2026, 3, 2)
POLICY = Policy.load()
PLAIN = {
    "as_of": MONDAY,
    "p_late": 0.1,
    "p_late_30": 0.02,
    "p_late_90": 0.0,
    "amount_open": 1000.0,
    "currency": "EUR",
}


def decide(due_in: int = 10, **facts: Any) -> dict[str, Any]:
    case = PLAIN | {"due_on": MONDAY + pd.Timedelta(days=due_in)} | facts
    decided = POLICY.decide(pd.DataFrame([case]))
    return {str(name): decided[name].iloc[0] for name in decided}


RELIABLE = {"settled_count": 12, "late_share_customer": 0.0}
ALWAYS = {"settled_count": 30, "late_share_customer": 0.0}
MISSED = {"promise_broken": True, "promised_on": date(2026, 2, 20)}
ENDED = "call_ended_call_back"
IN_TOUCH = {"days_since_contact": 20, "contacts_90": 2}
LIKELY = {"p_late": 0.7, "p_late_30": 0.2}
VERY_LIKELY = {"p_late": 0.9, "p_late_30": 0.6, "p_late_90": 0.4}
LATE = {"p_late": 1.0}


@pytest.mark.parametrize(
    ("facts", "tier", "rule"),
    [
        ({}, "low", "all_else_is_low"),
        ({"p_late": 0.2}, "medium", "late_possible"),
        ({"p_late": 0.1, "p_late_30": 0.08}, "medium", "month_late_above_average"),
        ({"p_late": 0.2, "amount_open": 49}, "low", "all_else_is_low"),
        ({"p_late": 0.2, "amount_open": 7999, "currency": "JPY"}, "low", "all_else_is_low"),
        ({"evidence": "none", "amount_open": 10_000}, "medium", "unknown_customer_large_amount"),
        ({"evidence": "ample", "amount_open": 10_000}, "low", "all_else_is_low"),
        ({"p_late": 0.4, "amount_open": 10_000}, "high", "much_money_may_be_late"),
        ({"p_late": 0.6}, "high", "late_more_likely_than_not"),
        ({"p_late": 1.0, "due_in": -10}, "medium", "late_possible"),
        ({"p_late": 1.0, "p_late_30": 0.25, "due_in": -10}, "high", "month_late_possible"),
        ({"p_late_30": 0.5, "p_late": 0.6, "amount_open": 10_000}, "critical", "month_late_likely_and_large"),
        ({"p_late": 0.5, "p_late_30": 0.4, "p_late_90": 0.3}, "critical", "long_delay_likely"),
    ],
)
def test_the_tier(facts: dict[str, Any], tier: str, rule: str) -> None:
    decided = decide(**facts)
    assert (decided["tier"], decided["tier_rule"]) == (tier, rule)


@pytest.mark.parametrize(
    ("due_in", "facts", "action", "rule"),
    [
        # not yet due: the higher the risk, the earlier the help
        (40, VERY_LIKELY, "none_needed", "nothing_to_do"),
        (30, VERY_LIKELY, "pre_due_service_call", "critical_ahead"),
        (30, LIKELY, "none_needed", "nothing_to_do"),
        (14, LIKELY, "pre_due_service_call", "high_risk_due_soon"),
        (14, {"p_late": 0.3}, "none_needed", "nothing_to_do"),
        (14, {"p_late": 0.3, "debtor_type": "public_body"}, "check_invoice_approval", "public_body_due_soon"),
        (-7, LATE | {"debtor_type": "public_body"}, "check_invoice_approval", "public_past_due"),
        (-5, LATE | {"key_account": True, "customer_overdue": 5000.0}, "relationship_call", "key_past_due"),
        (-3, LATE | {"settled_count": 1, "ever_contacted": True}, "friendly_reminder", "new_past_due"),
        (-6, LATE | {"nonpayment_reason": "Awaiting_approval"}, "check_invoice_approval", "process_delay"),
        (7, {"p_late": 0.3}, "pre_due_reminder", "risk_due_soon"),
        (20, {"settled_count": 0}, "introduce_ourselves", "first_invoice"),
        (7, RELIABLE, "thank_you", "reliable_payer_thanks"),
        (7, RELIABLE | {"days_since_contact": 100}, "none_needed", "good_nothing"),
        (7, {"days_since_contact": 100}, "statement_of_account", "keep_in_touch"),
        (7, ALWAYS | {"days_since_contact": 200}, "offer_longer_terms", "good_longer_terms"),
        (40, ALWAYS | {"utilisation": 0.9}, "offer_higher_limit", "good_needs_room"),
        (40, ALWAYS | {"utilisation": 0.5}, "none_needed", "good_nothing"),
        (7, {"days_since_contact": 30, "amount_open": 10_000}, "pre_due_reminder", "large_amount_due_soon"),
        (7, {"days_since_contact": 30}, "none_needed", "nothing_to_do"),
        (0, {"days_since_contact": 30}, "none_needed", "nothing_to_do"),
        # past due
        (-1, LATE, "none_needed", "payment_may_be_on_its_way"),
        (-4, LATE, "friendly_reminder", "past_due"),
        (-5, LATE | RELIABLE, "none_needed", "reliable_payer_few_days"),
        (-6, LATE | RELIABLE, "relationship_call", "reliable_payer_stopped"),
        (-1, LATE | {"p_late_30": 0.3}, "relationship_call", "high_risk_past_due"),
        (-8, LATE | IN_TOUCH, "relationship_call", "past_due_after_contact"),
        (-14, LATE, "relationship_call", "two_weeks_past_due"),
        (-14, LATE | {"debtor_type": "sole_trader"}, "offer_payment_plan", "sole_offer_instalments"),
        (-6, VERY_LIKELY | IN_TOUCH, "offer_payment_plan", "critical_past_due"),
        (-30, LATE | IN_TOUCH, "offer_payment_plan", "month_past_due"),
        (-30, LATE, "relationship_call", "two_weeks_past_due"),  # never spoken to: first ask
        (-50, LATE | {"days_since_contact": 20, "contacts_90": 4}, "senior_review", "no_answer_for_long"),
        (-95, LATE | IN_TOUCH, "senior_review", "long_unresolved"),
        (-95, LATE, "relationship_call", "two_weeks_past_due"),
        # firmer only with days past due, contacts and a missed promise together
        (-5, LATE | MISSED, "renew_promise", "promise_missed"),
        (-25, LATE | MISSED, "renew_promise", "promise_missed"),
        (-25, LATE | MISSED | IN_TOUCH, "confirm_in_writing", "promise_missed_again"),
        (-65, LATE | MISSED | IN_TOUCH, "confirm_in_writing", "promise_missed_again"),
        (
            -65,
            LATE | MISSED | IN_TOUCH | {"contacts_90": 3},
            "senior_conversation",
            "promise_missed_and_long_past_due",
        ),
        # small money
        (-40, LATE | {"amount_open": 20}, "statement_of_account", "small_statement"),
        (-40, LATE | {"amount_open": 20, "days_since_contact": 20}, "none_needed", "small_nothing"),
        (-40, LATE | {"amount_open": 20, "customer_overdue": 900}, "relationship_call", "two_weeks_past_due"),
        (3, {"p_late": 0.9, "amount_open": 20}, "none_needed", "small_nothing"),
    ],
)
def test_the_step(due_in: int, facts: dict[str, Any], action: str, rule: str) -> None:
    decided = decide(due_in, **facts)
    shaping = {guard.id for guard in POLICY.parts.guards if not guard.then}
    guards = set(decided["guards"]) - shaping
    assert (decided["action"], decided["action_rule"], guards) == (action, rule, set())


@pytest.mark.parametrize(
    ("due_in", "facts", "action", "guards"),
    [
        (
            -20,
            {"complaint_open": True, "promise_pending": True},
            "answer_complaint",
            ["complaint_open", "promise_pending"],
        ),
        (10, {"is_disputed": True}, "resolve_dispute", ["dispute_open"]),
        (-20, {"is_disputed": True, "disputed_amount": 980}, "resolve_dispute", ["dispute_open"]),
        (
            -20,
            {"is_disputed": True, "disputed_amount": 300},
            "relationship_call",
            ["disputed_part_set_apart"],
        ),
        (-20, {"plan_running": True}, "await_payment_plan", ["plan_running"]),
        (
            -20,
            {"promise_pending": True, "promised_on": date(2026, 3, 6)},
            "await_promise",
            ["promise_pending"],
        ),
        (-20, {"unapplied_cash": 1000}, "apply_unapplied_cash", ["unapplied_cash_covers"]),
        (30, {"unapplied_cash": 1000}, "none_needed", []),
        (-20, {"unapplied_cash": 400}, "relationship_call", ["unapplied_cash_first"]),
        (-20, {"unapplied_cash": 40}, "relationship_call", []),
        (-20, {"days_since_contact": 7, "contacts_90": 1}, "wait_after_contact", ["contacted_recently"]),
        (-20, {"days_since_contact": 8, "contacts_90": 1}, "relationship_call", []),
        (-20, {"days_since_contact": 8, "contacts_90": 8}, "senior_review", ["contact_cap"]),
        (-20, {"key_account": True}, "relationship_call", ["key_account"]),
        (40, {"key_account": True}, "none_needed", []),
        # after a call that ended early: quiet days, then a planned call back, once
        (-20, {"last_outcome": ENDED, "days_since_contact": 2}, "let_things_calm", ["cooling_down"]),
        (40, {"last_outcome": ENDED, "days_since_contact": 4}, "call_back", ["call_back_planned"]),
        (-20, {"last_outcome": ENDED, "days_since_contact": 4, "is_disputed": True}, "resolve_dispute", None),
        (-20, {"insolvency": True, "complaint_open": True}, "hand_to_credit_manager", None),
        (40, {"insolvency": True}, "hand_to_credit_manager", ["insolvency"]),
        (
            -20,
            {"do_not_contact_until": date(2026, 3, 9), "complaint_open": True},
            "wait_until_agreed_day",
            ["do_not_contact", "complaint_open"],
        ),
        (-20, {"do_not_contact_until": MONDAY}, "relationship_call", []),
        (-20, {"next_contact_on": date(2026, 3, 9)}, "wait_for_next_contact", ["next_contact_agreed"]),
        (-20, {"next_contact_on": MONDAY}, "relationship_call", []),
        (-20, {"group_contacts_90": 16}, "senior_review", ["group_contact_cap"]),
        (-25, MISSED | IN_TOUCH | {"hardship": True}, "support_call", ["gentle_path"]),
        (-20, {"vulnerability": True}, "support_call", ["gentle_path"]),
        (-20, {"nonpayment_reason": "Can’t pay"}, "support_call", ["gentle_path"]),
        (40, {"hardship": True}, "none_needed", []),
        # a promise missed yesterday is followed up, though we spoke when it was made; but only once
        (-20, MISSED | {"promised_on": date(2026, 3, 1), "days_since_contact": 5}, "renew_promise", []),
        (-20, MISSED | {"days_since_contact": 1}, "wait_after_contact", ["contacted_recently"]),
    ],
)
def test_the_guards(due_in: int, facts: dict[str, Any], action: str, guards: list[str] | None) -> None:
    decided = decide(due_in, **facts)
    assert decided["action"] == action
    assert guards is None or decided["guards"] == guards


@pytest.mark.parametrize(
    ("as_of", "due_on", "facts", "expected"),
    [
        (date(2026, 3, 2), date(2026, 3, 12), LIKELY, date(2026, 3, 4)),
        (date(2026, 3, 5), date(2026, 3, 19), LIKELY, date(2026, 3, 9)),  # Thursday to Monday
        (date(2026, 3, 2), date(2026, 3, 3), LIKELY, date(2026, 3, 3)),  # not after the due date
        (
            date(2026, 3, 6),
            date(2026, 3, 8),
            LIKELY,
            date(2026, 3, 6),
        ),  # due on Sunday: Friday is the last day
        (date(2026, 3, 7), date(2026, 3, 8), LIKELY, date(2026, 3, 9)),  # no working day is left before it
        (date(2026, 4, 2), date(2026, 4, 15), LIKELY | {"country": "DE"}, date(2026, 4, 8)),  # Easter
        (date(2026, 4, 2), date(2026, 4, 15), LIKELY | {"country": "Atlantis"}, date(2026, 4, 6)),
        (
            date(2026, 3, 2),
            date(2026, 2, 1),
            {"promise_pending": True, "promised_on": date(2026, 3, 6)},
            date(2026, 3, 9),
        ),
        (date(2026, 3, 2), date(2026, 2, 1), {"days_since_contact": 3}, date(2026, 3, 9)),
        (date(2026, 3, 2), date(2026, 4, 30), {}, None),
        # an agreed day on a weekend is kept on the last working day before it
        (date(2026, 3, 2), date(2026, 2, 1), {"do_not_contact_until": date(2026, 3, 8)}, date(2026, 3, 6)),
        (date(2026, 3, 2), date(2026, 2, 1), {"next_contact_on": date(2026, 3, 11)}, date(2026, 3, 11)),
    ],
)
def test_the_deadline(as_of: date, due_on: date, facts: dict[str, Any], expected: date | None) -> None:
    by = decide(as_of=as_of, due_on=due_on, **facts)["action_by"]
    assert (None if pd.isna(by) else by.date()) == expected


def test_a_held_back_step_is_explained_in_one_sentence() -> None:
    decided = decide(10, **LIKELY, days_since_contact=3, contacts_90=1)
    assert decided["why"] == (
        "We were in touch within the last days and give them time (contacted_recently); "
        "without that, pre_due_service_call, as it is due within two weeks and likely to be late, "
        "so a call now leaves time to help (high_risk_due_soon)."
    )


def test_a_key_account_with_a_partial_dispute_hears_it_from_the_account_manager() -> None:
    decided = decide(-20, key_account=True, is_disputed=True, disputed_amount=300)
    assert (decided["who"], decided["channel"]) == ("account_manager", "phone")
    assert decided["opening"].endswith("so this is only about the part that is not in question.")
    assert decided["objective"] == POLICY.parts.actions["relationship_call"].objective


ODDS = [0.85, 0.05, 0.05, 0.05]


def _now_and_then(as_of: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    days = as_of + draw.integers(-10, 10, len(as_of))
    return np.where(draw.random(len(as_of)) < 0.03, days, np.datetime64("NaT")).astype("datetime64[s]")


def random_cases(size: int, seed: int = 0) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    as_of = np.datetime64("2026-03-02") + draw.integers(0, 40, size)
    p_late = draw.beta(1, 3, size)
    columns = {
        "as_of": as_of.astype("datetime64[s]"),
        "due_on": (as_of + draw.integers(-100, 40, size)).astype("datetime64[s]"),
        "promised_on": (as_of + draw.integers(-20, 20, size)).astype("datetime64[s]"),
        "p_late": p_late,
        "p_late_30": p_late * draw.random(size),
        "amount_open": draw.lognormal(7, 2, size),
        "currency": draw.choice(["EUR", "JPY"], size),
        "country": draw.choice(["DE", "US", ""], size),
        "evidence": draw.choice(["none", "little", "some", "ample"], size),
        "debtor_type": draw.choice(["company", "sole_trader", "public_body"], size),
        "contacts_90": draw.integers(0, 9, size),
        "days_since_contact": np.where(draw.random(size) < 0.3, np.nan, draw.integers(0, 120, size)),
        "unapplied_cash": np.where(draw.random(size) < 0.1, 500.0, 0),
        "disputed_amount": np.where(draw.random(size) < 0.5, 200.0, np.nan),
        "late_share_customer": draw.choice([0, 0.05, 0.5], size),
        "settled_count": draw.choice([0, 2, 3, 20, 30], size),
        "utilisation": draw.choice([np.nan, 0.5, 0.9], size),
        "customer_overdue": draw.choice([0.0, 30.0, 9000.0], size),
        "group_contacts_90": draw.integers(0, 17, size),
        "last_outcome": draw.choice(["", "no_answer", ENDED], size, p=[0.5, 0.45, 0.05]),
        "nonpayment_reason": draw.choice(["", "overlooked", "awaiting_approval", "cash_short"], size, p=ODDS),
        "do_not_contact_until": _now_and_then(as_of, draw),
        "next_contact_on": _now_and_then(as_of, draw),
        "promise_broken": draw.random(size) < 0.3,
    }
    flags = ("is_disputed", "promise_pending", "plan_running", "complaint_open", "key_account")
    columns |= {flag: draw.random(size) < 0.08 for flag in flags}
    columns |= {flag: draw.random(size) < 0.02 for flag in ("hardship", "vulnerability", "insolvency")}
    made = pd.DataFrame(columns).assign(p_late_90=lambda cases: cases["p_late_30"] * draw.random(size))
    return made.assign(
        terms_days=draw.choice([14.0, 30, 60], size), days_late_usual=draw.choice([-20.0, 0, 3], size)
    )


def test_raising_the_probabilities_alone_never_hardens_the_tone_and_only_brings_help_earlier() -> None:
    calm = random_cases(20_000)
    alarmed = calm.assign(**{p: calm[p] + 0.9 * (1 - calm[p]) for p in ("p_late", "p_late_30", "p_late_90")})
    before, after = POLICY.decide(calm), POLICY.decide(alarmed)
    actions = POLICY.parts.actions
    firmness = [
        decided["action"].map({code: step.firmness for code, step in actions.items()})
        for decided in (before, after)
    ]
    contact = [
        decided["action"].map({code: step.is_contact for code, step in actions.items()})
        for decided in (before, after)
    ]
    assert (before["action"] != after["action"]).mean() > 0.05  # the probabilities do matter
    assert (firmness[1] <= firmness[0]).all()
    assert (contact[1] | ~contact[0]).all()
    assert (after["action_by"] <= before["action_by"])[contact[0]].all()


def test_what_is_disputed_promised_planned_or_just_talked_about_is_left_alone() -> None:
    cases = random_cases(20_000, seed=1)
    decided = POLICY.decide(cases)
    contacted = decided[decided["channel"] != "internal"]
    assert not contacted["insolvency"].any()
    assert not (contacted["do_not_contact_until"] > contacted["as_of"]).any()
    assert not ((contacted["last_outcome"] == ENDED) & (contacted["days_since_contact"] <= 3)).any()
    contacted = contacted[contacted["action"] != "answer_complaint"]
    assert not contacted[["promise_pending", "plan_running", "complaint_open"]].any(axis=None)
    assert not (contacted["is_disputed"] & contacted["disputed_amount"].isna()).any()
    contacted = contacted[contacted["action"] != "call_back"]  # announced when the call was ended
    covered = contacted["unapplied_cash"] >= contacted["amount_open"]
    assert not (covered & ~contacted["is_disputed"]).any()
    assert not (contacted["next_contact_on"] > contacted["as_of"]).any()
    assert not ((contacted["days_since_contact"] <= 7) & ~contacted["promise_broken"]).any()
    assert (contacted["contacts_90"] < 8).all() and (contacted["group_contacts_90"] < 16).all()
    assert len(contacted) > 2000


def test_firm_steps_need_days_past_due_contacts_and_a_missed_promise() -> None:
    decided = POLICY.decide(random_cases(20_000, seed=2))
    firm = decided[
        decided["action"].isin([code for code, step in POLICY.parts.actions.items() if step.firmness > 1])
    ]
    assert len(firm) > 100
    assert (firm["promise_broken"] & (firm["contacts_90"] >= 1) & (firm["due_on"] < firm["as_of"])).all()


def test_natural_persons_get_no_firm_step_and_a_person_decides() -> None:
    harsh = {"promise_broken": True, "contacts_90": 6, "days_since_contact": 20.0, "p_late": 1.0}
    harsh |= dict.fromkeys(("hardship", "vulnerability", "insolvency", "is_disputed", "key_account"), False)
    cases = random_cases(20_000, seed=6).assign(**harsh)
    decided = POLICY.decide(cases)
    is_person = decided["debtor_type"] == "sole_trader"
    firmness = decided["action"].map({code: step.firmness for code, step in POLICY.parts.actions.items()})
    gate = POLICY.parts.natural_persons
    assert gate and (firmness[is_person] <= gate.most_firmness).all()
    assert (firmness[~is_person] > gate.most_firmness).any()
    is_contact = decided["channel"] != "internal"
    assert (decided["person_decides"] == (is_person & is_contact)).all()
    assert decided.loc[decided["person_decides"], "why"].str.endswith("before anything is sent.").all()


def test_a_gate_for_persons_holds_whatever_their_strategy_says() -> None:
    everybody_firm = {name: part for name, part in POLICY.as_dict().items() if name != "version"}
    for segment in everybody_firm["segments"]:
        segment["strategy"] = "ordinary_companies"
    everybody_firm["strategies"] = {"ordinary_companies": everybody_firm["strategies"]["ordinary_companies"]}
    del everybody_firm["other_languages"]  # which speak of the other strategies too
    policy = Policy.read(json.dumps(everybody_firm))
    case = PLAIN | LATE | MISSED | IN_TOUCH | {"contacts_90": 4, "due_on": MONDAY - pd.Timedelta(days=70)}
    found = policy.decide(pd.DataFrame([case | {"debtor_type": kind} for kind in ("company", "sole_trader")]))
    assert found["action"].tolist() == ["senior_conversation", "renew_promise"]


def test_every_call_and_every_request_ends_with_a_commitment() -> None:
    decided = POLICY.decide(random_cases(5_000, seed=8))
    asks = decided["channel"].isin(["phone", "letter"])
    assert set(decided.loc[asks, "commitment"]) == {"promise_or_next_contact"}
    assert set(decided.loc[decided["channel"] == "internal", "commitment"]) == {"none"}
    assert (decided["template"] == decided["action"]).all() and (decided["tone"] != "").all()


def test_what_is_a_reason_is_recorded_and_never_inferred() -> None:
    words = ["", "Cash_Short", "overlooked", "gone fishing", "won’t  pay", "AWAITING APPROVAL", "dispute"]
    cases = pd.DataFrame([PLAIN | {"due_on": MONDAY, "nonpayment_reason": word} for word in words])
    known = ["", "cannot_pay", "forgot", "", "will_not_pay", "process_delay", "disputed"]
    assert POLICY.columns(cases)["reason_class"].tolist() == known


def test_every_step_is_traced_to_a_rule_or_guard_and_every_rule_is_used() -> None:
    quiet = {"promise_broken": False, "group_contacts_90": 0, "unapplied_cash": 0.0}
    cases = pd.concat([random_cases(20_000, seed=3), random_cases(40_000, seed=4).assign(**quiet)])
    decided = POLICY.decide(cases)
    steps = {step.id for strategy in POLICY.parts.strategies.values() for step in strategy.steps}
    replacing = {guard.id for guard in POLICY.parts.guards if guard.then}
    assert set(decided["action_rule"]) <= steps | replacing
    assert {rule.id for rule in POLICY.parts.tier_rules} == set(decided["tier_rule"])
    assert {rule.id for rule in POLICY.parts.segments} == set(decided["segment"])
    assert (steps | replacing) - set(decided["action_rule"]) == set()
    assert set(decided["action"]) == set(POLICY.parts.actions) - {"review_account"}  # the worklist's


def test_alone_is_as_in_the_book_and_the_index_stays() -> None:
    cases = random_cases(200, seed=5).set_index(pd.Index(range(1000, 1200)))
    together = POLICY.decide(cases)
    alone = pd.concat([POLICY.decide(cases.iloc[[row]]) for row in range(0, 200, 20)])
    pd.testing.assert_frame_equal(alone, together.iloc[::20])


def test_no_cases_give_no_decisions() -> None:
    decided = POLICY.decide(random_cases(5).head(0))
    assert len(decided) == 0
    assert decided["action_by"].dtype == "datetime64[s]"


def test_a_small_caller_needs_five_columns_only() -> None:
    assert (
        POLICY.decide(pd.DataFrame([PLAIN | {"due_on": MONDAY}]).drop(columns=["p_late_30", "p_late_90"]))[
            "tier"
        ].item()
        == "low"
    )


def test_cases_that_cannot_be_decided_tell_all_their_problems() -> None:
    cases = pd.DataFrame({"as_of": [MONDAY], "p_late": [1.5], "due_on": [None], "is_disputed": ["perhaps"]})
    with pytest.raises(ValueError, match="cannot be decided") as error:
        POLICY.decide(cases)
    for part in (
        "'amount_open' is missing",
        "'p_late' holds 1.5",
        "'due_on' has cases without",
        "'is_disputed' is no flag",
    ):
        assert part in str(error.value)


def test_the_page_explains_every_name_and_every_step() -> None:
    page = (Path(__file__).parents[1] / "serving" / "policy.md").read_text(encoding="utf-8")
    assert [name for name in (*CASE_COLUMNS, "tier") if f"`{name}`" not in page] == []
    for code, step in POLICY.parts.actions.items():
        assert f"| `{code}` | {step.who} | {step.channel} | {step.firmness} |" in page
