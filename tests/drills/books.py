"""On which simulated books is monitoring drilled, and which model watches them?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from data_samples.simulator import simulate
from data_samples.simulator.book import SETTINGS
from data_samples.simulator.world import SCENARIOS, World
from features.history import History
from features.ledger import Ledger, LedgerSettings
from serving.monitoring.watching import Watch
from training.model import RiskModel
from training.model.fitting import fit_model
from training.settings import MonitoringSettings, TrainingSettings

CUSTOMERS, MONTHS = 150, 36
TRAINED_BEFORE, CLOSES_ON = date(2024, 9, 1), date(2026, 6, 28)
"""Fourteen months teach the model; some twenty-two are watched."""
CHANGES_ON = date(2025, 9, 15)
"""A Monday, so that no scenario begins on a day without work."""
RECIPE = TrainingSettings(threads=1, most_rounds=120, learning_rate=0.08, folds=3, most_rows=40_000)
"""A quicker recipe than the packaged one: what is drilled is the watching."""


def book(seed: int, scenario: str = "quiet") -> Ledger:
    """A simulated book; before `CHANGES_ON` those of one seed are the same."""
    world = World(scenario=replace(SCENARIOS[scenario], begins_on=CHANGES_ON))
    told = simulate(CUSTOMERS, MONTHS, seed, world=world, futures=0)
    return Ledger.from_tables(told.tables, LedgerSettings(**SETTINGS))


def model_of(ledger: Ledger) -> RiskModel:
    """The model that watches the book."""
    return fit_model(History(ledger.known_before(TRAINED_BEFORE)), TRAINED_BEFORE, RECIPE)


def watch_of(ledger: Ledger, model: RiskModel) -> Watch:
    """The watch over a book."""
    return Watch(ledger, model, MonitoringSettings(), TRAINED_BEFORE - timedelta(weeks=26))


def weekly(begin: date, end: date) -> Iterator[date]:
    """Every seventh day of [begin, end)."""
    day = begin
    while day < end:
        yield day
        day += timedelta(weeks=1)
