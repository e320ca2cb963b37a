"""Who buys from the supplier: countries, trades, groups, terms, order rhythm and the hidden payer in each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from .calendar import Period
from .habits import Payer, drawn_payer
from .names import TRADES, company_name, invented_place
from .world import Market, Scenario

Key = TypeVar("Key", str, int)
SUPPLIER_COUNTRY = "DE"
BASE_CURRENCY = "EUR"
FOREIGN_CURRENCY = {"CH": "CHF", "GB": "GBP", "US": "USD"}
INDUSTRIES = tuple(TRADES)
INDUSTRY_DAYS = dict(zip(INDUSTRIES, (2.0, -1.0, 1.5, -0.5, 0.0, 0.5, -1.5, 1.0), strict=True))
DIVISIONS = ("Parts", "Service", "Projects")
GROUP_STARTS = 0.04
GROUP_SIZES = (3, 7)
SAME_HABIT = 0.65  # chance that a child pays as its group does


@dataclass(frozen=True)
class Group:
    """A parent and what its children share."""

    parent_id: str
    place: str
    habit: str
    strain: np.ndarray


@dataclass(frozen=True)
class Customer:
    """One customer: what the supplier has on file, and the payer behind it."""

    customer_id: str
    name: str
    parent_id: str
    debtor_type: str
    country: str
    industry: str
    currency: str
    joined: int
    since: np.datetime64
    terms_days: int
    to_month_end: bool
    divisions: tuple[str, ...]
    channel: str
    key_account: bool
    owner: str
    needs_purchase_order: bool
    rhythm: str
    invoices_a_month: float
    order_day: int
    typical_amount: float
    amount_spread: float
    market: Market
    """the market that it was drawn from"""
    payer: Payer
    strain: np.ndarray
    """Financial strain for every day up to the last: about 0 in good health, 3 and more in trouble."""


def wandering(period: Period, spread: float, rng: np.random.Generator) -> np.ndarray:
    """A strain that wanders slowly around zero: a weekly first-order autoregression, joined by lines."""
    weeks = period.last // 7 + 2
    memory = 0.96
    steps = rng.normal(0, spread * np.sqrt(1 - memory**2), weeks)
    steps[0] = rng.normal(0, spread)
    path = np.empty(weeks)
    level = 0.0
    for week, step in enumerate(steps):
        level = memory * level + step
        path[week] = level
    return np.interp(np.arange(period.last + 1), np.arange(weeks) * 7, path)


def trouble(period: Period, payer: Payer, rng: np.random.Generator) -> np.ndarray:
    """The strain that builds up in a payer whose trouble begins somewhere in the book, and stays."""
    begins = rng.integers(period.first - 60, max(period.last - 90, period.first))
    built_up = (np.arange(period.last + 1) - begins) / max(payer.trouble_months * 30.4, 1)
    return payer.strain_trend * np.clip(built_up, 0, 1)


def parents(count: int, period: Period, market: Market, rng: np.random.Generator) -> list[Group | None]:
    """For every customer in turn the group it belongs to, or none."""
    belongs: list[Group | None] = []
    while len(belongs) < count:
        if rng.random() >= GROUP_STARTS:
            belongs.append(None)
            continue
        number = len({group.parent_id for group in belongs if group}) + 1
        place, habit = invented_place(rng), drawn_of(market.habits, rng)
        group = Group(f"G{number:04d}", place, habit, wandering(period, 0.7, rng))
        belongs += [group] * int(rng.integers(*GROUP_SIZES))
    return belongs[:count]


def drawn_of(shares: dict[Key, float], rng: np.random.Generator) -> Key:
    """One of the keys, by its share."""
    weights = np.array(list(shares.values()))
    return list(shares)[int(rng.choice(len(shares), p=weights / weights.sum()))]


def joined_on(habit: str, period: Period, rng: np.random.Generator) -> tuple[int, np.datetime64]:
    """The first day on which a customer may order, and the date on which it became a customer."""
    length = period.last - period.first
    if habit == "new" or rng.random() < 0.06:
        joined = int(period.first + rng.uniform(0.2, 0.9) * length)
        return joined, period.dates[joined]
    return 0, period.first_date - int(rng.integers(200, 5000))


def drawn_customer(
    number: int, group: Group | None, period: Period, market: Market, rng: np.random.Generator
) -> Customer:
    """One customer with everything about it that does not change from invoice to invoice."""
    debtor_type = "company" if group else drawn_of(market.debtor_types, rng)
    country = drawn_of(market.countries, rng)
    country = country if debtor_type == "company" else SUPPLIER_COUNTRY
    industry = str(rng.choice(INDUSTRIES))
    shares_habit = group is not None and rng.random() < SAME_HABIT
    payer = drawn_payer(group.habit if group and shares_habit else drawn_of(market.habits, rng), rng)
    joined, since = joined_on(payer.habit, period, rng)
    terms = drawn_of(market.terms, rng)
    rhythm = str(rng.choice(["weekly", "monthly", "sporadic"], p=[0.34, 0.4, 0.26]))
    pace = {"weekly": 8.8, "monthly": 2.6, "sporadic": 0.6}[rhythm]
    typical = float(np.exp(rng.normal(7.0 if debtor_type != "sole_trader" else 5.8, 1.0)))
    wanders = wandering(period, 0.6, rng) + trouble(period, payer, rng)
    place = group.place if group else invented_place(rng)
    foreign = country in FOREIGN_CURRENCY and rng.random() < 0.75
    divisions = rng.choice(DIVISIONS, size=int(rng.choice([1, 2, 3], p=[0.55, 0.3, 0.15])), replace=False)
    return Customer(
        customer_id=f"C{number:04d}",
        name=company_name(place, industry, debtor_type, country, rng),
        parent_id=group.parent_id if group else "",
        debtor_type=debtor_type,
        country=country,
        industry="public_sector" if debtor_type == "public_body" else industry,
        currency=FOREIGN_CURRENCY[country] if foreign else BASE_CURRENCY,
        joined=joined,
        since=since,
        terms_days=abs(terms),
        to_month_end=terms < 0,
        divisions=tuple(str(division) for division in divisions),
        channel=str(rng.choice(["email", "portal", "post"], p=[0.68, 0.22, 0.1])),
        key_account=bool(rng.random() < 0.06),
        owner=str(rng.choice(["desk north", "desk south", "desk export"]))
        if country == "DE"
        else "desk export",
        needs_purchase_order=bool(rng.random() < (0.85 if debtor_type == "public_body" else 0.4)),
        rhythm=rhythm,
        invoices_a_month=float(pace * np.exp(rng.normal(0, market.pace_spread)) * market.pace),
        order_day=int(rng.integers(0, 5)) if rhythm == "weekly" else int(rng.choice([3, 10, 17, 24, 28])),
        typical_amount=typical,
        amount_spread=float(rng.uniform(0.25, 0.8)),
        market=market,
        payer=payer,
        strain=wanders + (0.6 * group.strain if group else 0.0),
    )


def drawn_newcomers(
    scenario: Scenario, before: int, period: Period, seeds: list[np.random.SeedSequence]
) -> list[Customer]:
    """Customers who join within six weeks after the scenario's day, numbered after those `before`."""
    begins, _ = scenario.days(period)
    newcomers = []
    for number, seed in enumerate(seeds, start=before + 1):
        rng = np.random.default_rng(seed)
        joined = begins + int(rng.integers(0, 42))
        drawn = drawn_customer(number, None, period, scenario.newcomers_market, rng)
        newcomers.append(replace(drawn, joined=joined, since=period.dates[joined]))
    return newcomers


def drawn_customers(
    count: int,
    period: Period,
    market: Market,
    rng: np.random.Generator,
    seeds: list[np.random.SeedSequence],
) -> tuple[list[Customer], list[Group]]:
    """Every customer, each from a seed of its own, and the groups that own some of them."""
    belongs = parents(count, period, market, rng)
    drawn = [
        drawn_customer(number, group, period, market, np.random.default_rng(seed))
        for number, (group, seed) in enumerate(zip(belongs, seeds, strict=True), start=1)
    ]
    groups = {group.parent_id: group for group in belongs if group}
    return drawn, list(groups.values())
