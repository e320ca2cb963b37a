"""At which pace does money come, against what distributions say, and how unevenly? From what models had not seen.

Past questions are asked again, by what models of other blocks of time said of them. Each week in which money of
an invoice was still open, and of which all is known, says how much of it came. The share of the balance that was
open at the start of a week is at risk in it, whatever was expected before: so weeks are compared one by one, and
a question counts for as many of its weeks as are known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from features.days import day_numbers
from features.history import History
from training.model.cash import (
    BANDS,
    STAGES,
    WEEK,
    CashLaw,
    Unevenness,
    bands_of,
    stage_of,
    weekly_hazards,
)

WEEKS = 13
FAR_FROM = 8
"""Weeks ahead after which distributions are corrected by the week too."""
MOST_PACE = 3.0
PRIOR_PAYMENTS = 5.0
PRIOR_GROUPS = 50.0
LEAST_AT_RISK = 1e-6


@dataclass(frozen=True)
class Asked:
    """Past questions and what was expected of them."""

    rows: np.ndarray
    as_of: np.ndarray
    settled: np.ndarray
    """P(settled by the end of each of WEEKS weeks), shape (n, WEEKS)."""


@dataclass(frozen=True)
class Came:
    """Per question and week: what was at risk, what came, and whether that is known; shape (n, WEEKS)."""

    balance: np.ndarray
    """Open money of each question against the mean of its unit, shape (n,)."""
    at_risk: np.ndarray
    """Share of it that was still to come at the start of the week."""
    share: np.ndarray
    """Share of it that came in the week."""
    is_known: np.ndarray


def came(history: History, asked: Asked, known_until: int, reach: int) -> Came:
    """What came on invoices after they were asked about, as known before day `reach`.

    Weeks that end after `known_until` are not known yet: payments are booked some days after they are made.
    """
    rows, as_of = asked.rows, asked.as_of
    balance = _balances(history, rows, as_of)
    invoice, paid_on, known_on, amount = _payments(history, reach)
    first, last = np.searchsorted(invoice, rows, side="left"), np.searchsorted(invoice, rows, side="right")
    question = np.repeat(np.arange(len(rows)), last - first)
    nth = np.arange(len(question)) - np.repeat(np.cumsum(last - first) - (last - first), last - first)
    place = first[question] + nth
    week = np.maximum(paid_on[place] - as_of[question], 0) // WEEK
    counts = (known_on[place] >= as_of[question]) & (week < WEEKS)
    cell = question[counts] * WEEKS + week[counts]
    money = np.bincount(cell, amount[place[counts]], len(rows) * WEEKS).reshape(len(rows), WEEKS)
    so_far = np.clip(np.cumsum(money, axis=1) / np.maximum(balance, 1)[:, None], 0.0, 1.0)
    share = np.diff(so_far, axis=1, prepend=0.0)
    ends = as_of[:, None] + WEEK * np.arange(1, WEEKS + 1)
    is_known = (ends <= known_until) & (balance > 0)[:, None]
    unit = history.invoices["unit"][rows]
    usual = np.bincount(unit, balance) / np.maximum(np.bincount(unit, balance > 0), 1)
    return Came(balance / np.maximum(usual[unit], 1e-9), 1.0 - so_far + share, share, is_known)


def _balances(history: History, rows: np.ndarray, as_of: np.ndarray) -> np.ndarray:
    """What was open of each invoice at the start of its as-of day, minor units; all of it before it was seen."""
    steps = history.steps
    at = np.searchsorted((steps.invoice << 32) | steps.day, (rows << 32) | as_of, side="left") - 1
    is_seen = (at >= 0) & (steps.invoice[np.maximum(at, 0)] == rows)
    return np.where(is_seen, steps.balance[np.maximum(at, 0)], history.invoices["amount"][rows])


def _payments(history: History, reach: int) -> tuple[np.ndarray, ...]:
    """Invoice, day, day known and amount in the unit of the book of payments known before `reach`, by invoice."""
    table, own = history.tables["payments"], history.invoices
    invoice, known_on = history.positions_of(table["invoice_id"]), day_numbers(table["known_on"])
    at = np.flatnonzero((invoice >= 0) & (known_on < reach))
    at = at[np.argsort(invoice[at], kind="stable")]
    invoice = invoice[at]
    rate = own["amount"][invoice] / np.maximum(own["amount_in_own_currency"][invoice], 1)
    amount = table["amount"].to_numpy(np.int64)[at] * rate
    return invoice, day_numbers(table["paid_on"])[at], known_on[at], amount


def fit_cash(history: History, asked: Asked, found: Came, day: int, half_life_days: float) -> CashLaw:
    """The pace of every band and stage, then of the weeks far ahead, and the unevenness that is left.

    A question asked `half_life_days` before day number `day` counts half in the paces.
    """
    late_by = asked.as_of - history.invoices["lateness_from"][asked.rows]
    weight = found.balance * 0.5 ** ((day - asked.as_of) / half_life_days)
    hazard = weekly_hazards(asked.settled)
    band = bands_of(late_by, WEEKS)
    kind = np.where(band > 0, stage_of(late_by)[:, None] * len(BANDS) + band, 0)
    paces = _paces(asked.rows, kind, hazard, found, weight, len(STAGES) * len(BANDS))
    of_stage = (tuple(part.tolist()) for part in paces.reshape(len(STAGES), -1))
    law = CashLaw(dict(zip(STAGES, of_stage, strict=True)))
    hazard = law.hazards(hazard, late_by)
    far = np.maximum(np.arange(WEEKS) - FAR_FROM + 1, 0)
    ahead = _paces(asked.rows, np.tile(far, (len(late_by), 1)), hazard, found, weight, WEEKS - FAR_FROM)
    law = replace(law, ahead=(*([1.0] * FAR_FROM), *ahead.tolist()))
    hazard = hazard * np.array(law.ahead)
    customer = history.invoices["customer"]
    return replace(law, unevenness=unevenness(hazard, found, asked.rows, customer, asked.as_of))


def _paces(
    rows: np.ndarray, kind: np.ndarray, hazard: np.ndarray, found: Came, weight: np.ndarray, kinds: int
) -> np.ndarray:
    """The pace of each kind of weeks from 1 on, drawn to 1 as if by PRIOR_PAYMENTS; shape (kinds,).

    The payments of a kind count for as many as their amounts are even: one huge invoice is one payment.
    """
    counts = found.is_known & (found.at_risk > LEAST_AT_RISK) & (hazard > 0) & (kind > 0)
    question, kind = np.nonzero(counts)[0], kind[counts]
    came, risk, h = (part[counts] * weight[question] for part in (found.share, found.at_risk, hazard))
    h = hazard[counts]
    log_pace = np.zeros(kinds)
    for one in np.unique(kind):
        at = kind == one
        of_invoice = np.bincount(np.unique(rows[question[at]], return_inverse=True)[1], came[at])
        payments = of_invoice.sum() ** 2 / max(float((of_invoice**2).sum()), 1e-300)
        drawn = payments / (payments + PRIOR_PAYMENTS)
        log_pace[one - 1] = _log_pace(float(came[at].sum()), risk[at], h[at]) * drawn
    return np.asarray(np.exp(log_pace))


def _log_pace(came: float, risk: np.ndarray, hazard: np.ndarray) -> float:
    """The logarithm of the factor at which as much is expected as came, between 1 / MOST_PACE and MOST_PACE."""
    low, high = -np.log(MOST_PACE), np.log(MOST_PACE)
    for _ in range(30):
        middle = (low + high) / 2
        is_too_fast = float(risk @ -np.expm1(-hazard * np.exp(middle))) > came
        low, high = (low, middle) if is_too_fast else (middle, high)
    return float((low + high) / 2)


def unevenness(
    hazard: np.ndarray, found: Came, rows: np.ndarray, customer: np.ndarray, as_of: np.ndarray
) -> Unevenness:
    """Variances of the factors of a week, by products of what two missed against what a factor would have moved.

    A factor f on a hazard h moves what comes of a share s at risk by s h exp(-h) for each unit of f - 1. The two
    are invoices of one customer, or customers of the book, in the same week of the calendar, whenever they were
    asked about. Amounts count by their root, or a few large ones would say it all.
    """
    counts = found.is_known & (found.at_risk > LEAST_AT_RISK)
    question, ahead = np.nonzero(counts)
    money = np.sqrt(found.balance)[question]
    risk, h = found.at_risk[counts] * money, hazard[counts]
    cells = np.stack([found.share[counts] * money + risk * np.expm1(-h), risk * h * np.exp(-h)])
    week = (as_of[question] + WEEK // 2) // WEEK + ahead
    of_invoice, cells = _summed((rows[question] << 16) | week, cells)
    week, customer = of_invoice & 0xFFFF, customer[of_invoice >> 16]
    usual = Unevenness()
    # What two invoices of a customer have in common holds what the whole book has.
    both = usual.customer_week + usual.book_week
    within, of_customer, cells = _shared((customer << 16) | week, cells, both)
    across, _, _ = _shared(of_customer & 0xFFFF, cells, usual.book_week)
    return replace(usual, customer_week=max(within - across, 0.0), book_week=across)


def _shared(group: np.ndarray, cells: np.ndarray, usual: float) -> tuple[float, np.ndarray, np.ndarray]:
    """Variance of the factor that the members of each group have in common; then the groups and their sums.

    It is drawn to what is usual as if by PRIOR_GROUPS groups, of which those count that have several members.
    """
    names, total = _summed(group, cells)
    missed, moved = total**2 - _summed(group, cells**2)[1]
    groups = moved.sum() ** 2 / max(float((moved**2).sum()), 1e-300)
    own = max(float(missed.sum() / max(moved.sum(), 1e-300)), 0.0)
    return float((own * groups + usual * PRIOR_GROUPS) / (groups + PRIOR_GROUPS)), names, total


def _summed(group: np.ndarray, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The groups in rising order, and the sum of each line of the cells over each."""
    names, code = np.unique(group, return_inverse=True)
    return names, np.stack([np.bincount(code, line, len(names)) for line in cells])
