"""What is the open book made of? How old the money is, how risky, in which segments, and owed by how few.

One row per open invoice of this moment, at the desk's latest word. Money is in minor units of the invoice's own
currency, and sums are of one currency each: two are never added.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd

from features.days import day_number
from features.ledger import written_amount
from serving.sorted_rows import among
from serving.worklist.items import scorers_of

if TYPE_CHECKING:
    from serving.live import LiveScorer
    from serving.scoring import Scorer
    from serving.worklist import Items

T = TypeVar("T")
SEGMENTS = ("division", "country", "industry", "debtor_type")
UNKNOWN = "unknown"
BANDS = ("current", "1-30", "31-60", "61-90", "90+")
LAST_DAYS = np.array([0, 30, 60, 90])
"""Days past due at which each band but the last ends."""
MOST_OF_IT = 0.8


@dataclass(frozen=True)
class Codes:
    """A column of few distinct texts: the place of each row's among `names`."""

    names: tuple[str, ...]
    code: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, order: Sequence[str] = ()) -> Codes:
        """The names in the order given, then as they sort."""
        code, found = pd.factorize(values)
        listed = [*order, *sorted(set(found.tolist()) - set(order))]
        place = {name: n for n, name in enumerate(listed)}
        return cls(tuple(listed), np.array([place[name] for name in found.tolist()], np.int64)[code])

    def __getitem__(self, rows: np.ndarray) -> Codes:
        return Codes(self.names, self.code[rows])

    def sums(self, amounts: np.ndarray) -> list[int]:
        """Whole sums by name: money stays below what a float holds exactly."""
        return np.rint(np.bincount(self.code, amounts, len(self.names))).astype(np.int64).tolist()

    def distinct(self, other: Codes) -> list[int]:
        """How many names of another column there are by name."""
        many = max(len(other.names), 1)
        # pandas finds what is there by a hash alone; numpy would sort it as well
        pairs = pd.unique(self.code * many + other.code)
        return np.bincount(pairs // many, minlength=len(self.names)).tolist()

    def counts(self) -> list[int]:
        """Rows by name."""
        return np.bincount(self.code, minlength=len(self.names)).tolist()


@dataclass(frozen=True)
class OpenBook:
    """Open invoices as columns of shape (n,)."""

    open: np.ndarray
    disputed: np.ndarray
    expected_late: np.ndarray
    """What is open times the chance of coming late, which is 1 where it is late already; float64."""
    worth: np.ndarray
    """What one minor unit counts for beside other currencies: orders currencies, adds nothing."""
    is_known: np.ndarray
    """Whether the amount is known."""
    customer: Codes
    by: Mapping[str, Codes]
    """By SEGMENTS, and by `currency`, `tier` and `age`."""
    told: dict[tuple[str, ...], Any] = field(default_factory=dict, repr=False, compare=False)
    """What was told before, by question: many ask the same of one moment's book."""

    def __len__(self) -> int:
        return len(self.open)

    def at(self, rows: np.ndarray) -> OpenBook:
        """Some rows."""
        columns = {name: getattr(self, name)[rows] for name in ("open", "disputed", "expected_late", "worth")}
        by = {name: codes[rows] for name, codes in self.by.items()}
        known = self.is_known[rows]
        return replace(self, **columns, is_known=known, customer=self.customer[rows], by=by, told={})

    def where(self, wanted: Mapping[str, str]) -> OpenBook:
        """The rows of these names, by the name of the column; a name that nothing has leaves none."""
        is_wanted = np.ones(len(self), bool)
        for name, value in wanted.items():
            codes = self.by[name]
            is_wanted &= codes.code == (codes.names.index(value) if value in codes.names else -1)
        return self.at(np.flatnonzero(is_wanted)) if wanted else self

    def of(self, currency: str) -> OpenBook:
        """The rows of one currency."""
        return self._once(lambda: self.where({"currency": currency}), "of", currency)

    def _once(self, make: Callable[[], T], *question: str) -> T:
        """What was answered before to this question, or what `make` makes now."""
        if question not in self.told:
            self.told[question] = make()
        found: T = self.told[question]
        return found

    def currencies(self) -> list[str]:
        """Those with something open, the one worth most first."""
        codes = self.by["currency"]
        worth = np.bincount(codes.code, self.open * self.worth, len(codes.names))
        rows = codes.counts()
        return sorted(
            (n for n, many in zip(codes.names, rows, strict=True) if many),
            key=lambda n: -worth[codes.names.index(n)],
        )

    def sums(self, name: str, currency: str) -> list[dict[str, Any]]:
        """What is open in one currency by a column: invoices, customers, money, and what of it is how."""
        rows = self._once(lambda: self._sums(name, currency), "sums", name, currency)
        return [dict(row) for row in rows]

    def _sums(self, name: str, currency: str) -> list[dict[str, Any]]:
        book = self.of(currency)
        codes = book.by[name]
        past_due = book.open * (book.by["age"].code > 0)
        parts = {
            "open": book.open,
            "past_due": past_due,
            "disputed": book.disputed,
            "expected_late": book.expected_late,
        }
        told = {part: codes.sums(amounts) for part, amounts in parts.items()}
        customers = codes.distinct(book.customer)
        return [
            {
                "name": group,
                "invoices": many,
                "customers": customers[n],
                **{part: _written(values[n], currency) for part, values in told.items()},
                "share": _share(told["open"][n], int(book.open.sum())),
                "past_due_share": _share(told["past_due"][n], told["open"][n]),
                "late_share": _share(told["expected_late"][n], told["open"][n]),
            }
            for n, (group, many) in enumerate(zip(codes.names, codes.counts(), strict=True))
        ]

    def tiers_within(self, name: str, currency: str) -> dict[str, list[int]]:
        """Minor units by tier, of each name of a column."""
        book = self.of(currency)
        codes, tier = book.by[name], book.by["tier"]
        both = np.bincount(
            codes.code * len(tier.names) + tier.code, book.open, len(codes.names) * len(tier.names)
        )
        rows = np.rint(both).astype(np.int64).reshape(len(codes.names), len(tier.names))
        return dict(zip(codes.names, rows.tolist(), strict=True))

    def whole(self, currency: str) -> dict[str, Any]:
        """All that is open in one currency."""
        return dict(self._once(lambda: self._whole(currency), "whole", currency))

    def _whole(self, currency: str) -> dict[str, Any]:
        book = self.of(currency)
        late = int((book.open * (book.by["age"].code > 0)).sum())
        total = int(book.open.sum())
        return {
            "currency": currency,
            "invoices": len(book),
            "unknown_amounts": int((~book.is_known).sum()),
            "customers": int(np.count_nonzero(book.customer.counts())),
            "open": _written(total, currency),
            "past_due": _written(late, currency),
            "past_due_share": _share(late, total),
            "disputed": _written(int(book.disputed.sum()), currency),
            "expected_late": _written(round(float(book.expected_late.sum())), currency),
        }

    def concentration(self, currency: str, most: int) -> dict[str, Any]:
        """How few customers owe how much in one currency: the `most` largest, and how many owe four fifths."""
        book = self.of(currency)
        owed = np.bincount(book.customer.code, book.open, len(book.customer.names))
        late = np.bincount(book.customer.code, book.open * (book.by["age"].code > 0), len(owed))
        order = np.argsort(-owed, kind="stable")[: int((owed > 0).sum())]
        total = float(owed.sum())
        so_far = owed[order].cumsum() / total if total else owed[order]
        few = int(np.searchsorted(so_far, MOST_OF_IT - 1e-12) + 1) if len(order) else 0
        return {
            "customers": len(order),
            "owing_most": few,
            "curve": _thinned(so_far),
            "largest": [
                {
                    "customer_id": book.customer.names[at],
                    "open": _written(round(owed[at]), currency),
                    "past_due": _written(round(late[at]), currency),
                    "share": float(owed[at] / total),
                    "so_far": float(so_far[n]),
                }
                for n, at in enumerate(order[:most].tolist())
            ],
        }


def open_book(live: LiveScorer, items: Items, looked_up: LookedUp) -> OpenBook:
    """The open invoices of a moment as the portfolio looks at them."""
    age = np.searchsorted(LAST_DAYS, items.days_past_due)
    columns, is_late = looked_up.of(live, items)
    by = {name: Codes.of(column) for name, column in columns.items()}
    by |= {
        "currency": Codes.of(items.currency),
        "tier": Codes.of(items.tier, live.whole.policy.tiers),
        "age": Codes(BANDS, age),
    }
    late = items.open * np.where(is_late, 1.0, items.risk)
    return OpenBook(
        items.open, items.disputed, late, items.worth, items.amount_known, Codes.of(items.customer_id), by
    )


class LookedUp:
    """What a book says of its open invoices beside the decisions, by their numbers: no moment need ask again."""

    def __init__(self, whole: Scorer) -> None:
        self.whole = whole
        history, today = whole.history, day_number(whole.as_of)
        rows = history.open_on(today)
        self._ids = pd.Index(whole.facts.named["invoice_id"][rows], dtype=object)
        waited = today - history.invoices["lateness_from"][rows]
        # One row more than there are: what the book does not hold open falls there.
        self._is_late = np.append(waited > history.rule.late_after_days, False)
        self._segments = {name: np.append(column, UNKNOWN) for name, column in _segments(whole, rows).items()}

    def of(self, live: LiveScorer, items: Items) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Per open invoice: one text per grouping of SEGMENTS, UNKNOWN where nothing is said; whether it is late."""
        segments, is_late = self._at(items.invoice_id)
        for scorer in scorers_of(live)[1:]:
            is_changed = among(items.customer_id, live.changed)
            theirs, is_late[is_changed] = LookedUp(scorer)._at(items.invoice_id[is_changed])
            for name, column in theirs.items():
                segments[name][is_changed] = column
        return segments, is_late

    def _at(self, invoice_ids: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
        place = self._ids.get_indexer(pd.Index(invoice_ids, dtype=object))
        return {name: column[place] for name, column in self._segments.items()}, self._is_late[place]


def _segments(scorer: Scorer, rows: np.ndarray) -> dict[str, np.ndarray]:
    history, today = scorer.history, day_number(scorer.as_of) + 1
    division = history.tables["invoices"]["division"].fillna("").to_numpy(dtype=object)[rows]
    master = scorer.facts.master(history.invoices["customer"][rows], today)
    named = {name: master[name].to_numpy(dtype=object) for name in SEGMENTS[1:]}
    found = {"division": division} | named
    return {name: np.where(column == "", UNKNOWN, column) for name, column in found.items()}


def _written(amount: int, currency: str) -> str:
    return written_amount(amount, currency)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _thinned(so_far: np.ndarray, most: int = 60) -> list[list[float]]:
    """A rising curve in few points: customers counted, share that they owe."""
    if not len(so_far):
        return []
    steps = np.unique(np.rint(np.geomspace(1, len(so_far), most)).astype(int))
    return [[n, float(so_far[n - 1])] for n in steps.tolist()]
