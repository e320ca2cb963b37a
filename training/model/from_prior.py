"""How does a tenant start from the prior while too little has matured for trees of its own?

The prior's trees stay as they are; its calibration is moved towards the tenant's matured outcomes, by less the
fewer there are. The trees have never seen the tenant, so every outcome may judge them: no blocks are needed.
"""

from __future__ import annotations

import numpy as np

from training.model.calibration import Calibration
from training.model.risk_model import HorizonModel, RiskModel


def from_prior(
    prior: RiskModel,
    target: str,
    days: int,
    values: np.ndarray,
    late: np.ndarray,
    weight: np.ndarray,
    held_rows: float,
    note: str,
) -> HorizonModel:
    """The prior's model of `target`, recalibrated on feature rows and outcomes of the tenant (none is fine).

    `held_rows` says how many rows the prior's own calibration is worth.
    """
    known = next(horizon for horizon in prior.horizons if horizon.target == target)
    assert known.booster is not None
    own = Calibration()
    if len(values):
        raw = np.asarray(known.booster.predict(values, raw_score=True))
        own = Calibration.fit(known.calibration.apply(raw), late, weight, held_rows)
    moved = Calibration(own.slope * known.calibration.slope, own.slope * known.calibration.shift + own.shift)
    rate = float(np.average(late, weights=weight)) if len(late) else known.base
    return HorizonModel(
        target, days, "prior", rate, f"shipped prior {prior.version}: {note}", known.booster, moved
    )
