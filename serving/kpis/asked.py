"""Which figures are asked for: of which books, as of which day, over which period, for whom, by which settings?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from features.days import to_date
from serving.agreements import PROMISE_GRACE_DAYS
from serving.kpis.books import Books, State, Talks
from serving.kpis.catalogue import DEFINITIONS
from serving.kpis.figure import Figure, Split, Value, period_of

if TYPE_CHECKING:
    from serving.policy.reading import Parts


@dataclass(frozen=True)
class Settings:
    """What a company may choose about its figures."""

    period_days: int = 90
    promise_grace_days: int = PROMISE_GRACE_DAYS
    """A promise is judged so many days after the promised one."""
    review_every_days: Mapping[str, int] = field(default_factory=lambda: {"all": 180})
    """Every active account is to be looked at once in so many days, by tier; one without a tier as the first."""
    sent_late_after_days: int = 2
    """An invoice that left us more than so many days after issue was sent late."""
    top_customers: int = 10
    speed_days: int = 90
    """Payment speed is compared over so many days before and after a contact."""
    good_outcomes: tuple[str, ...] = (
        "promised",
        "will_pay",
        "agreed",
        "helped",
        "solved",
        "thanked",
        "plan_agreed",
    )
    bad_outcomes: tuple[str, ...] = ("call_ended_call_back", "angry", "refused", "complained", "disputed")

    @classmethod
    def of(cls, policy: Parts, period_days: int) -> Settings:
        """The settings with the numbers that the policy holds."""
        said: dict[str, Any] = {"promise_grace_days": policy.promise_grace_days}
        if policy.reviews:
            said["review_every_days"] = policy.reviews.every_days
        return cls(period_days, **said)

    @property
    def review_cycle(self) -> str:
        """The days of the review cycle in words."""
        return ", ".join(f"{tier} {days}" for tier, days in self.review_every_days.items())


@dataclass(frozen=True)
class Asked:
    """One question for figures; `day` and `begin` are day numbers, the period is [begin, day)."""

    books: Books
    day: int
    begin: int
    splits: tuple[Split, ...]
    settings: Settings = field(default_factory=Settings)
    scored: pd.DataFrame | None = None
    """Score rows of the day: invoice_id, p_late, p_late_30, p_late_90."""
    reviews: Sequence[Mapping[str, Any]] | None = None
    """Reviews of accounts: customer_id, reviewed_on. None where nobody keeps them."""
    cancelled_promises: frozenset[str] = frozenset()
    tiers: Mapping[str, str] = field(default_factory=dict)
    """Each customer's tier, where it is known."""

    def figure(self, code: str, values: Iterable[Value], period: tuple[int, int] | None = None) -> Figure:
        """A figure of the catalogue over this period (or another), or of this day."""
        said = DEFINITIONS[code]
        within = None if said.is_state else period_of(*(period or (self.begin, self.day)))
        late_after = self.books.history.rule.late_after_days
        numbers = vars(self.settings) | {"review_cycle": self.settings.review_cycle}
        formula = said.formula.format(late_after_days=late_after, **numbers)
        return Figure(code, said.title, said.unit, formula, tuple(values), within)

    def unrecorded(self, codes: Iterable[str], why_not: str, needs: str) -> list[Figure]:
        """Figures of something that nobody records: no value for any group."""
        values = [value for split in self.splits for value in split.missing(why_not, needs)]
        return [self.figure(code, values) for code in codes]

    @cached_property
    def holds_period(self) -> bool:
        """Whether the ledger reaches back to the beginning of the period."""
        return int(self.books.seen_on.min(initial=self.day)) <= self.begin

    @cached_property
    def state(self) -> State:
        """The invoices at the start of the day."""
        return self.books.state(self.day)

    @cached_property
    def sales(self) -> np.ndarray:
        """Net credit sales of the period, by invoice."""
        return self.books.sales(self.begin, self.day)

    @cached_property
    def settled(self) -> np.ndarray:
        """Which invoices were settled by money in the period."""
        on = self.state.settled_on
        return (on >= self.begin) & (on < self.day) & ~self.state.by_credit_alone

    @cached_property
    def talks(self) -> Talks:
        """Contacts known before the day."""
        return self.books.talks(self.day)

    @cached_property
    def months_known(self) -> int:
        """How many calendar months reach from the first invoice to the day."""
        first = min(int(self.books.seen_on.min(initial=self.day)), self.day - 1)
        begin, end = to_date(first), to_date(self.day - 1)
        return 12 * (end.year - begin.year) + end.month - begin.month + 1

    def chances(self, target: str) -> np.ndarray:
        """A target's probability of each invoice, NaN where it was not scored."""
        if self.scored is None:
            return np.full(len(self.books), np.nan)
        chances = pd.Series(
            self.scored[target].to_numpy(float), self.scored["invoice_id"].to_numpy(dtype=object)
        )
        return chances.reindex(self.books.history.tables["invoices"]["invoice_id"]).to_numpy(float)
