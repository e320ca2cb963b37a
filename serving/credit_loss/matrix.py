"""Of what is open in an ageing band, which share will never come? The provision matrix, with ranges and evidence.

The simplified approach of IFRS 9 (5.5.15, with a provision matrix as in B5.5.35): lifetime expected credit loss of a
band = balance x loss rate. The rate is the product of roll rates along the steps of age that are left,

    r(j) = stayed open for one more step / (open at its start - credited within it)      of all looks at step j
    L(j) = r(j) x r(j+1) x … x r(j + n - 1)

where n steps of 30 days are what the policy follows up: money that has not come by then, counted from today or from
the due date if that is later, counts as lost. A product of rates over what had its time is the product-limit
estimate (Kaplan and Meier, 1958) in money: balances still young count in the steps they have reached, and in no
other, so nothing is held against them.

The range is that of the product by linearisation over customers (95 %), since one customer's invoices stand or fall
together; where nothing was ever lost, its upper end is 3 in so many customers (the rule of three).

Each step takes the rate of the segment in its currency where enough customers tell of it, else of the whole
currency, else of the whole book (each currency in units of its usual balance, since currencies are never added).
Ages of which only few customers of the book tell are looked at together, with earlier ones where they are too few;
where nobody tells, nothing is taken to come any more: the rate says that it is at most so high, its range begins at 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from serving.credit_loss.bands import BANDS, FIRST, STEPS, Band, path_of
from serving.credit_loss.rolls import Rolls
from serving.recovery import FEWEST_CUSTOMERS, SPREAD

Basis = Literal["segment", "currency", "book", "ages", "none"]
LEVELS: tuple[Basis, ...] = ("segment", "currency", "book", "ages")
NONE: Basis = "none"
RULE_OF_THREE = 3.0
"""Of n customers none lost anything: up to 3 in n may (95 %; Hanley and Lippman-Hand, 1983)."""


@dataclass(frozen=True)
class Rate:
    """The loss rate of one band, its range, and what stands behind it."""

    share: float
    low: float
    high: float
    is_at_most: bool
    """Whether the ledger does not tell of some step that is left: then nothing is taken to come in it."""
    basis: tuple[Basis, ...]
    """Where the rates of its steps come from, each once."""
    customers: int
    """Customers of whom a balance was looked at in the band."""
    looks: int
    """Balances looked at in the band, each once in 30 days."""


@dataclass(frozen=True)
class _Level:
    """One population: sums by customer and step."""

    at_risk: np.ndarray
    stayed: np.ndarray
    looks: np.ndarray
    """Shape (STEPS,)."""

    @property
    def customers(self) -> np.ndarray:
        """How many customers tell of each step."""
        return (self.at_risk > 0).sum(axis=0)


class Matrix:
    """Loss rates by segment, currency and band; each worked out when it is asked for."""

    def __init__(
        self, rolls: Rolls, segment: Sequence[str], follow_up_steps: int, enough_customers: int
    ) -> None:
        """`segment` names the segment of each account of `rolls`."""
        self.rolls, self.segment = rolls, np.array(segment, dtype=object)
        self.follow_up_steps, self.enough_customers = follow_up_steps, enough_customers
        self._rates: dict[tuple[str, str], tuple[Rate, ...]] = {}
        _, self._customer = np.unique(rolls.customer, return_inverse=True)
        self._book = self._level(np.ones(len(rolls.customer), bool), self._scale())
        self._ages = _pooled(self._book)

    def rates(self, currency: str, segment: str) -> tuple[Rate, ...]:
        """One rate per band of BANDS."""
        if (currency, segment) not in self._rates:
            self._rates[currency, segment] = self._worked_out(currency, segment)
        return self._rates[currency, segment]

    def _scale(self) -> np.ndarray:
        """What one look at a balance of each account's currency is worth: its usual amount."""
        scale = np.ones(len(self.rolls.customer))
        for currency in np.unique(self.rolls.currency):
            mine = self.rolls.currency == currency
            many = self.rolls.looks[mine].sum()
            scale[mine] = self.rolls.at_risk[mine].sum() / many if many else 1.0
        return scale

    def _level(self, mine: np.ndarray, scale: np.ndarray | None = None) -> _Level:
        by_customer = np.zeros((2, int(self._customer.max(initial=-1)) + 1, STEPS))
        for total, values in zip(by_customer, (self.rolls.at_risk, self.rolls.stayed), strict=True):
            np.add.at(
                total, self._customer[mine], values[mine] / (1.0 if scale is None else scale[mine, None])
            )
        return _Level(by_customer[0], by_customer[1], self.rolls.looks[mine].sum(axis=0))

    def _worked_out(self, currency: str, segment: str) -> tuple[Rate, ...]:
        in_currency = self.rolls.currency == currency
        levels = (
            self._level(in_currency & (self.segment == segment)),
            self._level(in_currency),
            self._book,
            self._ages,
        )
        wanted = (self.enough_customers, *[FEWEST_CUSTOMERS] * 3)
        tells = [level.customers >= many for level, many in zip(levels, wanted, strict=True)]
        which = np.select(tells, list(range(len(LEVELS))), len(LEVELS))
        at_risk, stayed = (
            np.select(
                [which == n for n in range(len(LEVELS))], [getattr(level, name) for level in levels], 0.0
            )
            for name in ("at_risk", "stayed")
        )
        weights = levels[1].at_risk.sum(axis=0)
        if not weights.any():
            weights = self._book.at_risk.sum(axis=0)
        return tuple(self._rate(band, levels[0], at_risk, stayed, which, weights) for band in BANDS)

    def _rate(
        self,
        band: Band,
        own: _Level,
        at_risk: np.ndarray,
        stayed: np.ndarray,
        which: np.ndarray,
        weights: np.ndarray,
    ) -> Rate:
        total = at_risk.sum(axis=0)
        rolled = np.where(total > 0, np.minimum(stayed.sum(axis=0) / np.maximum(total, 1e-300), 1.0), 1.0)
        steps = np.array(list(band.steps)) - FIRST
        shares = (
            weights[steps] / weights[steps].sum()
            if weights[steps].any()
            else np.full(len(steps), 1 / len(steps))
        )
        loss, slope, passed = 0.0, np.zeros(STEPS), np.zeros(STEPS, bool)
        for step, share in zip(band.steps, shares, strict=True):
            path = np.array(path_of(step, self.follow_up_steps)) - FIRST
            if share == 0 and len(steps) > 1:
                continue
            loss += float(share) * float(np.prod(rolled[path]))
            np.add.at(slope, path, share * _products_of_others(rolled[path]))
            passed[path] = True
        low, high = _range(loss, slope, passed, at_risk, stayed, rolled)
        seen = own.at_risk[:, steps]
        basis = tuple(dict.fromkeys((*LEVELS, NONE)[n] for n in which[passed]))
        is_at_most = bool((which[passed] == len(LEVELS)).any())
        return Rate(
            loss,
            0.0 if is_at_most else low,
            high,
            is_at_most,
            basis,
            int((seen > 0).any(axis=1).sum()),
            int(own.looks[steps].sum()),
        )


def _pooled(book: _Level) -> _Level:
    """The steps of which some customers of a book tell, yet too few, as one; past due and not yet due apart.

    Past due, earlier steps are taken in until there are enough. Where nobody tells of a step, nothing stands.
    """
    many = book.customers
    at_risk, stayed = np.zeros_like(book.at_risk), np.zeros_like(book.stayed)
    for is_due in (False, True):
        side = (np.arange(STEPS) + FIRST > 0) == is_due
        sparse = np.flatnonzero(side & (many > 0) & (many < FEWEST_CUSTOMERS))
        pool = sparse.tolist()
        while pool and is_due and pool[0] + FIRST > 1 and _customers_of(book, pool) < FEWEST_CUSTOMERS:
            pool.insert(0, pool[0] - 1)
        for total, values in ((at_risk, book.at_risk), (stayed, book.stayed)):
            total[:, sparse] = values[:, pool].sum(axis=1, keepdims=True)
    return _Level(at_risk, stayed, book.looks)


def _customers_of(book: _Level, steps: Sequence[int]) -> int:
    return int((book.at_risk[:, list(steps)] > 0).any(axis=1).sum())


def _products_of_others(rates: np.ndarray) -> np.ndarray:
    """Of each rate, the product of all the others; a rate of 0 needs no division."""
    before = np.append(1.0, np.cumprod(rates)[:-1])
    after = np.append(np.cumprod(rates[::-1])[:-1][::-1], 1.0)
    return before * after


def _range(
    loss: float,
    slope: np.ndarray,
    passed: np.ndarray,
    at_risk: np.ndarray,
    stayed: np.ndarray,
    rolled: np.ndarray,
) -> tuple[float, float]:
    """95 % of a product of ratios of sums over customers, by linearisation; see the module."""
    total = at_risk.sum(axis=0)
    moved = (stayed - rolled * at_risk) @ np.where(total > 0, slope / np.maximum(total, 1e-300), 0.0)
    customers = int((at_risk[:, passed] > 0).any(axis=1).sum())
    if customers < 2:
        return 0.0, 1.0
    spread = SPREAD * float(np.sqrt(customers / (customers - 1) * (moved**2).sum()))
    high = loss + spread if loss > 0 else RULE_OF_THREE / customers
    return float(max(0.0, loss - spread)), float(min(1.0, high))
