"""What does duecourse know about late payment before it has seen a ledger? The shipped model, and how it is made.

The prior has learned from simulated ledgers alone, of many different worlds, and only from features that mean
the same in every book (shares, days, counts, ratios). A tenant's training starts from it: see
training/model/from_prior.py. README.md beside this file says how it was made and what it lacks.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from training.model import ArtefactError, RiskModel
from training.model.artefact import parsed, whole_files

FOLDER = Path(__file__).parent / "model"


@cache
def shipped_prior() -> RiskModel | None:
    """The model that comes with the program; None where it was made for other features than these.

    A test fails in that case: `duecourse prior make` makes it anew.
    """
    for folder in sorted(FOLDER.glob("[!.]*")):
        try:
            # What comes with the program is vouched for by the program: no key of this machine has signed it.
            return parsed(whole_files(folder), folder.name)
        except ArtefactError:
            continue
    return None
