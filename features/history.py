"""What has happened, and what was known of it on any day? A ledger as streams of dated events.

`History` turns the tables into streams once; `History.past` opens the view that features ask. Every event
carries the day we learned of it, and a question as of a day sees earlier days only (features/totals.py).
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from features import events
from features.balances import Steps, balance_steps, seen_on
from features.days import NEVER, day_numbers, day_of_month, weekday
from features.lateness import LatenessRule
from features.ledger import Ledger
from features.ledger.cells import digits_of
from features.spans import Spans
from features.totals import Stream, Window, ratio


class History:
    """A ledger's past, ready to be asked as of any day.

    `context` is the book whose group and segment totals answer for this ledger; by default its own.
    """

    def __init__(
        self, ledger: Ledger, rule: LatenessRule | None = None, context: History | None = None
    ) -> None:
        self.ledger = ledger
        self.rule: LatenessRule = rule or LatenessRule()
        self.context = context or self
        self.tables = ledger.tables
        self.customers = pd.Index(sorted(self._customer_ids()))
        self.members = _memberships(self.tables["customers"], self.customers)

    def _customer_ids(self) -> set[str]:
        named = (
            "invoices",
            "payments",
            "customers",
            "credit_notes",
            "contacts",
            "credit_reports",
            "complaints",
        )
        return {str(i) for name in named for i in self.tables[name]["customer_id"].dropna().unique()}

    def customer_codes(self, ids: pd.Series) -> np.ndarray:
        """Positions of customer ids in this history, -1 where unknown."""
        return positions(self.customers, ids)

    def positions_of(self, ids: pd.Series) -> np.ndarray:
        """Positions of invoice ids in this history, -1 where unknown."""
        return positions(pd.Index(self.tables["invoices"]["invoice_id"]), ids)

    @cached_property
    def invoices(self) -> dict[str, np.ndarray]:
        """What the invoices say of themselves, each an array of shape (invoices,)."""
        table = self.tables["invoices"]
        issued, due = day_numbers(table["issued_on"]), day_numbers(table["due_on"])
        customer = self.customer_codes(table["customer_id"])
        lateness_from = self.rule.lateness_from(due, self._countries(customer, issued), self.weekend)
        return {
            "customer": customer,
            "issued_on": issued,
            "due_on": due,
            "lateness_from": lateness_from,
            "seen_on": seen_on(table),
            "amount": table["money_amount"].to_numpy(np.int64),
            "amount_in_own_currency": table["amount"].to_numpy(np.int64),
            "minor_units": 10.0 ** digits_of(table["money_unit"].to_numpy()),
            "terms_days": due - issued,
            "delivered_on": day_numbers(table["delivered_on"]),
            "sent_on": day_numbers(table["sent_on"]),
            "has_purchase_order": table["purchase_order"].notna().to_numpy().astype(np.int64),
            "unit": self.unit_codes(table["money_unit"]),
            "due_weekday": weekday(due),
        }

    def unit_codes(self, currencies: pd.Series) -> np.ndarray:
        """Positions of currencies among those in which invoices are added up, -1 where none is."""
        return self._units.get_indexer(pd.Index(currencies)).astype(np.int64)

    @cached_property
    def _units(self) -> pd.Index[str]:
        return pd.Index(sorted(self.tables["invoices"]["money_unit"].unique()))

    @property
    def weekend(self) -> tuple[int, ...]:
        """Weekdays on which nobody works, Monday 0."""
        return tuple(self.ledger.settings.weekend_days)

    @cached_property
    def countries(self) -> np.ndarray:
        """Whose working days hold for each invoice, '' where only weekends are known; object, shape (invoices,)."""
        own = self.invoices
        return np.array(self._countries(own["customer"], own["issued_on"]), dtype=object)

    def _countries(self, customer: np.ndarray, issued: np.ndarray) -> list[str]:
        """Each invoice's working-day calendar: the country we knew of when it was issued."""
        labels, since = self.members["country"]
        default = self.ledger.settings.country or ""
        known = (since[customer] < issued) & (labels[customer] != "")
        return list(np.where(known, labels[customer], default))

    @cached_property
    def steps(self) -> Steps:
        """The balance of every invoice as a step function of what we knew."""
        tables = self.tables
        digits = digits_of(tables["invoices"]["currency"].to_numpy())
        tolerance = np.rint(float(self.ledger.settings.settlement_tolerance) * 10.0**digits).astype(np.int64)
        return balance_steps(tables["invoices"], tables["payments"], tables["credit_notes"], tolerance)

    @cached_property
    def _labels(self) -> dict[str, np.ndarray]:
        """Group names by segment: of each customer, for `division` of each invoice, for `book` one for all."""
        labels = {name: names for name, (names, _) in self.members.items()}
        labels["division"] = self.tables["invoices"]["division"].fillna("").to_numpy(dtype=object)
        labels["book"] = np.full(len(self.customers), "book", dtype=object)
        return labels

    @cached_property
    def customers_in_context(self) -> np.ndarray:
        """Where each customer of this history stands in the book that answers for groups, -1 where nowhere."""
        return positions(self.context.customers, self.customers.to_numpy())

    @cached_property
    def _segment_index(self) -> dict[str, pd.Index]:
        return {name: pd.Index(sorted(set(names) - {""})) for name, names in self._labels.items()}

    @cached_property
    def own_codes(self) -> dict[str, np.ndarray]:
        """The segments of this history's customers (`division`: invoices) as numbers, -1 where none."""
        return {name: positions(index, self._labels[name]) for name, index in self._segment_index.items()}

    @cached_property
    def context_codes(self) -> dict[str, np.ndarray]:
        """The same in the numbers of the book that answers for segments, -1 where it does not know one."""
        index = self.context._segment_index
        return {name: positions(index[name], names) for name, names in self._labels.items()}

    def groups(self, customer: np.ndarray, invoice: np.ndarray | None) -> dict[str, np.ndarray]:
        """The groups that events of these customers (and invoices) belong to, by grouping."""
        groups = {name: codes[customer] for name, codes in self.own_codes.items() if name != "division"}
        groups["customer"] = customer
        if invoice is not None:
            groups["division"] = self.own_codes["division"][invoice]
            groups |= {name: group[invoice] for name, group in self.own_groups.items()}
        return groups

    @cached_property
    def own_groups(self) -> dict[str, np.ndarray]:
        """The groups of each invoice that are finer than its customer: its invoices of one sort, numbered."""
        own = self.invoices
        terms = np.clip(own["terms_days"], 0, 366)
        kinds = {
            "account": own["unit"],
            "customer_weekday": own["due_weekday"],
            "customer_division": self.own_codes["division"] + 1,
            "customer_terms": terms,
            "customer_terms_weekday": terms * 7 + own["due_weekday"],
            "customer_month_part": (day_of_month(own["lateness_from"]) - 1) // 4,
            "customer_size": np.log2(np.maximum(own["amount"], 1)).astype(np.int64),
            "customer_amount": _numbered(own["amount"] * (own["unit"].max(initial=0) + 1) + own["unit"]),
        }
        groups = {name: _numbered((own["customer"] << 32) | kind) for name, kind in kinds.items()}
        # Numbered by customer and issue, neighbouring questions find their invoices' events side by side.
        rank = np.empty(len(own["customer"]), np.int64)
        rank[np.lexsort((own["issued_on"], own["customer"]))] = np.arange(len(rank))
        return {"invoice": rank, **groups}

    def stream(self, name: str) -> Stream:
        """One stream of events, made when first asked for."""
        if name not in self._streams:
            self._streams[name] = self._make_stream(name)
        return self._streams[name]

    @cached_property
    def _streams(self) -> dict[str, Stream]:
        return {}

    def _make_stream(self, name: str) -> Stream:
        made = events.STREAMS[name](self)
        # An event counts for a group from the day on which we know that its customer belongs to it.
        since = {segment: since[made.customer] for segment, (_, since) in self.members.items()}
        groups = self.groups(made.customer, made.invoice)
        return Stream(made.day, made.measures, groups, made.until, since)

    def open_on(self, day: int) -> np.ndarray:
        """Positions of the invoices open on day number `day`: known before it and not settled before it."""
        invoice, last = self.steps.before(day).last()
        return invoice[last.settled_on == NEVER]

    @cached_property
    def overdue_spans(self) -> Spans:
        """Overdue invoices by customer, each from the day it fell due to the day we knew it settled."""
        return events.overdue_spans(self)

    def past(self, rows: np.ndarray, as_of: np.ndarray) -> Past:
        """The view of the past for the questions (invoice position, as-of day), both of shape (n,)."""
        return Past(self, rows, as_of)


class Past:
    """What had happened before each question's as-of day, to the group that the question is about.

    `past.settled` asks about the customer; `past.of("invoice").promises`, `past.of("country").settled` about
    other groups; `past.siblings.settled` about the parent's other children.
    """

    def __init__(
        self, history: History, rows: np.ndarray, as_of: np.ndarray, grouping: str = "customer"
    ) -> None:
        self.history = history
        self.rows = rows
        self.as_of = as_of
        self.grouping = grouping
        self.customer = history.invoices["customer"][rows]
        """Each question's customer."""
        self._group = self._asked_group()
        self._views: dict[str, Past] = {}

    def __getattr__(self, stream: str) -> Window:
        if stream not in events.STREAMS:
            raise AttributeError(f"no stream {stream!r}; the streams are {', '.join(events.STREAMS)}")
        source, group = self._group
        window = Window(source.stream(stream), self.grouping, group, self.as_of)
        # Asked again, the window is found as a plain attribute.
        setattr(self, stream, window)
        return window

    def _asked_group(self) -> tuple[History, np.ndarray]:
        """The history that answers for the grouping, and each question's group in it."""
        history = self.history
        if self.grouping == "customer":
            return history, self.customer
        if self.grouping in history.own_groups:
            return history, history.own_groups[self.grouping][self.rows]
        return history.context, self._segment()

    def _segment(self) -> np.ndarray:
        history = self.history
        codes = history.context_codes[self.grouping]
        codes = codes[self.rows] if self.grouping == "division" else codes[self.customer]
        if self.grouping not in history.members:
            return codes
        since = history.members[self.grouping][1][self.customer]
        return np.where(since < self.as_of, codes, -1)

    def of(self, grouping: str) -> Past:
        """The same questions about another group."""
        if grouping not in self._views:
            self._views[grouping] = Past(self.history, self.rows, self.as_of, grouping)
        return self._views[grouping]

    @cached_property
    def siblings(self) -> Siblings:
        """The same questions about the other children of the customer's parent."""
        return Siblings(self)

    @cached_property
    def invoice(self) -> Asked:
        """What the invoice says of itself."""
        return Asked(self)

    def oldest_overdue_due_on(self) -> np.ndarray:
        """Due day of the customer's oldest overdue invoice; NaN without one."""
        return self.history.overdue_spans.least_running(self.customer, self.as_of)


class Siblings:
    """The parent's totals less the customer's own, both from the book that holds the group."""

    def __init__(self, past: Past) -> None:
        self._parent = past.of("parent_id")
        book = past.history.context
        _, group = self._parent._group
        self._own = np.where(group >= 0, past.history.customers_in_context[past.customer], -1)
        self._book, self._as_of = book, past.as_of
        self._windows: dict[str, Window] = {}

    def sum(self, stream: str, measure: str, last: int | None = None) -> np.ndarray:
        """Sum of a measure over the other children, int64."""
        if stream not in self._windows:
            self._windows[stream] = Window(self._book.stream(stream), "customer", self._own, self._as_of)
        parent: Window = getattr(self._parent, stream)
        return parent.sum(measure, last) - self._windows[stream].sum(measure, last)

    def mean(self, stream: str, measure: str, last: int | None = None) -> np.ndarray:
        """Mean of a measure over the other children's events; NaN without any."""
        return ratio(self.sum(stream, measure, last), self.sum(stream, "count", last))


class Asked:
    """The questions' own invoices: their terms, and where the as-of day stands between issue and due."""

    def __init__(self, past: Past) -> None:
        self._past = past
        self._columns: dict[str, np.ndarray] = {}

    def __getattr__(self, name: str) -> np.ndarray:
        if name not in self._columns:
            source = self._past.history.invoices
            if name not in source:
                raise AttributeError(f"an invoice has no {name!r}; it has {', '.join(source)}")
            self._columns[name] = source[name][self._past.rows]
        return self._columns[name]

    @property
    def days_past_due(self) -> np.ndarray:
        """Days from the printed due date to the as-of day; negative before it."""
        return self._past.as_of - self.due_on

    @property
    def age_days(self) -> np.ndarray:
        """Days from issue to the as-of day."""
        return self._past.as_of - self.issued_on

    @property
    def is_seen(self) -> np.ndarray:
        """1 where the book itself already held the invoice: then its customer's totals contain it."""
        return (self.seen_on < self._past.as_of).astype(np.int64)


def _numbered(values: np.ndarray) -> np.ndarray:
    """The same number for the same value, from 0; int64."""
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def positions(index: pd.Index, names: pd.Series | np.ndarray) -> np.ndarray:
    """Where each name stands in `index`, int64; -1 where it does not."""
    return np.asarray(index.get_indexer(pd.Index(names)), dtype=np.int64)


def _memberships(customers: pd.DataFrame, index: pd.Index) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """For each grouping of customers: every customer's group name ('' without) and the day we knew of it.

    The first row of a customer counts (an undated one before all): later rows may change what the policy
    sees today, never the past.
    """
    rows = customers.assign(since=_since(customers["known_on"])).sort_values("since", kind="stable")
    result: dict[str, Any] = {}
    for column in ("parent_id", "country", "industry", "debtor_type"):
        first = rows.dropna(subset=[column]).drop_duplicates("customer_id").set_index("customer_id")
        labels = first[column].reindex(index).fillna("").to_numpy(dtype=object)
        since = first["since"].reindex(index).fillna(NEVER).to_numpy(dtype=np.int64)
        result[column] = (labels, since)
    return result


def _since(known_on: pd.Series) -> np.ndarray:
    days = day_numbers(known_on)
    return np.where(days == NEVER, 0, days)
