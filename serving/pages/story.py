"""What is known of the customers of one case? The ledger's rows and the desk's records about them, read once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from features.days import day_number
from serving.api.resources import may_read
from serving.desk import Record
from serving.pages.routing import Visit
from serving.scoring import Scorer
from serving.worklist.items import scorers_of

T = TypeVar("T")


class Story:
    """The rows and records about some customers at the moment of a visit; what may not be seen is not in it."""

    def __init__(self, visit: Visit, members: list[str], case_id: str = "") -> None:
        """`case_id` is the head of a group, of whom the desk may tell without its being a customer."""
        self.visit, self.members, self.case_id = visit, members, case_id or members[0]

    def in_books(self, question: Hashable, make: Callable[[], T]) -> T:
        """What the books alone say of the members, kept for the next look; whoever takes it must not change it."""
        visit, books = self.visit, [scorer for scorer, _ in self.scorers]
        return visit.kept.of_books(visit.live, books, (question, *self.members), make)

    @cached_property
    def all_records(self) -> list[Record]:
        """What the desk holds, also what may not be shown: to work out what follows from it."""
        return self.visit.office.desk.timeline({*self.members, self.case_id})

    @cached_property
    def records(self) -> list[Record]:
        """What the desk holds and who looks may see, what was told or changed last coming first."""
        return [each for each in self.all_records if may_read(self.visit.caller, each.kind, each.content)]

    def of_kind(self, kind: str) -> list[Record]:
        """The desk's records of one kind, what was told or changed last coming first."""
        return [each for each in self.records if each.kind == kind]

    @cached_property
    def scorers(self) -> list[tuple[Scorer, np.ndarray]]:
        """The scorers that answer for the members, each with their numbers in its book."""
        found = []
        for scorer in scorers_of(self.visit.live):
            mine = [each for each in self.members if self.visit.live.of_customer(each) is scorer]
            codes = scorer.history.customer_codes(pd.Series(mine, dtype="str"))
            if (codes >= 0).any():
                found.append((scorer, codes[codes >= 0]))
        return found

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The rows of a table, as known at the end of the book day; what is not known is None."""
        return self.in_books(("rows", name), lambda: list(self._read(name)))

    def _read(self, name: str) -> Iterator[dict[str, Any]]:
        day = pd.Timestamp(self.visit.live.as_of)
        for scorer, codes in self.scorers:
            table = scorer.facts.about(codes, name)
            if not len(table):
                continue
            if "known_on" in table:
                table = table[~(table["known_on"] > day).to_numpy(dtype=bool)]
            columns = {str(column): _plain(values) for column, values in table.items()}
            yield from (
                dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
            )

    @cached_property
    def today(self) -> int:
        """The number of the day after the book day: what is known before it is known today."""
        return day_number(self.visit.live.as_of) + 1


def _plain(values: pd.Series) -> list[Any]:
    """A column's values; what is missing is None."""
    missing = values.isna().to_numpy(dtype=bool)
    told = values.tolist()
    return (
        [None if gone else each for each, gone in zip(told, missing.tolist(), strict=True)]
        if missing.any()
        else told
    )
