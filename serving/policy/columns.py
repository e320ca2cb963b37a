"""What do conditions look at? Given columns, and the policy's numbers and facts, worked out when first asked."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.conditions import Condition, Flags, Vocabulary
from serving.policy.rules import Rule

Indexes = NDArray[np.intp]
OTHERWISE = "otherwise"
Numbers = Mapping[str, Mapping[str, float]]


class Columns(Mapping[str, NDArray[Any]]):
    """Columns of equal length; ranked texts become ranks, numbers of the policy follow `currency`."""

    def __init__(
        self,
        known: dict[str, NDArray[Any]],
        vocabulary: Vocabulary,
        numbers: Numbers,
        facts: Mapping[str, Condition],
    ) -> None:
        self.known, self.numbers, self.facts = known, numbers, facts
        for name, term in vocabulary.items():
            if term.ranked and name in known and known[name].dtype == object:
                ranks = {value: float(rank) for rank, value in enumerate(term.values)}
                known[name] = np.array([ranks.get(value, np.nan) for value in known[name]], dtype=float)

    @property
    def size(self) -> int:
        """How many rows there are."""
        return len(next(iter(self.known.values())))

    def taken(self, rows: Indexes) -> "Columns":
        """The same of some rows only."""
        return _Taken(self, rows)

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self.known:
            fact = self.facts.get(name)
            self.known[name] = fact.holds(self) if fact else self._number(name)
        return self.known[name]

    def _number(self, name: str) -> NDArray[Any]:
        codes, currencies = pd.factorize(self.known["currency"])
        return np.array([number_in(self.numbers[name], currency) for currency in currencies])[codes]

    def __iter__(self) -> Iterator[str]:
        return iter(self.known)

    def __len__(self) -> int:
        return len(self.known)


class _Taken(Columns):
    """Some rows of other columns, each column taken when first asked for."""

    def __init__(self, whole: Columns, rows: Indexes) -> None:
        self.whole, self.rows, self.known = whole, rows, {}

    @property
    def size(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self.known:
            self.known[name] = self.whole[name][self.rows]
        return self.known[name]


def number_in(by_currency: Mapping[str, float], currency: str) -> float:
    """A number of the policy in a currency."""
    return float(by_currency.get(currency, by_currency[OTHERWISE]))


def first_match(
    rules: Sequence[Rule], columns: Columns, allowed: Sequence[Flags | bool] | None = None
) -> Indexes:
    """Position of the first rule that holds for each row; the last one holds for all."""
    chosen, undecided = np.full(columns.size, len(rules) - 1), np.ones(columns.size, dtype=bool)
    for n, rule in enumerate(rules[:-1]):
        matches = undecided & rule.when.holds(columns) if rule.when else undecided.copy()
        matches &= True if allowed is None else allowed[n]
        chosen[matches] = n
        undecided &= ~matches
    return chosen
