"""What is known today of customers as a whole? The facts that credit and review rules decide on.

Money is in the currency of the customer's limit, or without one in the unit of its invoices; what stands in
other units is not converted and not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from features.days import NEVER, day_number, day_numbers
from features.history import Past
from features.ledger.cells import digits_of
from serving.facts import Facts
from serving.policy.cases import utilisation
from serving.sorted_rows import Sorted, key
from serving.standing import from_the_desk

OF_THE_DESK = ("hardship", "insolvency", "terms_accepted", "margin_percent")
"""Desk facts that account rules may look at."""
YEAR = 365
REFERENCES_LAST = 730


class AccountFacts:
    """Facts about whole customers as of any day, from the facts of a ledger."""

    def __init__(self, facts: Facts) -> None:
        self.facts, self.history = facts, facts.history
        self._columns: dict[str, np.ndarray] = {}

    def accounts(
        self,
        customer_ids: list[str],
        as_of: date,
        extra: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> dict[str, np.ndarray]:
        """Columns of ACCOUNT_TERMS for some customers of the ledger; KeyError names an unknown one."""
        codes = self.history.customer_codes(pd.Series(customer_ids, dtype="str"))
        if (codes < 0).any():
            raise KeyError(customer_ids[int(np.argmax(codes < 0))])
        today = day_number(as_of) + 1
        master = self.facts.master(codes, today)
        ids = np.array(customer_ids, dtype=object)
        desk = from_the_desk({name: (extra or {}).get(name, {}) for name in OF_THE_DESK}, ids)
        accepted = master["terms_accepted_on"].to_numpy(np.int64) < today
        return {
            "customer_id": ids,
            "debtor_type": master["debtor_type"].to_numpy(dtype=object),
            "country": master["country"].to_numpy(dtype=object),
            "key_account": master["key_account"].to_numpy(dtype=bool),
            **self._exposure(codes, master, today),
            **self._past(codes, today),
            **self._outside_views(codes, today),
            **desk,
            "terms_accepted": accepted | desk["terms_accepted"],
        }

    def _exposure(self, codes: np.ndarray, master: pd.DataFrame, today: int) -> dict[str, np.ndarray]:
        """Limit, exposure alone and with the group, what is past due, what was bought, and since when."""
        standing = self.facts.standing
        limit, unit = standing.limits(master)
        unit = np.where(unit == "", self._usual_unit[codes], unit)
        exposure = standing.exposure(codes, unit, today)
        others, other_limits = self._group(codes, unit, today)
        rows, place = self._invoices_of(codes, unit)
        minor = 10.0 ** digits_of(unit)
        owed, own = self.facts.money_open(rows, today), self.history.invoices
        late = today - 1 - own["due_on"][rows]
        is_overdue = (owed > 0) & (late > 0)
        recent = (own["issued_on"][rows] >= today - YEAR) & (own["seen_on"][rows] < today)
        oldest = np.full(len(codes), -1)
        np.maximum.at(oldest, place[is_overdue], late[is_overdue])
        since = master["customer_since"].to_numpy(np.int64)
        first = np.full(len(codes), NEVER)
        np.minimum.at(first, place, own["issued_on"][rows])
        since = np.where(since < NEVER, since, first)
        summed = lambda values: np.bincount(place, values, len(codes)) / minor  # noqa: E731
        terms = master["terms_days"].to_numpy(dtype=np.float64)
        return {
            "currency": unit,
            "credit_limit": limit,
            "exposure": exposure,
            "utilisation": utilisation(exposure, limit),
            "group_exposure": exposure + others,
            "group_limit": np.where(np.isnan(limit), other_limits, limit + np.nan_to_num(other_limits)),
            "overdue_open": summed(np.where(is_overdue, owed, 0)),
            "oldest_overdue_days": np.where(oldest > 0, oldest, np.nan),
            "purchases_365": summed(np.where(recent, own["amount"][rows], 0)),
            "customer_age_days": np.where(since < NEVER, today - 1.0 - since, np.nan),
            "terms_days": np.where(np.isnan(terms), _last_terms(own, rows, place, len(codes)), terms),
        }

    def _group(self, codes: np.ndarray, unit: np.ndarray, today: int) -> tuple[np.ndarray, np.ndarray]:
        """Exposure and limits (NaN: none) of the other members of each customer's group, in its unit."""
        exposure, limits = np.zeros(len(codes)), np.full(len(codes), np.nan)
        for code in sorted(set(unit.tolist()) - {""}):
            rows = np.flatnonzero(unit == code)
            scale = 10.0 ** digits_of(np.array([code], dtype=object))[0]
            exposure[rows] = (
                self.facts.standing.others(
                    codes[rows],
                    today,
                    lambda book, members, code=code: book.facts.open_in(members, code, today, converted=True),
                )
                / scale
            )
            total, given = (
                self.facts.standing.others(codes[rows], today, measure)
                for measure in _limit_measures(code, today)
            )
            limits[rows] = np.where(given > 0, total / scale, np.nan)
        return exposure, limits

    def _invoices_of(self, codes: np.ndarray, unit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All invoices of the customers in their unit, and for each the place of its customer in `codes`."""
        unique, place_of = np.unique(codes, return_index=True)
        rows = self.facts.rows_of(unique)
        place = place_of[np.searchsorted(unique, self.history.invoices["customer"][rows])]
        in_unit = self.facts.money_unit[rows] == unit[place]
        return rows[in_unit], place[in_unit]

    @cached_property
    def _usual_unit(self) -> np.ndarray:
        """The unit of each customer's latest invoice, the book's most usual one where it has none."""
        units = np.full(len(self.history.customers), "", dtype=object)
        order = np.argsort(self.history.invoices["issued_on"], kind="stable")
        units[self.history.invoices["customer"][order]] = self.facts.money_unit[order]
        if len(self.facts.money_unit):
            names, counts = np.unique(self.facts.money_unit.astype(str), return_counts=True)
            units[units == ""] = str(names[np.argmax(counts)])
        return units

    def _past(self, codes: np.ndarray, today: int) -> dict[str, np.ndarray]:
        """How the customers paid; a customer without an invoice has no past."""
        first = self._first_invoice[codes]
        has = np.flatnonzero(first >= 0)
        past = Past(self.history, first[has], np.full(len(has), today))
        before = past.matured.count(2 * YEAR) - past.matured.count(YEAR)
        late_before = past.matured.sum("late", 2 * YEAR) - past.matured.sum("late", YEAR)
        days_90, days_365 = (past.settled.mean("days_late", last) for last in (90, YEAR))
        found = {
            "settled_count": past.settled.count(),
            "judged_365": past.matured.count(YEAR),
            "late_share": past.matured.mean("late", YEAR),
            "late_share_before": np.where(before > 0, late_before / np.maximum(before, 1), np.nan),
            "days_late_90": days_90,
            "days_late_365": days_365,
            "slower_by_days": days_90 - days_365,
            "broken_promises_365": past.promises_due.sum("broken", YEAR),
        }
        spread = {name: _spread(values, has, len(codes), name) for name, values in found.items()}
        return spread | {"contacts_365": self.facts.standing.contacts(codes, today, YEAR).astype(float)}

    @cached_property
    def _first_invoice(self) -> np.ndarray:
        first = np.full(len(self.history.customers), -1)
        customer = self.history.invoices["customer"]
        first[customer[::-1]] = np.arange(len(customer))[::-1]
        return first

    def _outside_views(self, codes: np.ndarray, today: int) -> dict[str, np.ndarray]:
        """The latest credit report and trade reference of each customer, with their ages."""
        report, report_day = self._latest("credit_reports", "reported_on", codes, today)
        reference, reference_day = self._latest("trade_references", "received_on", codes, today)
        known = self._known_on("trade_references", "received_on")
        recent = (known < today) & (known >= today - REFERENCES_LAST)
        named = self._customers_of("trade_references")[recent]
        counts = np.bincount(named[named >= 0], minlength=len(self.history.customers))
        score, limit, rating = self._views
        return {
            "report_age_days": np.where(report >= 0, today - 1.0 - report_day, np.nan),
            "report_score": _taken(score, report, np.nan),
            "report_limit": _taken(limit, report, np.nan),
            "reference_age_days": np.where(reference >= 0, today - 1.0 - reference_day, np.nan),
            "reference_rating": _taken(rating, reference, ""),
            "references_count": counts[codes].astype(float),
        }

    @cached_property
    def _views(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Scores and limits of all credit reports, and ratings of all trade references."""
        reports, references = (self.history.tables[name] for name in ("credit_reports", "trade_references"))
        units = 10.0 ** digits_of(reports["currency"].to_numpy(dtype=object))
        rating = references["rating"].fillna("").str.casefold().str.strip().to_numpy(dtype=object)
        limit = reports["credit_limit"].to_numpy(np.float64) / units
        return reports["score"].to_numpy(np.float64), limit, rating

    def _known_on(self, name: str, dated: str) -> np.ndarray:
        return np.maximum(self._dates(name, dated), self._dates(name, "known_on"))

    def _dates(self, name: str, dated: str) -> np.ndarray:
        return self._once(f"{name}.{dated}", lambda: day_numbers(self.history.tables[name][dated]))

    def _customers_of(self, name: str) -> np.ndarray:
        return self._once(name, lambda: self.history.customer_codes(self.history.tables[name]["customer_id"]))

    def _once(self, name: str, make: Callable[[], np.ndarray]) -> np.ndarray:
        """A column made once for all questions."""
        if name not in self._columns:
            self._columns[name] = make()
        return self._columns[name]

    def _latest(self, name: str, dated: str, codes: np.ndarray, today: int) -> tuple[np.ndarray, np.ndarray]:
        """The row of each customer's latest report known before a day (-1: none), and its own day."""
        known, day = self._known_on(name, dated), self._dates(name, dated)
        asked = self._customers_of(name)
        seen = np.flatnonzero((known < today) & np.isin(asked, codes))
        found = Sorted.of(key(asked[seen], day[seen]))
        end = np.searchsorted(found.keys, key(codes + 1, np.zeros(len(codes), np.int64)))
        has = (end > 0) & (found.keys[np.maximum(end - 1, 0)] >> 32 == codes) if len(seen) else end > 0
        row = np.where(has, np.append(seen[found.rows], -1)[np.where(has, end - 1, -1)], -1)
        return row, np.append(day, 0)[row]


def _limit_measures(unit: str, today: int) -> tuple[Any, Any]:
    """What members' limits in a unit add up to, in minor units, and how many have one."""

    def total(book: Any, members: np.ndarray) -> np.ndarray:
        master = book.facts.master(members, today)
        limit = master["credit_limit"].to_numpy(np.float64)
        return np.where((master["currency"] == unit) & ~np.isnan(limit), np.nan_to_num(limit), 0).astype(
            np.int64
        )

    def given(book: Any, members: np.ndarray) -> np.ndarray:
        master = book.facts.master(members, today)
        limit = master["credit_limit"].to_numpy(np.float64)
        return ((master["currency"] == unit).to_numpy() & ~np.isnan(limit)).astype(np.int64)

    return total, given


def _last_terms(own: dict[str, np.ndarray], rows: np.ndarray, place: np.ndarray, size: int) -> np.ndarray:
    """Days to pay of each customer's latest invoice; NaN without one."""
    terms = np.full(size, np.nan)
    order = np.argsort(own["issued_on"][rows], kind="stable")
    terms[place[order]] = own["terms_days"][rows[order]]
    return terms


def _spread(values: np.ndarray, at: np.ndarray, size: int, name: str) -> np.ndarray:
    counts = name in ("settled_count", "judged_365", "broken_promises_365")
    result = np.full(size, 0.0 if counts else np.nan)
    result[at] = values
    return result


def _taken(values: np.ndarray, rows: np.ndarray, absent: Any) -> np.ndarray:
    """The values of some rows, and what stands for row -1."""
    padded = np.append(values, np.array([absent], dtype=values.dtype))
    return padded[np.where(rows >= 0, rows, len(values))]
