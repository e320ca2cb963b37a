"""What might be handed over or written down, what is missing before, and what does money of that age still bring in?

Only a queue to decide on: nothing is handed over or written down by itself, and no chance has a say in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from features.days import day_number
from features.history import History
from serving.accounts import money
from serving.credit_loss.provision import matrix_of, rate_of
from serving.lasting import once_each
from serving.policy.exits import ExitAdvice
from serving.recovery import RecoveryCurve, recovery_curve
from serving.worklist.items import scorers_of

if TYPE_CHECKING:
    from serving.live import LiveScorer
    from serving.scoring import Scorer

AMOUNTS = (
    "amount", "expected_amount", "cost", "write_down_amount", "write_down_low", "write_down_high",
)  # fmt: skip


@dataclass(frozen=True)
class Queue:
    """The invoices to decide on, those ready first, and the recovery curve of the ledger."""

    as_of: date
    advice: tuple[ExitAdvice, ...]
    curve: RecoveryCurve
    cost_share: float
    who: str
    conditions: Mapping[str, str]
    """Under which facts the policy looks at an invoice at all."""
    policy_version: str

    @property
    def ready(self) -> int:
        """How many may be decided on now."""
        return sum(each.is_prepared for each in self.advice)

    def as_dict(self) -> dict[str, Any]:
        """As plain data; money as decimal text."""
        return {
            "as_of": self.as_of,
            "sentence": self.sentence,
            "who": self.who,
            "items": [_plain(each) for each in self.advice],
            "recovery": {
                "follow_up_days": self.curve.follow_up_days,
                "cost_share": self.cost_share,
                "bands": self.bands(),
            },
            "conditions": dict(self.conditions),
            "policy_version": self.policy_version,
        }

    def bands(self) -> list[dict[str, Any]]:
        """The curve by age: which share came in, its range, and what a specialist would keep of the whole."""
        return [
            vars(band) | {"cost": None if band.share is None else round(band.share * self.cost_share, 4)}
            for band in self.curve.bands
        ]

    @property
    def sentence(self) -> str:
        """What a credit manager would say."""
        if not self.advice:
            return "Nothing is to be decided: no open invoice meets the conditions of the policy."
        many = "1 invoice is" if len(self.advice) == 1 else f"{len(self.advice):,} invoices are"
        return (
            f"{many} to be decided on, {self.ready:,} of them ready. Nothing happens by itself: "
            f"the {self.who.replace('_', ' ')} decides each one."
        )


def _plain(advice: ExitAdvice) -> dict[str, Any]:
    plain: dict[str, Any] = {name: getattr(advice, name) for name in advice.__dataclass_fields__}
    amounts = {name: money(plain[name], advice.currency) for name in AMOUNTS}
    return plain | amounts | {"done": list(advice.done), "missing": list(advice.missing)}


def exit_queue(scorer: Scorer | LiveScorer) -> Queue:
    """The queue of a scorer's day; ValueError where the policy has no section `exits`."""
    whole, *parts = scorers_of(scorer)
    policy, day = whole.policy, scorer.as_of
    rules = policy.parts.exits
    curve = _curve_of(whole)
    changed: frozenset[str] = getattr(scorer, "changed", frozenset())
    advice = [each for each in _advice_of(whole) if each.customer_id not in changed]
    advice += [each for part in parts for each in _advised(part, whole) if each.customer_id in changed]
    assert rules is not None  # else the policy has said so
    ordered = sorted(advice, key=lambda each: (not each.is_prepared, -each.amount, each.invoice_id))
    said = {rule.outcome: rule.when.text for rule in (rules.hand_over, rules.write_down) if rule.when}
    return Queue(day, tuple(ordered), curve, rules.cost_share, rules.who, said, policy.version)


@once_each
def _advice_of(whole: Scorer) -> list[ExitAdvice]:
    """What is said of a whole book as it was loaded: a write at the desk changes it for few customers."""
    return list(_advised(whole, whole))


def _advised(answers: Scorer, whole: Scorer) -> Iterator[ExitAdvice]:
    """What to consider for the open invoices of a book, with what is to be written down."""
    day = whole.as_of
    for each in whole.policy.exits(_open_cases(answers, day), _curve_of(whole)):
        yield _with_amount(each, answers, whole, day) if each.consider == "write_down" else each


def _with_amount(advice: ExitAdvice, answers: Scorer, whole: Scorer, day: date) -> ExitAdvice:
    """The advice with what is to be written down: the expected loss of its ageing band, as the provision has it."""
    rules, row = whole.policy.parts.credit_loss, answers.facts.position(advice.invoice_id)
    rate = rate_of(answers.facts, matrix_of(whole.facts, day, rules), rules, day, row)
    shares = [min(1.0, share * rules.outlook) for share in (rate.share, rate.low, rate.high)]
    amount, low, high = (round(advice.amount * share, 2) for share in shares)
    part, least, most = (f"{share:.0%}" for share in shares)
    says = f"{advice.says} Of its ageing band {part} is expected never to come ({least} to {most})"
    says += ", at most: nobody in the ledger has been older yet." if rate.is_at_most else "."
    return replace(advice, says=says, write_down_amount=amount, write_down_low=low, write_down_high=high)


def _open_cases(scorer: Scorer, day: date) -> dict[str, Any]:
    """The facts of what is open now; chances have no say in an exit, so none is worked out."""
    rows = scorer.history.open_on(day_number(day))
    rows = rows[scorer.facts.is_open(rows, day_number(day) + 1)]
    return scorer.facts.cases(rows, day, scorer.desk_facts) | {"p_late": np.zeros(len(rows))}


def _curve_of(whole: Scorer) -> RecoveryCurve:
    rules = whole.policy.parts.exits
    return _curve(whole.history, whole.as_of, rules.follow_up_days if rules else 0)


@lru_cache(2)
def _curve(history: History, day: date, follow_up_days: int) -> RecoveryCurve:
    return recovery_curve(history, day, follow_up_days)
