"""What is to be set aside for what will never come, by currency, segment and ageing band, as of a day?

Everything as known before the day. Of each invoice the part that nobody disputes is multiplied by the loss rate of
its band (serving/credit_loss/matrix.py); what is disputed stands apart, since a dispute is about what is owed and not
about whether it can be paid. Cash on account that is matched to no invoice is not taken off.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from features.days import day_number
from features.events import WHOLE_INVOICE
from features.ledger import written_amount
from serving.credit_loss.bands import BANDS, STEP_DAYS, band_of
from serving.credit_loss.matrix import Matrix, Rate
from serving.credit_loss.rolls import rolls
from serving.facts import Facts
from serving.kpis.books import UNKNOWN
from serving.policy.losses import CreditLoss
from serving.sorted_rows import among
from serving.worklist.items import scorers_of

if TYPE_CHECKING:
    from serving.live import LiveScorer
    from serving.policy import Policy
    from serving.scoring import Scorer


@dataclass(frozen=True)
class Line:
    """One band of one segment in one currency; amounts in minor units."""

    currency: str
    segment: str
    band: str
    invoices: int
    open: int
    """Without what is disputed."""
    disputed: int
    rate: Rate
    outlook: float
    unknown_amounts: int
    """Open invoices whose amount nobody knows: they are in no sum."""

    def loss(self, share: float) -> int:
        """Minor units lost of what is open, at a loss rate and the policy's outlook."""
        return round(self.open * min(1.0, share * self.outlook))

    def as_dict(self) -> dict[str, Any]:
        """As plain data; money as decimal text."""
        rate = self.rate
        amounts = {
            "open": self.open,
            "expected_loss": self.loss(rate.share),
            "loss_low": self.loss(rate.low),
            "loss_high": self.loss(rate.high),
            "disputed": self.disputed,
        }
        return {
            "currency": self.currency,
            "segment": self.segment,
            "band": self.band,
            "invoices": self.invoices,
            **{name: written_amount(value, self.currency) for name, value in amounts.items()},
            "loss_rate": round(rate.share, 6),
            "rate_low": round(rate.low, 6),
            "rate_high": round(rate.high, 6),
            "is_at_most": rate.is_at_most,
            "basis": list(rate.basis),
            "customers_behind": rate.customers,
            "balances_behind": rate.looks,
            "unknown_amounts": self.unknown_amounts,
        }


@dataclass(frozen=True)
class Provision:
    """The whole provision of a day."""

    as_of: date
    rules: CreditLoss
    lines: tuple[Line, ...]
    policy_version: str

    def totals(self) -> list[dict[str, Any]]:
        """By currency: open, expected loss with its range (the bands' ranges added up), and disputed."""
        told = []
        for currency in dict.fromkeys(line.currency for line in self.lines):
            mine = [line for line in self.lines if line.currency == currency]
            amounts = {
                "open": sum(line.open for line in mine),
                "expected_loss": sum(line.loss(line.rate.share) for line in mine),
                "loss_low": sum(line.loss(line.rate.low) for line in mine),
                "loss_high": sum(line.loss(line.rate.high) for line in mine),
                "disputed": sum(line.disputed for line in mine),
            }
            told.append(
                {"currency": currency}
                | {name: written_amount(value, currency) for name, value in amounts.items()}
                | {"is_at_most": any(line.rate.is_at_most and line.open for line in mine)}
            )
        return told

    @property
    def sentence(self) -> str:
        """What a credit manager would say."""
        if not self.lines:
            return f"Nothing is open at the start of {self.as_of}, so nothing is to be set aside."
        parts = [
            f"{each['expected_loss']} of {each['open']} {each['currency']} "
            f"({each['loss_low']} to {each['loss_high']})"
            for each in self.totals()
        ]
        most = " at most" if any(each["is_at_most"] for each in self.totals()) else ""
        return f"Expected never to come:{most} {'; '.join(parts)}. What is disputed stands apart."

    def as_dict(self) -> dict[str, Any]:
        """As plain data; money as decimal text."""
        rules = self.rules
        return {
            "as_of": self.as_of,
            "sentence": self.sentence,
            "totals": self.totals(),
            "lines": [line.as_dict() for line in self.lines],
            "segments_by": rules.segments,
            "follow_up_days": rules.follow_up_days,
            "enough_customers": rules.enough_customers,
            "outlook": rules.outlook,
            "outlook_because": rules.outlook_because,
            "policy_version": self.policy_version,
        }

    def rows(self) -> list[dict[str, Any]]:
        """One row per line, for a spreadsheet."""
        head = {"as_of": self.as_of.isoformat()}
        return [head | line.as_dict() | {"basis": " ".join(line.rate.basis)} for line in self.lines]


def provision_now(scorer: Scorer | LiveScorer) -> Provision:
    """The provision at the start of a scorer's day; what the desk learned of it since counts from tomorrow on."""
    whole, *parts = scorers_of(scorer)
    changed: frozenset[str] = getattr(scorer, "changed", frozenset())
    return provision(whole.facts, scorer.as_of, whole.policy, [each.facts for each in parts], changed)


def provision(
    facts: Facts,
    day: date,
    policy: Policy,
    parts: Sequence[Facts] = (),
    changed: Collection[str] = (),
) -> Provision:
    """The provision of a book at the start of a day; `parts` answer for the customers that `changed`."""
    rules = policy.parts.credit_loss
    matrix = matrix_of(facts, day, rules)
    sums: dict[tuple[str, str, int], np.ndarray] = {}
    for answers in (facts, *parts):
        made = _balances_of_book(facts, day, rules) if answers is facts else _balances(answers, day, rules)
        for place, values in _summed(made, changed, answers is not facts):
            sums[place] = sums.get(place, np.zeros(4, np.int64)) + values
    lines = [
        Line(
            currency,
            segment,
            BANDS[band].name,
            int(values[0]),
            int(values[1]),
            int(values[2]),
            matrix.rates(currency, segment)[band],
            rules.outlook,
            int(values[3]),
        )
        for (currency, segment, band), values in sorted(sums.items())
    ]
    return Provision(day, rules, tuple(lines), policy.version)


@lru_cache(2)
def matrix_of(facts: Facts, day: date, rules: CreditLoss) -> Matrix:
    """The loss rates of a book as known before a day."""
    made = rolls(facts, day)
    segments = segments_of(facts, made.customer, day, rules)
    return Matrix(made, segments.tolist(), rules.follow_up_days // STEP_DAYS, rules.enough_customers)


def rate_of(facts: Facts, matrix: Matrix, rules: CreditLoss, day: date, row: int) -> Rate:
    """The loss rate of one invoice of a book, by its position."""
    own = facts.history.invoices
    segment = segments_of(facts, own["customer"][[row]], day, rules)[0]
    band = band_of(day_number(day) - own["due_on"][[row]])[0]
    return matrix.rates(str(facts.named["currency"][row]), str(segment))[band]


def segments_of(facts: Facts, customers: np.ndarray, day: date, rules: CreditLoss) -> np.ndarray:
    """The segment of each customer, as the master data known before a day say."""
    if rules.segments == "none":
        return np.full(len(customers), "all", dtype=object)
    found = facts.master(customers, day_number(day))[rules.segments].to_numpy(dtype=object)
    return np.where(found == "", UNKNOWN, found)


@dataclass(frozen=True)
class _Balances:
    """The open invoices of a book at the start of a day."""

    customer: np.ndarray
    places: list[np.ndarray]
    """Currency, segment and band of each."""
    values: np.ndarray
    """One, minor units undisputed and disputed, and whether the amount is unknown; shape (invoices, 4)."""


@lru_cache(2)
def _balances_of_book(facts: Facts, day: date, rules: CreditLoss) -> _Balances:
    """Kept for a whole book: a write at the desk changes those of few customers, which their part tells."""
    return _balances(facts, day, rules)


def _balances(facts: Facts, day: date, rules: CreditLoss) -> _Balances:
    today = day_number(day)
    rows = facts.history.open_on(today)
    at = np.full(len(rows), today)
    is_known = facts.amount_known(rows)
    owed = np.where(is_known, facts.amount_open(rows, at), 0)
    disputed = _disputed(facts, rows, at, owed)
    segments = segments_of(facts, facts.history.invoices["customer"][rows], day, rules).astype(str)
    bands = band_of(today - facts.history.invoices["due_on"][rows])
    places = [facts.named["currency"][rows], segments, bands]
    values = np.stack([np.ones_like(owed), owed - disputed, disputed, ~is_known], axis=1).astype(np.int64)
    return _Balances(facts.named["customer_id"][rows], places, values)


def _summed(
    made: _Balances, changed: Collection[str], is_part: bool
) -> Iterable[tuple[tuple[str, str, int], np.ndarray]]:
    """By currency, segment and band: invoices, minor units undisputed and disputed, invoices of unknown amount."""
    mine = among(made.customer, changed) == is_part
    places = [each[mine] for each in made.places]
    summed = pd.DataFrame(made.values[mine]).groupby(places, sort=False).sum()
    for (currency, segment, band), row in zip(summed.index.tolist(), summed.to_numpy(), strict=True):
        yield (str(currency), str(segment), int(band)), row


def _disputed(facts: Facts, rows: np.ndarray, at: np.ndarray, owed: np.ndarray) -> np.ndarray:
    """Minor units of each balance that an open dispute is about: all of it where no part is named."""
    own = facts.history.past(rows, at).of("invoice")
    is_disputed = own.disputes.count() > own.disputes_closed.count()
    part = own.disputes.sum("amount") - own.disputes_closed.sum("amount")
    whole = (part <= 0) | (part >= WHOLE_INVOICE)
    return np.where(is_disputed, np.where(whole, owed, np.minimum(part, owed)), 0).astype(np.int64)
