"""How much cash might come in each week? Scenarios in which invoices are early or late together.

Every invoice has a hazard in each week: the chance that its money comes, if it has not come before. Each scenario
draws factors on these hazards that the whole book, and all invoices of a customer, have in common, for a week and
for good; how uneven they are the model has measured. Then chance decides for each invoice.

Factors are gamma distributed with mean 1, so it is known what hazard gives the expected share on average
(Laplace): with variance v, a hazard h becomes (exp(v h) - 1) / v.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from training.model.cash import Unevenness, weekly_hazards

LEVELS = (0.1, 0.5, 0.9)
CHUNK_CELLS = 500_000
"""Scenarios times pieces worked on at once."""


@dataclass(frozen=True)
class Claims:
    """Pieces of open invoices, each paid at once in some week or later."""

    customer: np.ndarray
    """Number of each piece's customer, int64, shape (n,)."""
    invoice: np.ndarray
    """Number of its invoice: pieces of one invoice share their fortune."""
    reached: np.ndarray
    """P(paid by the end of each week), shape (n, weeks)."""


@dataclass(frozen=True)
class Grouping:
    """Amounts of the pieces and the group that each counts for."""

    group: np.ndarray
    amount: np.ndarray
    """Minor units, int64."""
    groups: int
    """How many groups there are, also those without a piece."""


@dataclass(frozen=True)
class Futures:
    """What scenarios are drawn from."""

    unevenness: Unevenness
    scenarios: int = 1000
    seed: int = 1


def expected(grouping: Grouping, reached: np.ndarray) -> np.ndarray:
    """Expected minor units of each group per week, and later in the last column; shape (groups, weeks + 1).

    Each piece is cut into whole minor units that add up to it, so groups, weeks and totals agree to the last one.
    """
    cash = np.zeros((grouping.groups, reached.shape[1] + 1), np.int64)
    np.add.at(cash, grouping.group, whole_units(grouping.amount, reached))
    return cash


def whole_units(amount: np.ndarray, reached: np.ndarray) -> np.ndarray:
    """Amounts spread over weeks and later in whole units, by rounding what has come so far; (n, weeks + 1)."""
    so_far = np.rint(amount[:, None] * reached).astype(np.int64)
    return np.diff(
        np.concatenate([np.zeros((len(amount), 1), np.int64), so_far, amount[:, None]], axis=1), axis=1
    )


def ranges(claims: Claims, groupings: dict[str, Grouping], futures: Futures) -> dict[str, np.ndarray]:
    """LEVELS of each grouping's cash per week, of all weeks together, and later.

    One array per grouping of shape (groups, weeks + 2, levels), int64; the last two are all weeks and later.
    """
    order = np.lexsort((claims.invoice, claims.customer))
    weeks = claims.reached.shape[1]
    found = {name: np.zeros((of.groups, weeks + 2, len(LEVELS)), np.int64) for name, of in groupings.items()}
    last = {name: _last_places(of.group[order], of.groups) for name, of in groupings.items()}
    # A customer's cash is put away once its last piece is drawn: of a large book they would not fit together.
    drawn: dict[str, dict[int, np.ndarray]] = {name: {} for name in groupings}
    for end, part, week in _weeks_drawn(claims, order, futures):
        for name, of in groupings.items():
            for group, cash in _cash_of(of.group[part], of.amount[part], week, weeks):
                drawn[name][group] = drawn[name].get(group, 0) + cash
            for group in [group for group in drawn[name] if last[name][group] < end]:
                found[name][group] = _levels(drawn[name].pop(group))
    return found


def _last_places(group: np.ndarray, groups: int) -> np.ndarray:
    """Where each group stands for the last time, -1 where nowhere."""
    last = np.full(groups, -1)
    last[group] = np.arange(len(group))
    return last


def _weeks_drawn(
    claims: Claims, order: np.ndarray, futures: Futures
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Some pieces at a time in order: how many are done then, which, and the week (from 0) of each per scenario."""
    draw = np.random.default_rng(futures.seed)
    weeks, size, uneven = claims.reached.shape[1], futures.scenarios, futures.unevenness
    book = _factors(draw, uneven.book_week, uneven.book, weeks, size)
    has_others = _has_others(claims)
    hazard = conditional_hazards(claims.reached, has_others, uneven)
    step = max(CHUNK_CELLS // size, 1)
    factor, chance = book, np.zeros(size)
    customer, invoice = -1, -1
    for begin in range(0, len(order), step):
        part = order[begin : begin + step]
        week = np.empty((len(part), size), np.int16)
        for place, piece in enumerate(part.tolist()):
            if claims.customer[piece] != customer:
                customer, factor = int(claims.customer[piece]), book
                if has_others[piece]:
                    factor = book * _factors(draw, uneven.customer_week, uneven.customer, weeks, size)
            if claims.invoice[piece] != invoice:
                invoice, chance = int(claims.invoice[piece]), draw.standard_exponential(size)
            week[place] = (chance > np.cumsum(hazard[piece][:, None] * factor, axis=0)).sum(axis=0)
        yield begin + len(part), part, week


def _has_others(claims: Claims) -> np.ndarray:
    """Whether a piece's customer has another invoice: alone, a factor of its own would change nothing."""
    pairs = np.unique(np.stack([claims.customer, claims.invoice]), axis=1)[0]
    among, invoices = np.unique(pairs, return_counts=True)
    return np.asarray(invoices[np.searchsorted(among, claims.customer)] > 1)


def _factors(draw: np.random.Generator, in_week: float, for_good: float, weeks: int, size: int) -> np.ndarray:
    """Factors with mean 1 of a group in each week of each scenario, shape (weeks, scenarios)."""
    found = np.ones((weeks, size))
    for variance, rows in ((for_good, 1), (in_week, weeks)):
        if variance > 0:
            found *= draw.standard_gamma(1 / variance, (rows, size)) * variance
    return found


def conditional_hazards(reached: np.ndarray, has_others: np.ndarray, uneven: Unevenness) -> np.ndarray:
    """Hazards that give what is reached on average over the factors, shape (n, weeks)."""
    own = has_others[:, None].astype(np.float64)
    for_good = (1 + uneven.book) * (1 + own * uneven.customer) - 1
    in_week = (1 + uneven.book_week) * (1 + own * uneven.customer_week) - 1
    so_far = _undone(np.cumsum(weekly_hazards(reached), axis=1), for_good)
    return _undone(np.diff(so_far, axis=1, prepend=0.0), in_week)


def _undone(hazard: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """The hazard that a gamma factor of mean 1 and this variance turns into the given one on average."""
    return np.where(variance > 0, np.expm1(hazard * variance) / np.where(variance > 0, variance, 1.0), hazard)


def _cash_of(
    group: np.ndarray, amount: np.ndarray, week: np.ndarray, weeks: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Cash of every group among some pieces per scenario, week and later, shape (scenarios, weeks + 1).

    Whole amounts below 2^53 are exact as floats.
    """
    scenarios = week.shape[1]
    present, code = np.unique(group, return_inverse=True)
    cell = (code[:, None] * scenarios + np.arange(scenarios)) * (weeks + 1) + week
    money = np.repeat(amount, scenarios).astype(np.float64)
    counted = np.bincount(cell.ravel(), money, len(present) * scenarios * (weeks + 1))
    cash = np.rint(counted).astype(np.int64).reshape(len(present), scenarios, weeks + 1)
    return zip(present.tolist(), cash, strict=True)


def _levels(cash: np.ndarray) -> np.ndarray:
    """LEVELS over the scenarios of cash of shape (scenarios, weeks + 1): per week, of all weeks, and later."""
    together = np.concatenate([cash[:, :-1], cash[:, :-1].sum(axis=1, keepdims=True), cash[:, -1:]], axis=1)
    return np.quantile(together, LEVELS, axis=0, method="inverted_cdf").T.astype(np.int64)
