"""How much cash might come in each week? Scenarios in which invoices are early or late together.

Each scenario draws how early or late the book, each customer and each invoice is, as normal scores that add up
to one with the correlations the model measured; an invoice's score picks the week of its distribution.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

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
class Copula:
    """Correlations of normal scores: of two customers, and of two invoices of one customer (no less)."""

    book: float
    customer: float
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


def ranges(claims: Claims, groupings: dict[str, Grouping], copula: Copula) -> dict[str, np.ndarray]:
    """LEVELS of each grouping's cash per week, of all weeks together, and later.

    One array per grouping of shape (groups, weeks + 2, levels), int64; the last two are all weeks and later.
    """
    order = np.lexsort((claims.invoice, claims.customer))
    weeks = claims.reached.shape[1]
    found = {name: np.zeros((of.groups, weeks + 2, len(LEVELS)), np.int64) for name, of in groupings.items()}
    last = {name: _last_places(of.group[order], of.groups) for name, of in groupings.items()}
    # A customer's cash is put away once its last piece is drawn: of a large book they would not fit together.
    drawn: dict[str, dict[int, np.ndarray]] = {name: {} for name in groupings}
    for end, part, week in _weeks_drawn(claims, order, copula):
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
    claims: Claims, order: np.ndarray, copula: Copula
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Some pieces at a time in order: how many are done then, which, and the week (from 0) of each per scenario."""
    draw = np.random.default_rng(copula.seed)
    book = draw.standard_normal((1, copula.scenarios))
    limits = ndtri(np.clip(claims.reached, 0.0, 1.0))
    step = max(CHUNK_CELLS // copula.scenarios, 1)
    own = np.zeros((0, copula.scenarios))
    customer, invoice, chance = -1, -1, own
    for begin in range(0, len(order), step):
        part = order[begin : begin + step]
        score = np.empty((len(part), copula.scenarios))
        for place, piece in enumerate(part.tolist()):
            if claims.customer[piece] != customer:
                customer, own = int(claims.customer[piece]), draw.standard_normal(copula.scenarios)
            if claims.invoice[piece] != invoice:
                invoice, chance = int(claims.invoice[piece]), draw.standard_normal(copula.scenarios)
            score[place] = (
                np.sqrt(copula.customer - copula.book) * own + np.sqrt(1 - copula.customer) * chance
            )
        score += np.sqrt(copula.book) * book
        week = np.zeros(score.shape, np.int16)
        for k in range(claims.reached.shape[1]):
            week += score > limits[part, k][:, None]
        yield begin + len(part), part, week


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
