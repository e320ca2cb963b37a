"""Which false alarms do quiet years raise, and after how many days is each scenario noticed?

    python -m tests.drills quiet --seeds 11-18 --to FOLDER
    python -m tests.drills scenarios --seeds 11-15 --to FOLDER
    python -m tests.drills report --to FOLDER
    python -m tests.drills truth --seeds 11-18 --to FOLDER
    python -m tests.drills shocks --seeds 11-13 --customers 150 --to FOLDER

A look is taken every week, as a weekly job would. An alarm that stands for several weeks in a row is one alarm.
Each book's looks are written as they come, one JSON line each; books whose file is complete are not done again.
The thresholds in mlflow.yaml were chosen on seeds below 10: do not report those. `truth` holds the models of quiet
books against the true probabilities: an alarm about a model that is wrong is none for nothing. `shocks` writes books
and scores for `python -m data_samples.through_a_shock` and prints the commands that compare them.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from data_samples.simulator.world import SCENARIOS
from serving.monitoring.watching import Watch
from tests.drills.books import CHANGES_ON, CLOSES_ON, TRAINED_BEFORE, book, model_of, watch_of, weekly
from tests.drills.shocks import scored
from tests.drills.truth import beside_truth
from training.model import load_model, save_model

FIRST_LOOK = TRAINED_BEFORE + timedelta(weeks=8)
"""By then something has matured."""
WATCHED_AFTER = timedelta(weeks=26)
"""After what has changed, and after the end of what passes."""
TOLD = ("act", "watch")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("quiet", "scenarios", "report", "truth", "shocks"))
    parser.add_argument("--seeds", default="11-14", help="a range such as 11-18")
    parser.add_argument("--only", nargs="*", help="names of scenarios")
    parser.add_argument("--customers", type=int, default=150, help="of each book of `shocks`")
    parser.add_argument("--to", type=Path, required=True, help="the folder of results")
    given = parser.parse_args()
    given.to.mkdir(parents=True, exist_ok=True)
    if given.what == "report":
        print(json.dumps(report(given.to), indent=1))
        return
    first, _, last = given.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    if given.what == "shocks":
        shocks(seeds, given.customers, given.to)
        return
    for seed in seeds:
        if given.what == "truth":
            model = next(map(load_model, (given.to / f"model-{seed}").glob("*")))
            print(f"seed {seed}", beside_truth(seed, model).round(3).T.to_string(), sep="\n", flush=True)
        elif given.what == "quiet":
            drill(seed, "quiet", FIRST_LOOK, CLOSES_ON, given.to)
        else:
            for name in given.only or [name for name in SCENARIOS if name != "quiet"]:
                end = min(CHANGES_ON + timedelta(weeks=SCENARIOS[name].weeks or 0) + WATCHED_AFTER, CLOSES_ON)
                drill(seed, name, CHANGES_ON - timedelta(weeks=4), end, given.to)


def shocks(seeds: Iterable[int], customers: int, folder: Path) -> None:
    """Books and scores, and per scenario the command that compares them with the truth."""
    made = [list(scored(seed, customers, folder)) for seed in seeds]
    for books in zip(*made, strict=True):
        print("python -m data_samples.through_a_shock", *(path for files in books for path in files))


def drill(seed: int, scenario: str, begin: date, end: date, folder: Path) -> None:
    """The looks of one book."""
    path = folder / f"{scenario}-{seed}.jsonl"
    if path.exists():
        return
    ledger = book(seed, scenario)
    # What teaches the model lies before every change: all scenarios of a seed share its model.
    models = folder / f"model-{seed}"
    model = next(map(load_model, models.glob("*")), None) or save_model(model_of(ledger), models)
    unfinished = path.with_suffix(".part")
    with unfinished.open("w", encoding="utf-8") as file:
        for look in looks(watch_of(ledger, model), begin, end):
            file.write(json.dumps(look) + "\n")
    unfinished.replace(path)
    print(f"{scenario} {seed}: done", flush=True)


def looks(watch: Watch, begin: date, end: date) -> Iterator[dict[str, Any]]:
    """Every week's alarms."""
    for day in weekly(begin, end):
        alarms = [
            [alarm.severity, alarm.code, alarm.subject, alarm.sentence]
            for alarm in watch.look(day).alarms
            if alarm.severity in TOLD
        ]
        yield {"day": day.isoformat(), "alarms": alarms}


def report(folder: Path) -> dict[str, Any]:
    """Alarms a year on quiet books, and days to the first alarm on each scenario."""
    read = {path.stem: _read(path) for path in sorted(folder.glob("*.jsonl"))}
    quiet = {stem: days for stem, days in read.items() if stem.startswith("quiet-")}
    return {"quiet": _quiet(quiet), "scenarios": _scenarios(read)}


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _quiet(books: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    years = sum(len(days) for days in books.values()) / 52
    episodes: dict[str, list[str]] = defaultdict(list)
    weeks = dict.fromkeys(TOLD, 0)
    for stem, days in books.items():
        before: set[tuple[str, str, str]] = set()
        for look in days:
            now = {(severity, code, subject) for severity, code, subject, _ in look["alarms"]}
            for severity, code, subject in sorted(now - before):
                episodes[severity].append(f"{stem} {look['day']} {code} {subject}")
            for severity in TOLD:
                weeks[severity] += any(each[0] == severity for each in now)
            before = now
    return {
        "books": len(books),
        "years": round(years, 1),
        "alarms_a_year": {severity: round(len(episodes[severity]) / years, 2) for severity in TOLD}
        if years
        else {},
        "weeks_with_an_alarm_a_year": {name: round(count / years, 2) for name, count in weeks.items()}
        if years
        else {},
        "episodes": dict(episodes),
    }


def _scenarios(read: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    found = {}
    for name in SCENARIOS:
        books = [days for stem, days in read.items() if stem.rpartition("-")[0] == name and name != "quiet"]
        if books:
            found[name] = {severity: _detection(books, severity) for severity in TOLD}
            if SCENARIOS[name].weeks:
                found[name]["weeks_until_alarms_end"] = [_weeks_until_they_end(name, days) for days in books]
    return found


def _detection(books: list[list[dict[str, Any]]], severity: str) -> dict[str, Any]:
    """Days from the change to the first alarm that was not standing before it, of that severity or a worse one."""
    days, codes = [], []
    for looks_ in books:
        standing = {
            (each[1], each[2])
            for look in looks_
            if look["day"] <= CHANGES_ON.isoformat()
            for each in look["alarms"]
        }
        new = [
            (date.fromisoformat(look["day"]), each)
            for look in looks_
            for each in look["alarms"]
            if (each[1], each[2]) not in standing and TOLD.index(each[0]) <= TOLD.index(severity)
        ]
        if new:
            days.append((new[0][0] - CHANGES_ON).days)
            codes.append(f"{new[0][1][1]} {new[0][1][2]}")
    return {
        "seen": f"{len(days)} of {len(books)}",
        "days": {"median": median(days), "least": min(days), "most": max(days)} if days else None,
        "first": sorted(set(codes)),
    }


def _weeks_until_they_end(name: str, days: list[dict[str, Any]]) -> dict[str, int | None]:
    """Per alarm that asked for action within the scenario, weeks from its end to the first look without it."""
    ends_on = (CHANGES_ON + timedelta(weeks=SCENARIOS[name].weeks or 0)).isoformat()
    asked = {
        (code, subject)
        for look in days
        for severity, code, subject, _ in look["alarms"]
        if severity == "act" and CHANGES_ON.isoformat() < look["day"] <= ends_on
    }
    later = [look for look in days if look["day"] >= ends_on]
    found: dict[str, int | None] = {}
    for code, subject in sorted(asked):
        gone = (
            week
            for week, look in enumerate(later)
            if [code, subject] not in [each[1:3] for each in look["alarms"]]
        )
        found[f"{code} {subject}"] = next(gone, None)
    return found


if __name__ == "__main__":
    main()
