"""Does what somebody tells us fit the book? Pure questions: who asks knows the book and passes the facts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from serving.desk.kinds import Flaw


@dataclass(frozen=True)
class InvoiceFacts:
    """What the book says of an invoice today, in its own currency."""

    invoice_id: str
    customer_id: str
    amount: Decimal | None
    amount_open: Decimal | None
    """Zero: settled. None: the amount is not known."""
    currency: str
    digits: int = 2
    """Digits after the point that the currency has."""

    @property
    def is_settled(self) -> bool:
        return self.amount_open is not None and self.amount_open <= 0


@dataclass(frozen=True)
class BookFacts:
    """What the book and the desk say of everything that a record names."""

    invoice: InvoiceFacts | None = None
    """The invoice named, or None where there is none of that number."""
    knows_customer: bool = True
    promise_ids: Collection[str] | None = None
    """Promises of the customer; None: not looked up."""


def misfits(kind: str, content: Mapping[str, Any], facts: BookFacts) -> list[Flaw]:
    """Everything in valid content that the book contradicts, by JSON pointer."""
    found = [*_unknown(kind, content, facts)]
    invoice = facts.invoice
    if invoice is None or content.get("invoice_id") is None or kind == "invoices":
        return found
    found += _of_another(content, invoice)
    found += _digits(content, invoice)
    return found + list(_AGAINST_INVOICE.get(kind, _nothing)(content, invoice))


def _unknown(kind: str, content: Mapping[str, Any], facts: BookFacts) -> Iterator[Flaw]:
    invoice_id, customer_id = content.get("invoice_id"), content.get("customer_id")
    if kind != "invoices" and invoice_id is not None and facts.invoice is None:
        yield Flaw("/invoice_id", f"no invoice {invoice_id!r} is in the book; post the invoice first")
    if kind not in ("customers", "invoices") and customer_id is not None and not facts.knows_customer:
        yield Flaw("/customer_id", f"no customer {customer_id!r} is in the book; post the customer first")
    promise_id = content.get("promise_id")
    is_unknown = facts.promise_ids is not None and promise_id not in facts.promise_ids
    if kind != "promises" and promise_id is not None and is_unknown:
        yield Flaw("/promise_id", f"the customer has no promise {promise_id!r}")


def _of_another(content: Mapping[str, Any], invoice: InvoiceFacts) -> Iterator[Flaw]:
    customer_id, currency = content.get("customer_id"), content.get("currency")
    if customer_id is not None and customer_id != invoice.customer_id:
        yield Flaw(
            "/customer_id", f"invoice {invoice.invoice_id} is of {invoice.customer_id}, not {customer_id}"
        )
    if currency is not None and currency != invoice.currency:
        yield Flaw("/currency", f"invoice {invoice.invoice_id} is in {invoice.currency}, not {currency}")


def _digits(content: Mapping[str, Any], invoice: InvoiceFacts) -> Iterator[Flaw]:
    for pointer, amount in _amounts(content):
        if amount != amount.quantize(Decimal(1).scaleb(-invoice.digits)):
            yield Flaw(
                pointer, f"{invoice.currency} has {invoice.digits} digits after the point, {amount} has more"
            )


def _amounts(content: Mapping[str, Any]) -> Iterator[tuple[str, Decimal]]:
    if content.get("amount") is not None:
        yield "/amount", Decimal(content["amount"])
    for place, each in enumerate(content.get("instalments", ())):
        yield f"/instalments/{place}/amount", Decimal(each["amount"])


def _promise(content: Mapping[str, Any], invoice: InvoiceFacts) -> Iterator[Flaw]:
    if content.get("status", "open") != "open":
        return
    if invoice.is_settled:
        yield Flaw("/invoice_id", f"invoice {invoice.invoice_id} is settled: there is nothing to promise")
    else:
        yield from _no_more_than(content, invoice.amount_open, "open", invoice)


def _payment(content: Mapping[str, Any], invoice: InvoiceFacts) -> Iterator[Flaw]:
    is_bounced = content.get("amount") is not None and Decimal(content["amount"]) < 0
    if invoice.is_settled and not is_bounced:
        yield Flaw(
            "/invoice_id",
            f"invoice {invoice.invoice_id} is settled: name the customer alone, and the money is kept on account",
        )


def _dispute(content: Mapping[str, Any], invoice: InvoiceFacts) -> Iterator[Flaw]:
    return _no_more_than(content, invoice.amount, "on the invoice", invoice)


def _plan(content: Mapping[str, Any], invoice: InvoiceFacts) -> Iterator[Flaw]:
    if content.get("status", "running") != "running" or invoice.amount_open is None:
        return
    planned = sum(amount for _, amount in _amounts(content))
    if planned > invoice.amount_open:
        yield Flaw("/instalments", f"they add up to {planned}, more than the {invoice.amount_open} open")


def _no_more_than(
    content: Mapping[str, Any], most: Decimal | None, where: str, invoice: InvoiceFacts
) -> Iterator[Flaw]:
    amount = content.get("amount")
    if amount is not None and most is not None and Decimal(amount) > most:
        yield Flaw("/amount", f"{amount} is more than the {most} {invoice.currency} {where}")


def _nothing(content: Mapping[str, Any], invoice: InvoiceFacts) -> Iterator[Flaw]:
    return iter(())


_AGAINST_INVOICE = {
    "promises": _promise,
    "payments": _payment,
    "credit_notes": _payment,
    "disputes": _dispute,
    "payment_plans": _plan,
}
