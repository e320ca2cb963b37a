"""Which jobs do people do here, which browser test walks each, and how many clicks and keys did it take?

`python -m tests.jobs FOLDER` prints what the browser tests wrote into FOLDER/jobs.csv, where
`DUECOURSE_PICTURES=FOLDER make test-slow` named it; tests/test_jobs.py checks that every job has its test.
"""

from __future__ import annotations

import csv
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

JOBS = {
    "analyst": {
        "work the list": "working the list by keys alone",
        "set a case aside": "setting a case aside by keys alone",
        "take back what was set aside": "a case is set aside and taken back",
        "find whoever calls": "somebody who is not on the list is found by keys from any page",
        "understand a score": "understanding a score down to its invoices",
        "try what would help": "trying two levers",
        "know a customer's whole story": "an analyst knows a customer and hands it over",
        "hold a conversation and note a promise": "closing a call with a promise by keys alone",
        "record a promise": "recording a promise by keys alone",
        "agree a plan": "agreeing a plan",
        "open, assign and settle a dispute": "opening assigning and settling a dispute",
        "override with a reason": "overriding with a reason",
        "amend a text before it leaves": "mending a text that no customer should read",
        "review an account": "recording a review",
        "do a case from the list to its next step": "an analyst takes a case from the list to its next step",
    },
    "credit manager": {
        "change the policy after a dry run, and back": "changing a threshold and taking it back",
        "decide on credit": "deciding on credit as recommended or with a reason",
        "find out who overrode": "finding who overrode a decision",
        "find the largest customer": "finding the largest customer",
    },
    "administrator": {
        "let somebody in": "letting somebody in by keys alone",
        "make and revoke a token": "a token is made shown once and revoked",
    },
    "data scientist": {
        "see how the model does": "a data scientist begins where they may and finds how the model does",
        "find the worst month": "finding the worst month of the model",
    },
    "viewer": {
        "read everything and change nothing": "a viewer reads everything and finds nothing to fill in"
    },
    "everybody": {
        "sign in and out": "signing in and out",
        "sign in with the provider": "signing in with the provider and out again",
        "change the language": "changing the language and back",
    },
}
"""Role -> job -> the name of its test, in words."""
FILE = "jobs.csv"


def begun(folder: Path) -> None:
    """Forget what an earlier session wrote."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).unlink(missing_ok=True)


def note(folder: Path, test: str, work: Counter[str]) -> None:
    """Keep what a window of a test took; `test` as pytest names it."""
    job = re.sub(r"^.*::test_| \(.*$", "", test).replace("_", " ")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / FILE).open("a") as jobs:
        csv.writer(jobs).writerow((job, work["clicks"], work["keys"]))


def taken(folder: Path) -> dict[str, tuple[int, int]]:
    """Clicks and keys of each test, all its windows together."""
    found: dict[str, tuple[int, int]] = {}
    with (folder / FILE).open(newline="") as jobs:
        for job, clicks, keys in csv.reader(jobs):
            before = found.get(job, (0, 0))
            found[job] = (before[0] + int(clicks), before[1] + int(keys))
    return found


def table(found: dict[str, tuple[int, int]]) -> Iterator[str]:
    """The jobs of each role with their clicks and keys, at a desk where there are several widths; then the others."""
    named = {test for jobs in JOBS.values() for test in jobs.values()}
    wide = max(map(len, [*found, *(job for jobs in JOBS.values() for job in jobs)])) + 2
    yield f"{'':{wide}}clicks  keys"
    for role, jobs in JOBS.items():
        yield role
        for job, test in jobs.items():
            walked = sorted(each for each in found if each.partition("[")[0] == test)
            yield _line(job, found[walked[0]] if walked else None, wide)
    if others := sorted(each for each in found if each.partition("[")[0] not in named):
        yield "also walked"
        yield from (_line(job, found[job], wide) for job in others)


def _line(job: str, work: tuple[int, int] | None, wide: int) -> str:
    name = f"  {job}"
    return f"{name:{wide}}" + (f"{work[0]:6}{work[1]:6}" if work else "  not walked")


def pictures() -> Path | None:
    """The folder that the environment names for pictures and jobs."""
    named = os.environ.get("DUECOURSE_PICTURES")
    return Path(named) if named else None


def main() -> None:
    """Print the table of a folder."""
    folder = Path(sys.argv[1]) if len(sys.argv) == 2 else pictures()
    if folder is None or not (folder / FILE).exists():
        sys.exit(
            f"Say where {FILE} lies: python -m tests.jobs FOLDER (DUECOURSE_PICTURES=FOLDER make test-slow)."
        )
    print("\n".join(table(taken(folder))))


if __name__ == "__main__":
    main()
