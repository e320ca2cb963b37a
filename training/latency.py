"""How long does one explained score take, by the challenger and by the champion on the same machine at once?"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from training.model import RiskModel

ROUNDS = 60


@dataclass(frozen=True)
class Latency:
    """Median seconds of one row's probabilities and reasons."""

    challenger: float
    champion: float

    @property
    def ratio(self) -> float:
        """How many times as long the challenger takes."""
        return self.challenger / self.champion


def paired_latency(
    challenger: RiskModel, champion: RiskModel, clock: Callable[[], float] = time.perf_counter
) -> Latency:
    """Both timed in turns on single rows of the challenger's sample, so that a busy machine slows both alike."""
    rows = challenger.sample.to_numpy(np.float64)
    asked = [rows[[number % len(rows)]] for number in range(ROUNDS)]
    both = (challenger, champion)
    for model in both:
        _seconds(model, asked[0], clock)  # the first question pays for what is made once
    taken = [[_seconds(model, row, clock) for model in both] for row in asked]
    return Latency(*(_median([pair[place] for pair in taken]) for place in (0, 1)))


def _seconds(model: RiskModel, row: np.ndarray, clock: Callable[[], float]) -> float:
    begin = clock()
    model.predict(row)
    model.explain(row)
    return clock() - begin


def _median(values: Sequence[float]) -> float:
    return float(np.median(values))
