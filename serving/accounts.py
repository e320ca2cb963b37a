"""What is there to say of an account as a whole: its tier, its review, what the review might come to, its credit?

Every known customer is an account, whether anything is open or not. All of it is a recommendation; a person decides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from features.days import day_number
from features.ledger import minor_digits, written_amount
from serving.account_facts import AccountFacts
from serving.facts import Facts
from serving.policy.credit import CreditDecision
from serving.policy.reviews import ReviewDue, ReviewOutcome, coverage
from serving.tiers import Tier, Tiers
from serving.worklist.items import scorers_of

if TYPE_CHECKING:
    from serving.live import LiveScorer
    from serving.scoring import Scorer

MONEY = ("exposure", "credit_limit", "overdue_open", "purchases_365")
COUNTS = ("oldest_overdue_days", "settled_count", "contacts_365", "broken_promises_365", "customer_age_days")
SHARES = ("utilisation", "late_share")
FIGURES = (*MONEY, *COUNTS, *SHARES)
"""What of the facts behind the recommendations is shown with them."""


@dataclass(frozen=True)
class Account:
    """One customer as a whole, on a day."""

    customer_id: str
    name: str
    tier: Tier
    review: ReviewDue
    outcome: ReviewOutcome
    credit: CreditDecision
    figures: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """As plain data; money as decimal text."""
        outcome, currency = self.outcome, self.credit.currency
        review = {
            "last_reviewed_on": self.review.last_reviewed_on,
            "due_on": self.review.due_on,
            "is_due": self.review.is_due,
            "recommended": outcome.outcome,
            "rule": outcome.rule,
            "because": outcome.because,
            "contacts_365": outcome.contacts_365,
            "cost_to_collect": money(outcome.cost_to_collect, currency),
            "cost_share": outcome.cost_share,
            "margin": outcome.margin,
            "margin_percent": outcome.margin_percent,
            "margin_365": money(outcome.margin_365, currency),
            "margin_after_cost": money(outcome.margin_after_cost, currency),
            "cost_of_margin": outcome.cost_of_margin,
            "who": outcome.who,
        }
        return {
            "customer_id": self.customer_id,
            "name": self.name,
            "currency": currency,
            "tier": vars(self.tier),
            "figures": dict(self.figures),
            "review": review,
            "credit": credit_as_dict(self.credit),
        }

    def row(self) -> dict[str, Any]:
        """As one row of a spreadsheet."""
        told, credit = self.as_dict(), self.credit
        review = told["review"]
        return {
            "customer_id": self.customer_id,
            "name": self.name,
            "tier": self.tier.tier,
            "tier_since": self.tier.since.isoformat(),
            "last_reviewed_on": _text(review["last_reviewed_on"]),
            "review_due_on": _text(review["due_on"]),
            "is_review_due": review["is_due"],
            "review_outcome": review["recommended"],
            "review_because": review["because"],
            "cost_to_collect": review["cost_to_collect"],
            "margin_percent": review["margin_percent"],
            "margin_after_cost": review["margin_after_cost"],
            "currency": told["currency"],
            **told["figures"],
            "credit_decision": credit.decision,
            "recommended_limit": told["credit"]["limit"],
            "recommended_terms_days": credit.terms_days,
            "prepayment_share": credit.prepayment_share,
            "credit_because": credit.because,
            "reasons": "; ".join(each.sentence for each in credit.reasons),
            "notes": "; ".join(credit.notes),
            "person_decides": credit.person_decides,
        }


def credit_as_dict(credit: CreditDecision) -> dict[str, Any]:
    """A credit recommendation as plain data; its limit as decimal text."""
    return credit.as_dict() | {"limit": money(credit.limit, credit.currency)}


def money(value: float | None, currency: str) -> str | None:
    """An amount in units of its currency as decimal text; None where it is not known."""
    if value is None or not np.isfinite(value):
        return None
    return written_amount(round(value * 10 ** minor_digits(currency)), currency)


def _text(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def accounts_of(
    scorer: Scorer | LiveScorer,
    tiers: Tiers | None,
    last_reviewed: Mapping[str, date],
    customer_ids: Collection[str] | None = None,
) -> list[Account]:
    """Some accounts, or all that are known: those due for a review first, the longest overdue at the top.

    KeyError names an unknown customer; ValueError where the policy lacks a section that this takes.
    """
    policy, day = scorers_of(scorer)[0].policy, scorer.as_of
    facts = account_columns_of(scorer, known_customers(scorer) if customer_ids is None else customer_ids)
    ids = facts["customer_id"].tolist()
    tier_of = {each: tiers.of(each) if tiers else None for each in ids}
    by_tier = {each: tier.tier if tier else policy.tiers[0] for each, tier in tier_of.items()}
    due = policy.reviews_due(by_tier, last_reviewed, day)
    outcomes = {each.customer_id: each for each in policy.review_outcomes(facts, by_tier)}
    credit = {each.customer_id: each for each in policy.credit_decisions(facts)}
    place = {each: n for n, each in enumerate(ids)}
    names = _names(scorer, ids)
    return [
        Account(
            each.customer_id,
            names[each.customer_id],
            tier_of[each.customer_id] or Tier(each.tier, day, "", ""),
            each,
            outcomes[each.customer_id],
            credit[each.customer_id],
            _figures(facts, place[each.customer_id]),
        )
        for each in due
    ]


def known_customers(scorer: Scorer | LiveScorer) -> list[str]:
    """Every customer of whom anything is known at the end of the day, by number."""
    today = day_number(scorer.as_of) + 1
    known: dict[str, bool] = {}
    for each in scorers_of(scorer):
        names = each.history.customers.tolist()
        known |= dict(zip(names, (each.facts.customers_known_on < today).tolist(), strict=True))
    return sorted(name for name, is_known in known.items() if is_known)


def account_columns_of(scorer: Scorer | LiveScorer, customer_ids: Collection[str]) -> dict[str, np.ndarray]:
    """The facts that account rules look at, of some customers; KeyError names an unknown one."""
    whole, *parts = scorers_of(scorer)
    changed: frozenset[str] = getattr(scorer, "changed", frozenset())
    found = []
    for answers in (whole, *parts):
        ids = [each for each in customer_ids if (each in changed) == (answers is not whole)]
        if ids or answers is whole:
            facts = _account_facts(answers.facts)
            found.append(facts.accounts(ids, scorer.as_of, answers.desk_facts))
    return {name: np.concatenate([each[name] for each in found]) for name in found[0]}


@lru_cache(2)
def _account_facts(facts: Facts) -> AccountFacts:
    """What is sorted once for a book serves every question about it."""
    return AccountFacts(facts)


def _names(scorer: Scorer | LiveScorer, ids: Sequence[str]) -> dict[str, str]:
    names = dict.fromkeys(ids, "")
    today = day_number(scorer.as_of) + 1
    for each in scorers_of(scorer):
        codes = each.history.customer_codes(pd.Series(list(ids), dtype="str"))
        known = [name for name, code in zip(ids, codes.tolist(), strict=True) if code >= 0]
        named = each.facts.master(codes[codes >= 0], today)["name"].tolist()
        names |= dict(zip(known, named, strict=True))
    return names


def _figures(facts: Mapping[str, np.ndarray], place: int) -> dict[str, Any]:
    currency = str(facts["currency"][place])
    values = {name: float(facts[name][place]) for name in FIGURES}
    told: dict[str, Any] = {name: money(values[name], currency) for name in MONEY}
    told |= {name: int(values[name]) if np.isfinite(values[name]) else None for name in COUNTS}
    return told | {name: round(values[name], 4) if np.isfinite(values[name]) else None for name in SHARES}


def verdict(accounts: Sequence[Account], tiers: Iterable[str]) -> str:
    """What a credit manager would say of all accounts together."""
    if not accounts:
        return "No account is known yet."
    reviews = [each.review for each in accounts]
    due, share = sum(each.is_due for each in reviews), coverage(reviews)
    by_tier = ", ".join(f"{sum(a.tier.tier == tier for a in accounts):,} {tier}" for tier in tiers)
    outcomes = ", ".join(
        f"{sum(a.outcome.outcome == outcome for a in accounts):,} {outcome}"
        for outcome in ("keep", "restrict", "exit")
    )
    return (
        f"{len(accounts):,} accounts ({by_tier}): {due:,} are due for a review, {share:.0%} are within their "
        f"cycle. A review might come to: {outcomes}."
    )
