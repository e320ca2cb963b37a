"""What is a course: everything that happens to an invoice on its way, in one future or in hundreds?

Arrays have one row per invoice and one column per future.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .calendar import NO_DAY, Days, Flags

CAUSES = ("pricing", "delivery", "quality", "po_missing")
OUTCOMES = ("no_answer", "will_pay", "promised", "disputed")


class Draws:
    """Random numbers for a number of futures at once."""

    def __init__(self, rng: np.random.Generator, futures: int) -> None:
        self.rng = rng
        self.futures = futures

    def uniform(self, rows: int) -> np.ndarray:
        """Between 0 and 1, one for each row and future."""
        return self.rng.random((rows, self.futures), dtype=np.float32)

    def normal(self, rows: int) -> np.ndarray:
        """Standard normal, one for each row and future."""
        return self.rng.standard_normal((rows, self.futures), dtype=np.float32)

    def cells(self, chance: np.ndarray | float, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Row and future of the cells that an event with this chance picks."""
        row, future = np.nonzero(self.uniform(rows) < chance)
        return row, future


@dataclass(frozen=True)
class Stage:
    """One step of the supplier's dunning."""

    name: str
    channel: str
    after_due: int
    reached: float
    """share of the invoices due for this step that are really contacted"""
    strength: float
    """multiplies the payer's chance to answer"""
    promises: float
    """share of the answers that are promises"""


@dataclass(frozen=True)
class Contact:
    """One step of dunning wherever it was taken: columns of equal length."""

    stage: Stage
    row: np.ndarray
    future: np.ndarray
    day: Days
    outcome: np.ndarray
    """index into `OUTCOMES`"""
    promised: Days
    heading: Days
    """the payment day before this contact"""
    moved_to: Days
    """the payment day after it"""


@dataclass
class Course:
    """How every invoice runs its course, in every future. `NO_DAY` where a thing does not happen."""

    sent: Days
    paid: Days
    """the last payment"""
    stuck: Flags
    """not paid for want of money: no contact helps"""
    first_paid: Days
    """an earlier part payment"""
    first_share: np.ndarray
    opened: Days
    closed: Days
    disputed_share: np.ndarray
    credited_share: np.ndarray
    cause: np.ndarray
    """index into `CAUSES`"""
    bounced: Days
    """a first attempt at the whole sum, reversed on `reversed`"""
    reversed: Days
    contacts: list[Contact] = field(default_factory=list, init=False)

    @property
    def last_share(self) -> np.ndarray:
        """What the last payment pays, as a share of the amount."""
        return 1 - self.first_share - self.credited_share

    @property
    def is_settled_by_credit(self) -> Flags:
        """A credit note, not a payment, makes up the rest."""
        return self.last_share < 0.001

    @property
    def settled(self) -> Days:
        """The day on which payments and credit notes reach the amount."""
        return np.maximum(self.first_paid, np.where(self.is_settled_by_credit, self.closed, self.paid))

    @property
    def is_credited_in_full(self) -> Flags:
        """Closed without any payment: neither late nor on time."""
        return self.is_settled_by_credit & (self.first_paid == NO_DAY)


def untroubled(sent: Days, paid: Days, stuck: Flags) -> Course:
    """The course of invoices that are paid in one sum without a word."""
    no_day = np.full(paid.shape, NO_DAY, dtype=np.int32)
    nothing = np.zeros(paid.shape, dtype=np.float32)
    return Course(
        sent=sent,
        paid=paid,
        stuck=stuck,
        first_paid=no_day,
        first_share=nothing,
        opened=no_day.copy(),
        closed=no_day.copy(),
        disputed_share=nothing.copy(),
        credited_share=nothing.copy(),
        cause=np.zeros(paid.shape, dtype=np.int8),
        bounced=no_day.copy(),
        reversed=no_day.copy(),
    )
