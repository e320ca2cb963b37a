"""How long does a worklist of a large book take, and how much memory? `python -m tests.bench_worklist`

A plain book of a million invoices, about one in ten of them open; a light model made of the sample ledger. The
seconds are of the clock on this machine, of each part on its own, after the ledger is read.
"""

from __future__ import annotations

import argparse
import resource
import time
from datetime import date

from features.history import History
from features.ledger import Ledger
from serving.policy import Policy
from serving.scoring import Scorer
from serving.worklist import Worklist, items_of
from tests.bench import random_ledger
from tests.conftest import SAMPLE_LEDGER
from training.model.fitting import fit_model
from training.settings import TimingSettings, TrainingSettings

DAY = date(2024, 9, 2)
"""A little before the last invoices of the book fall due."""


def light_model() -> TrainingSettings:
    """Settings that make a model in a second."""
    timing = TimingSettings(most_rows=20_000, most_judged=1_000, most_rounds=5, patience=5)
    return TrainingSettings(
        most_rounds=40,
        folds=2,
        threads=2,
        fewest_late_to_fit=20,
        fewest_late_to_calibrate=5,
        use_prior=False,
        timing=timing,
    )


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def main() -> None:
    """Print the seconds and the peak memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--invoices", type=int, default=1_000_000)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--profile", action="store_true", help="say where the time of the second list goes")
    given = parser.parse_args()
    model = fit_model(History(Ledger.load(SAMPLE_LEDGER)), date(2026, 4, 1), light_model())
    ledger = random_ledger(given.invoices, given.customers)
    scorer = Scorer(ledger, model, Policy.load(), DAY)
    before = _peak()
    for which in ("the first list, history and all", "the next one"):
        began, used = time.perf_counter(), time.process_time()
        items = items_of(scorer, DAY)
        read = time.perf_counter()
        made = Worklist.make(scorer, DAY, 40)
        done = time.perf_counter()
        cases = len(made.cases) + len(made.left_out)
        print(
            f"{which}: {len(items):,} open invoices, {cases:,} cases; {done - read:.1f} s "
            f"(after {read - began:.1f} s for the items alone; processor {time.process_time() - used:.1f} s in all)",
            flush=True,
        )
    print(f"peak memory {_peak():.1f} GB; {before:.1f} GB of it while {given.invoices:,} invoices were read")
    if given.profile:
        import cProfile

        cProfile.runctx("Worklist.make(scorer, DAY, 40)", globals(), {"scorer": scorer}, sort="cumtime")


if __name__ == "__main__":
    main()
