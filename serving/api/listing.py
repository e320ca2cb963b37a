"""Which customers and invoices does the book hold, page by page, and what is known of one invoice?"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import islice
from typing import Annotated, Any

import numpy as np
import pandas as pd
from fastapi import FastAPI, Query, Request, Response

from features.days import day_number, to_date
from features.ledger import written_amount
from serving.api.asking import Asking
from serving.api.documents import documented
from serving.api.records import Page, limit_of
from serving.api.schemas import AsOfParameter, Record
from serving.live import LiveScorer
from serving.scoring import Scorer, UnknownIdError

AsOf = Annotated[AsOfParameter, Query()]


def add_listing_routes(app: FastAPI, asking: Asking) -> None:
    """The routes that list customers and invoices, and show one invoice."""

    @app.get("/v1/customers", **documented(Page, also=(422,)))
    async def customers(request: Request, after: str = "", limit: int = 50) -> Response:
        """Customers by number, with what each has open per currency."""
        most = limit_of(limit)
        return await asking.read(
            request, "read:facts", lambda office, live: _page(_customers(live, after), "customer_id", most)
        )

    @app.get("/v1/invoices", **documented(Page, also=(404, 422)))
    async def invoices(
        request: Request,
        customer_id: str | None = None,
        is_open: bool = True,
        after: str = "",
        limit: int = 50,
    ) -> Response:
        """Invoices by number; of one customer, and settled ones too with `is_open=false`."""
        most = limit_of(limit)

        def found(office: Any, live: LiveScorer) -> dict[str, Any]:
            if customer_id is not None and not live.knows_customer(customer_id):
                raise UnknownIdError(customer_id)
            return _page(_invoices(live, customer_id, is_open, after, most + 1), "invoice_id", most)

        return await asking.read(request, "read:facts", found)

    @app.get("/v1/invoices/{invoice_id:path}", **documented(Record, also=(404, 422)))
    async def invoice(request: Request, invoice_id: str, asked: AsOf) -> Response:
        """What is known of an invoice at the end of the day: dates, what is open, disputed and promised."""
        return await asking.read(
            request, "read:facts", lambda office, live: invoice_facts(live, invoice_id, asked.as_of)
        )


def _page(found: Iterable[dict[str, Any]], name: str, limit: int) -> dict[str, Any]:
    items = list(islice(found, limit + 1))
    return {"items": items[:limit], "next": items[limit - 1][name] if len(items) > limit else None}


def _scorers(live: LiveScorer) -> list[tuple[Scorer, bool]]:
    """The scorers behind a moment, and whether each answers for the changed customers."""
    return [(live.whole, False)] + ([(live.part, True)] if live.part is not None else [])


def _customers(live: LiveScorer, after: str) -> Iterator[dict[str, Any]]:
    ids = heapq.merge(
        *(
            [each for each in scorer.history.customers if each > after and (each in live.changed) == is_part]
            for scorer, is_part in _scorers(live)
        )
    )
    for customer_id in ids:
        scorer = live.of_customer(customer_id)
        code = scorer.history.customer_codes(pd.Series([customer_id], dtype="str"))
        rows = scorer.facts.rows_of(code)
        mine = rows[scorer.facts.is_open(rows, day_number(live.as_of) + 1)]
        yield {
            "customer_id": customer_id,
            **scorer.master(code, live.as_of),
            "open": scorer.owed(mine, live.as_of),
        }


def _invoices(
    live: LiveScorer, customer_id: str | None, is_open: bool, after: str, most: int
) -> list[dict[str, Any]]:
    """The first invoices after a number; those that one scorer answers for are looked up together."""
    today = day_number(live.as_of) + 1
    listed: list[tuple[str, int, Scorer]] = []
    for scorer, is_part in _scorers(live):
        rows = np.arange(len(scorer.facts.named["invoice_id"]))
        if customer_id is not None:
            code = scorer.history.customer_codes(pd.Series([customer_id], dtype="str"))
            rows = scorer.facts.rows_of(code[code >= 0])
        rows = rows[scorer.facts.is_open(rows, today) if is_open else scorer.facts.is_known(rows, today)]
        owners = scorer.facts.named["customer_id"][rows]
        ids = scorer.facts.named["invoice_id"][rows]
        listed += [
            (each, row, scorer)
            for each, owner, row in zip(ids.tolist(), owners.tolist(), rows.tolist(), strict=True)
            if each > after and (owner in live.changed) == is_part
        ]
    wanted = heapq.nsmallest(most, listed, key=lambda each: each[0])
    told: dict[str, dict[str, Any]] = {}
    for scorer, _ in _scorers(live):
        rows = np.array([row for _, row, answers in wanted if answers is scorer], dtype=np.int64)
        told |= {each["invoice_id"]: each for each in _told(scorer, rows, live.as_of)}
    return [told[each] for each, _, _ in wanted]


def invoice_facts(live: LiveScorer, invoice_id: str, as_of: date | None) -> dict[str, Any]:
    """What is known of an invoice at the end of a day; UnknownIdError."""
    day, scorer = as_of or live.as_of, live.of_invoice(invoice_id)
    row = np.array([scorer.facts.position(invoice_id)])
    if row[0] < 0 or not scorer.facts.is_known(row, day_number(day) + 1)[0]:
        raise UnknownIdError(invoice_id)
    return _told(scorer, row, day)[0]


def _told(scorer: Scorer, rows: np.ndarray, day: date) -> list[dict[str, Any]]:
    """What is known of invoices at the end of a day."""
    if not len(rows):
        return []
    facts, table = scorer.facts, scorer.history.tables["invoices"].iloc[rows]
    today = np.full(len(rows), day_number(day) + 1)
    cases = facts.cases(rows, day)
    amounts = zip(table["amount"], facts.amount_open(rows, today), facts.amount_known(rows), strict=True)
    written = [
        [written_amount(int(each), currency) if is_known else None for each in (amount, owed)]
        for (amount, owed, is_known), currency in zip(amounts, cases["currency"].tolist(), strict=True)
    ]
    columns = {
        "invoice_id": cases["invoice_id"].tolist(),
        "customer_id": cases["customer_id"].tolist(),
        "as_of": [day] * len(rows),
        "issued_on": [to_date(int(each)) for each in scorer.history.invoices["issued_on"][rows]],
        "due_on": [to_date(int(each)) for each in scorer.history.invoices["due_on"][rows]],
        "currency": cases["currency"].tolist(),
        "amount": [amount for amount, _ in written],
        "amount_open": [owed for _, owed in written],
        "is_open": facts.is_open(rows, day_number(day) + 1).tolist(),
        "division": [_text(each) for each in table["division"]],
        "purchase_order": [_text(each) for each in table["purchase_order"]],
        **{name: cases[name].astype(bool).tolist() for name in _OF_CASES},
    }
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


_OF_CASES = ("is_disputed", "promise_pending", "promise_broken", "plan_running")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
