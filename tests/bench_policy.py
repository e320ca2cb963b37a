"""How long does the packaged policy take over 100,000 cases? `python -m tests.bench_policy` prints it; no test.

Times of the processor and of the clock, since the machine may be shared.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import date

from serving.policy import Policy
from tests.test_policy import random_cases

RUNS = 5


def median_seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Median seconds of the processor and of the clock, after one run that warms up."""
    work()
    taken = []
    for _ in range(RUNS):
        processor, clock = time.process_time(), time.perf_counter()
        work()
        taken.append((time.process_time() - processor, time.perf_counter() - clock))
    return statistics.median(each[0] for each in taken), statistics.median(each[1] for each in taken)


def main() -> None:
    """Decisions and customer tiers of many random cases, and the decision on one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    count = parser.parse_args().cases
    policy, frame = Policy.load(), random_cases(count)
    cases = {str(name): frame[name].to_numpy() for name in frame}
    names = frame.index.to_numpy().astype(str).astype(object)
    cases |= {"invoice_id": names, "customer_id": names[frame.index.to_numpy() // 5]}
    tiers = cases | {"tier": policy.decisions(cases)["tier"]}
    one = {name: column[:1] for name, column in cases.items()}
    works: dict[str, Callable[[], object]] = {
        f"decisions on {count:,} cases": lambda: policy.decisions(cases),
        f"customer tiers of {count:,} cases": lambda: policy.customer_tiers(tiers, date(2026, 3, 2)),
        "decision on one case": lambda: policy.decisions(one),
    }
    for name, work in works.items():
        processor, clock = median_seconds(work)
        print(f"{name}: {processor:.4f} s of the processor, {clock:.4f} s by the clock")


if __name__ == "__main__":
    main()
