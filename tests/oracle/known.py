"""What was known at the start of a day? Everything that the answers may look at, and nothing later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from tests.oracle.facts import Book, Invoice, Row, State

MOST_DAYS = 365


@dataclass(frozen=True)
class Settlement:
    """An invoice that was known to be paid."""

    invoice: Invoice
    paid_on: int
    learned_on: int

    @property
    def late_days(self) -> int:
        return self.paid_on - self.invoice.lateness_from

    @property
    def days_late(self) -> int:
        return max(-MOST_DAYS, min(MOST_DAYS, self.late_days))

    @property
    def days_to_pay(self) -> int:
        return max(0, min(2 * MOST_DAYS, self.paid_on - self.invoice.issued_on))


@dataclass(frozen=True)
class Verdict:
    """An invoice of which it was decided whether it is late."""

    invoice: Invoice
    is_late: bool
    learned_on: int


@dataclass(frozen=True)
class Happened:
    """A row, and the day we learned of it."""

    day: int
    row: Row


class Known:
    """The book as it was known at the start of `as_of`."""

    def __init__(self, book: Book, as_of: int) -> None:
        self.book, self.as_of = book, as_of
        self.invoices = [invoice for invoice in book.invoices.values() if invoice.seen_on < as_of]
        self.states = {
            invoice.invoice_id: [state for state in invoice.states if state.day < as_of]
            for invoice in self.invoices
        }
        self.open = [invoice for invoice in self.invoices if self.now(invoice).is_open]
        self.settled = [found for invoice in self.invoices if (found := self._settlement(invoice))]
        self.settled.sort(key=lambda found: (found.learned_on, found.invoice.place))
        self.verdicts = cache(self._verdicts)

    def now(self, invoice: Invoice) -> State:
        return self.states[invoice.invoice_id][-1]

    def of_customer(self, customer: str) -> list[Invoice]:
        """The customer's invoices seen so far."""
        return [invoice for invoice in self.invoices if invoice.customer_id == customer]

    def settled_by(self, customer: str) -> list[Settlement]:
        """The customer's paid invoices, in the order in which we learned of it."""
        return [settled for settled in self.settled if settled.invoice.customer_id == customer]

    def segment(self, name: str, invoice: Invoice) -> str | None:
        """The segment an invoice belongs to, as far as known."""
        if name == "division":
            return invoice.row["division"]
        return self.book.segment(name, invoice.row["customer_id"], self.as_of)

    def _settlement(self, invoice: Invoice) -> Settlement | None:
        paid_on = self.now(invoice).paid_on
        if paid_on is None:
            return None
        days = [(state.day, state.paid_on) for state in self.states[invoice.invoice_id]]
        return Settlement(invoice, paid_on, _since(days))

    def _verdicts(self, horizon: int) -> list[Verdict]:
        found = [self._verdict(invoice, horizon) for invoice in self.invoices]
        return sorted(
            (verdict for verdict in found if verdict), key=lambda each: (each.learned_on, each.invoice.place)
        )

    def _verdict(self, invoice: Invoice, horizon: int) -> Verdict | None:
        limit = invoice.lateness_from + horizon
        if limit >= self.as_of:
            return None
        said: dict[int, bool | None] = {}
        for state in self.states[invoice.invoice_id]:
            is_late = state.settled_on is None or state.settled_on > limit
            said[max(state.day, limit)] = None if state.says_nothing else is_late
        verdict = list(said.values())[-1]
        return None if verdict is None else Verdict(invoice, verdict, _since(list(said.items())))

    def events(self, table: str, event: str, of_invoice: bool = False, **wanted: object) -> list[Happened]:
        """Known rows with the wanted values in their columns, by the day we learned of their event."""
        found = []
        for row in self.book.tables[table]:
            if all(row[column] == value for column, value in wanted.items()):
                day = self.book.visible_on(row, event, of_invoice)
                if day is not None and day < self.as_of:
                    found.append(Happened(day, row))
        return sorted(found, key=lambda happened: happened.day)

    def is_recent(self, day: int, last: int | None) -> bool:
        """Whether a day is one of the last so many before the as-of day."""
        return last is None or day >= self.as_of - last


def _since(days: Sequence[tuple[int, object]]) -> int:
    """The day since when the last thing said has been said without a break."""
    begin, saying = days[-1]
    for day, said in reversed(days):
        if said != saying:
            break
        begin = day
    return begin
