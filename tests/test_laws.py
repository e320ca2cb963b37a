"""Do the features keep their four laws: no leak, parity, agreement with an oracle, determinism?

`python -m tests.test_laws --ledgers 200` prints how many random ledgers and cells were compared.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property

import numpy as np
import pandas as pd
import pytest

from features.catalogue import CATALOGUE
from features.days import day_number, to_date
from features.history import History
from features.lateness import LatenessRule
from tests.oracle import Book, answers
from tests.oracle.known import Known
from tests.random_ledgers import DAYS, START, Draw, later_facts, ledger_of, random_rows, random_settings
from training.cohort import replay

CLOSE = 1e-12
Differences = Counter[str]


@dataclass(frozen=True)
class Case:
    """A random ledger, and questions about it."""

    seed: int
    history: History
    rows: np.ndarray
    as_of: np.ndarray

    @cached_property
    def ids(self) -> pd.Series:
        return self.history.tables["invoices"]["invoice_id"].iloc[self.rows].reset_index(drop=True)

    @cached_property
    def features(self) -> np.ndarray:
        return CATALOGUE.compute(self.history, self.rows, self.as_of)

    @cached_property
    def cuts(self) -> list[date]:
        """Days in the midst of the questions' days."""
        return [to_date(int(day)) for day in np.quantile(self.as_of, (0.35, 0.8))]

    @cached_property
    def other_futures(self) -> list[History]:
        """For each cut, the same book as known before it, with whatever was learned from then on changed."""
        asked = {name.split("#")[0] for name in self.ids}
        changed = [
            later_facts(random_rows(self.seed), cut.isoformat(), asked, self.seed + number)
            for number, cut in enumerate(self.cuts)
        ]
        return [History(ledger_of(rows, random_settings(self.seed)), self.history.rule) for rows in changed]


def random_case(seed: int, questions: int = 60) -> Case:
    """Questions at issue, weekly and on any day, many of them on the same days."""
    draw = Draw(seed + 1_000_000)
    ledger = ledger_of(random_rows(seed), random_settings(seed))
    rule = LatenessRule(draw.one(0, 5, 5, 30), draw.chance(0.2))
    history = History(ledger, rule)
    issued = history.invoices["issued_on"]
    rows = np.array([draw.day(0, len(issued) - 1) for _ in range(questions)])
    days = [draw.one(0, 0, 7 * draw.day(1, 30), draw.day(0, 300)) for _ in range(questions)]
    shared = day_number(START) + np.array([draw.day(100, DAYS) for _ in range(6)])
    as_of = issued[rows] + np.array(days)
    later = shared[[draw.day(0, 5) for _ in range(questions)]]
    return Case(
        seed, history, rows, np.where((later >= as_of) & (np.arange(questions) % 3 > 0), later, as_of)
    )


def differing(one: np.ndarray, other: np.ndarray) -> Differences:
    """Cells by column whose bits differ; a NaN equals a NaN."""
    bits = [np.where(np.isnan(each), np.nan, each).view(np.int64) for each in (one, other)]
    counts = (bits[0] != bits[1]).sum(axis=0)
    return Counter(dict(zip(CATALOGUE.names, counts.tolist(), strict=True)))


def asked_again(case: Case, history: History, mask: np.ndarray) -> np.ndarray:
    """The features of some of the questions, from another history that holds their invoices."""
    return CATALOGUE.compute(history, history.positions_of(case.ids[mask]), case.as_of[mask])


def leaks(case: Case) -> tuple[int, Differences]:
    """Cells that move when facts known on or after the cut change, of questions up to the cut."""
    cells, found, before = 0, Differences(), case.features
    for cut, other in zip(case.cuts, case.other_futures, strict=True):
        mask = case.as_of <= day_number(cut)
        after = asked_again(case, other, mask)
        cells += after.size
        found += differing(before[mask], after)
    return cells, found


def blinded(case: Case) -> tuple[int, Differences]:
    """Cells that move when everything known on or after the cut is gone."""
    cells, found, before = 0, Differences(), case.features
    for cut in case.cuts:
        known = case.history.invoices["seen_on"][case.rows] < day_number(cut)
        mask = (case.as_of <= day_number(cut)) & known
        after = asked_again(case, History(case.history.ledger.known_before(cut), case.history.rule), mask)
        cells += after.size
        found += differing(before[mask], after)
    return cells, found


def leaking_outcomes(case: Case) -> tuple[int, Differences]:
    """Rows and outcomes of a training set that move with facts known on or after its cut."""
    cells, found = 0, Differences()
    for cut, other in zip(case.cuts, case.other_futures, strict=True):
        tables = [replay(history, cut).table() for history in (case.history, other)]
        sets = [Counter(table.fillna(-1).itertuples(index=False, name=None)) for table in tables]
        cells += tables[0].size
        found["training rows"] += sum(((sets[0] - sets[1]) + (sets[1] - sets[0])).values())
    return cells, found


def alone(case: Case) -> tuple[int, Differences]:
    """Cells that differ between a customer alone and the same customer in the book."""
    found, before = Differences(), case.features
    customers = case.history.tables["invoices"]["customer_id"].iloc[case.rows].to_numpy()
    for customer in sorted(set(customers)):
        mask = customers == customer
        theirs = History(case.history.ledger.of_customers([customer]), case.history.rule, case.history)
        rows = theirs.positions_of(case.ids[mask])
        found += differing(before[mask], CATALOGUE.compute(theirs, rows, case.as_of[mask]))
    return before.size, found


def shuffled(case: Case) -> tuple[int, Differences]:
    """Cells that depend on the order of rows in the files."""
    draw = Draw(case.seed)
    rows = {name: draw.shuffled(listed) for name, listed in random_rows(case.seed).items()}
    history = History(ledger_of(rows, random_settings(case.seed)), case.history.rule)
    after = asked_again(case, history, np.ones(len(case.rows), bool))
    return after.size, differing(case.features, after)


def one_by_one(case: Case) -> tuple[int, Differences]:
    """Cells that depend on which other questions are asked at once."""
    some = slice(0, 12)
    single = [
        CATALOGUE.compute(case.history, case.rows[[i]], case.as_of[[i]]) for i in range(len(case.rows[some]))
    ]
    return np.vstack(single).size, differing(case.features[some], np.vstack(single))


def repeated(case: Case) -> tuple[int, Differences]:
    """Cells that differ when the same ledger is read and asked a second time."""
    again = random_case(case.seed, len(case.rows)).features
    return again.size, differing(case.features, again)


def disagreements(case: Case) -> tuple[int, Differences]:
    """Cells on which the oracle disagrees."""
    book = Book(case.history.ledger, case.history.rule)
    found, computed = Differences(), case.features
    known: dict[int, Known] = {}
    for name, day, values in zip(case.ids, case.as_of.tolist(), computed, strict=True):
        as_of = to_date(day).toordinal()
        known.setdefault(as_of, Known(book, as_of))
        expected = answers(book, name, as_of, known[as_of])
        wanted = np.array([expected[column] for column in CATALOGUE.names], dtype=np.float64)
        close = np.isclose(values, wanted, rtol=CLOSE, atol=CLOSE, equal_nan=True)
        found.update(CATALOGUE.names[column] for column in np.flatnonzero(~close))
    return computed.size, found


LAWS: dict[str, Callable[[Case], tuple[int, Differences]]] = {
    "no leak: another future": leaks,
    "no leak: no future": blinded,
    "no leak: outcomes": leaking_outcomes,
    "parity: alone as in the book": alone,
    "parity: any order of rows": shuffled,
    "parity: one by one as all at once": one_by_one,
    "oracle": disagreements,
    "determinism": repeated,
}


def measure(ledgers: int, seed: int) -> dict[str, dict[str, int]]:
    """For each law: random ledgers tried, cells compared and differences found."""
    result = {law: {"ledgers": 0, "cells": 0, "differences": 0} for law in LAWS}
    for case in (random_case(seed + number) for number in range(ledgers)):
        for law, check in LAWS.items():
            cells, found = check(case)
            result[law]["ledgers"] += 1
            result[law]["cells"] += cells
            result[law]["differences"] += found.total()
    return result


@cache
def case_of(seed: int) -> Case:
    """The random case, for all laws together."""
    return random_case(seed)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("law", LAWS)
def test_law(law: str, seed: int) -> None:
    cells, found = LAWS[law](case_of(seed))
    assert cells > 0
    assert +found == Counter(), f"{law}, ledger {seed}: cells that differ, by feature"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10_000, 10_200, 25))  # in parts, for workers side by side
def test_laws_on_many_ledgers(seed: int) -> None:
    result = measure(25, seed)
    print(_told(result))
    assert {law: figures["differences"] for law, figures in result.items()} == dict.fromkeys(LAWS, 0)


def _told(result: dict[str, dict[str, int]]) -> str:
    lines = (
        f"{law:36}{each['ledgers']:>6} ledgers {each['cells']:>12,} cells {each['differences']:>8,} differences"
        for law, each in result.items()
    )
    return "\n".join(lines)


def main() -> None:
    """Prints the figures of as many random ledgers as asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ledgers", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    print(_told(measure(asked.ledgers, asked.seed)))


if __name__ == "__main__":
    main()
