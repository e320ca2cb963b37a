"""Can a probability alone ever harden what a customer hears, whatever the policy says?"""

import json
import random
from typing import Any

import numpy as np
import pandas as pd
import pytest

from serving.conditions import parse
from serving.policy import Policy, PolicyError
from serving.policy.tone import hardenings, unwelcome
from serving.policy.vocabulary import CASE_TERMS

CONDITIONS = [
    "p_late >= 0.3",
    "p_late < 0.6",
    "0.2 < p_late <= 0.7",
    "p_late_30 >= 0.2 and days_past_due >= 1",
    "days_past_due >= 1",
    "days_past_due < 10 or p_late > 0.5",
    "not (p_late > 0.4 and amount_open >= 500)",
    "is_risky",
    "not is_risky and contacts_90 >= 2",
    "amount_open >= 800",
]
ON_TIERS = ["tier >= 'medium'", "tier == 'high'", "tier < 'high'", "tier in ['low'] or days_past_due >= 3"]
PERSONS = {"when": "debtor_type == 'sole_trader'", "most_firmness": 0, "because": "a person decides"}
GUARD_CONDITIONS = ["contacts_90 >= 2", "days_past_due < 5", "amount_open < 400"]


@pytest.mark.parametrize(
    ("conditions", "levels", "hardening"),
    [
        (["p_late > 0.5", None], [0, 1], []),
        (["p_late > 0.5", None], [1, 0], [0]),
        (["p_late < 0.5", None], [0, 1], [0]),
        (["p_late < 0.5", None], [1, 0], []),
        (["not p_late < 0.5", None], [1, 0], [0]),
        (["0.5 < p_late", None], [1, 0], [0]),
        (["0.5 > p_late", None], [0, 1], [0]),
        (["0.2 < p_late < 0.5", None], [0, 1], [0]),
        (["p_late in [0.5]", None], [1, 0], [0]),
        (["p_late > p_late_30", None], [0, 1], [0]),
        (["is_disputed or p_late > 0.5", None], [1, 0], [0]),
        (["days_past_due > 5", None], [3, 0], []),
        (["is_risky", None], [1, 0], [0]),
        (["days_past_due > 5", "p_late > 0.5", "days_past_due > 1", None], [3, 0, 2, 0], []),
    ],
)
def test_what_could_harden_the_tone(
    conditions: list[str | None], levels: list[int], hardening: list[int]
) -> None:
    facts = {"is_risky": parse("p_late >= 0.5", CASE_TERMS)}
    vocabulary = CASE_TERMS | {"is_risky": CASE_TERMS["is_disputed"]}
    parsed = [parse(text, vocabulary) if text else None for text in conditions]
    assert list(hardenings(parsed, levels, facts)) == hardening


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("Why haven’t you paid yet?", ["why haven't you"]),
        ("Please pay, or else.", ["or else"]),
        ("Our DEBT  Collection team is calling.", ["debt*", "debt collect*", "collect*"]),
        ("Pay now!", ["!"]),
        ("The courteous issue of a recollection is welcome.", []),
        ("Is there any reason for us to know of?", []),
    ],
)
def test_the_packaged_words_reject(sentence: str, found: list[str]) -> None:
    assert unwelcome(sentence, Policy.load().parts.never_say) == found


def random_policy(draw: random.Random) -> str:
    """A policy of random rules, most of which would harden the tone somewhere."""
    steps = {f"step_{n}": draw.choice(["email", "internal"]) for n in range(5)}
    fields = {"who": "analyst", "objective": "help", "opening": "May we help."}
    actions = {
        code: fields
        | {"channel": channel, "firmness": draw.choice([0, 0, 1, 2]) if channel == "email" else 0}
        for code, channel in steps.items()
    }
    gentle = [code for code, action in actions.items() if action["firmness"] == 0] or ["step_0"]

    def table(prefix: str, key: str, outcomes: list[str], conditions: list[str]) -> list[dict[str, str]]:
        whens = draw.sample(conditions, draw.randint(1, 3))
        rules = [{"id": f"{prefix}_{n}", "when": when} for n, when in enumerate(whens)] + [
            {"id": f"{prefix}_last"}
        ]
        return [rule | {key: draw.choice(outcomes), "because": "so"} for rule in rules]

    guards = [
        {"id": f"guard_{n}", "when": when, "then": draw.choice(gentle), "because": "so", "holds_back": held}
        for n, (when, held) in enumerate(
            zip(GUARD_CONDITIONS, ["contacts", "every_step", "contacts"], strict=True)
        )
        if draw.random() < 0.5
    ]
    content = {
        "facts": {"is_risky": "p_late_30 >= 0.1"},
        "tiers": ["low", "medium", "high"],
        "tier_rules": table("tier", "tier", ["low", "medium", "high"], CONDITIONS),
        "firmness": [{"name": "kind"}, {"name": "plain"}, {"name": "firm", "needs": "contacts_90 >= 1"}],
        "roles": ["analyst"],
        "actions": actions,
        "guards": guards,
        **plans(draw, lambda prefix: table(prefix, "action", list(actions), CONDITIONS + ON_TIERS)),
        **({"natural_persons": PERSONS} if draw.random() < 0.5 else {}),
        "wording": {"never_say": ["debt*"]},
    }
    return json.dumps(content)


def plans(draw: random.Random, table: Any) -> dict[str, Any]:
    """One table of rules, or several strategies with days to their steps."""
    if draw.random() < 0.3:
        return {"rules": table("rule")}
    strategies = {
        name: {"for": "somebody", "told": "We help.", "steps": table(name)} for name in ("one", "two")
    }
    for strategy in strategies.values():
        for step in strategy["steps"][:-1]:
            step["from_day"] = draw.choice([-10, -3, 0, 4])
    whens = ["amount_open >= 700", "contacts_90 >= 2", "debtor_type == 'sole_trader'"]
    first = {"id": "segment_one", "when": draw.choice(whens), "strategy": "one", "because": "so"}
    return {
        "segments": [first, {"id": "segment_two", "strategy": "two", "because": "so"}],
        "strategies": strategies,
    }


def random_cases(size: int) -> pd.DataFrame:
    draw = np.random.default_rng(7)
    p_late = draw.random(size)
    return pd.DataFrame(
        {
            "as_of": pd.Timestamp("2026-03-02"),
            "due_on": pd.Timestamp("2026-03-02") + pd.to_timedelta(draw.integers(-20, 20, size), unit="D"),
            "p_late": p_late,
            "p_late_30": p_late * draw.random(size),
            "amount_open": draw.uniform(0, 1500, size),
            "contacts_90": draw.integers(0, 4, size),
            "debtor_type": draw.choice(["company", "sole_trader"], size),
        }
    )


@pytest.mark.parametrize("policies", [150, pytest.param(2_000, marks=pytest.mark.slow)])
def test_no_policy_that_loads_lets_a_probability_harden_the_tone(policies: int) -> None:
    draw, calm = random.Random(11), random_cases(400)
    rise = np.random.default_rng(8).random(len(calm))
    alarmed = calm.assign(**{p: calm[p] + rise * (1 - calm[p]) for p in ("p_late", "p_late_30")})
    loaded = changed = 0
    for _ in range(policies):
        try:
            policy = Policy.read(random_policy(draw))
        except PolicyError:
            continue
        firmness = {code: action.firmness for code, action in policy.parts.actions.items()}
        first, second = (policy.decide(cases) for cases in (calm, alarmed))
        before, after = first["action"], second["action"]
        assert (after.map(firmness) <= before.map(firmness)).all()
        assert (first["segment"] == second["segment"]).all()
        if policy.parts.natural_persons:
            assert (before[calm["debtor_type"] == "sole_trader"].map(firmness) == 0).all()
        loaded, changed = loaded + 1, changed + int((after.map(firmness) < before.map(firmness)).any())
    assert loaded > 20
    assert changed > 0  # kinder for a higher probability is allowed, and happens
