"""Does everything exist that the table of practices names?"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from features.catalogue import CATALOGUE
from serving.alerts.rules import RULES
from serving.api.app import create_app
from serving.api.documents import open_api
from serving.api.readiness import Readiness
from serving.cli import main
from serving.desk import KINDS
from serving.kpis.catalogue import DEFINITIONS

SERVING = Path(__file__).parent.parent / "serving"
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split("|")]
    for line in (SERVING / "practices.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"\| P\d", line)
]
NAMED = [(row[0], *each.split(" ", 1)) for row in ROWS for each in re.findall(r"`([a-zA-Z]+ [^`]+)`", row[3])]


@cache
def policy() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((SERVING / "policy.yaml").read_text(encoding="utf-8"))
    return found


@cache
def routes() -> set[str]:
    described = open_api(create_app(Readiness(lambda: pytest.fail("not loaded"))))["paths"]
    return {f"{verb.upper()} {path}" for path, verbs in described.items() for verb in verbs}


@cache
def steps() -> set[str]:
    text = (
        (SERVING / "policy.yaml")
        .read_text(encoding="utf-8")
        .split("\nstrategies:")[1]
        .split("\ncustomer_tiers:")[0]
    )
    return set(re.findall(r"\{id: (\w+)", text))


def is_command(words: str) -> bool:
    found: click.Command | None = main
    for word in words.split():
        found = found.commands.get(word) if isinstance(found, click.Group) else None
    return isinstance(found, click.Command) and found is not main


def ids(section: str) -> set[str]:
    return {each["id"] for each in policy()[section]}


EXISTS: dict[str, Callable[[str], bool]] = {
    "duecourse": is_command,
    **{verb: (lambda path, verb=verb: f"{verb} {path}" in routes()) for verb in ("GET", "POST", "PATCH")},
    "action": lambda name: name in policy()["actions"],
    "guard": lambda name: name in ids("guards"),
    "segment": lambda name: name in ids("segments"),
    "step": lambda name: name in steps(),
    "section": lambda name: name in policy(),
    "credit": lambda name: name in {each["id"] for each in policy()["credit"]["rules"]},
    "figure": lambda name: name in DEFINITIONS,
    "alert": lambda name: name in RULES,
    "text": lambda name: (SERVING / f"messages/texts/en/actions/{name}.jinja").is_file(),
    "page": lambda name: (SERVING / f"pages/templates/{name}.html").is_file(),
    "feature": lambda name: name in CATALOGUE.names,
    "record": lambda name: name in KINDS,
}


def test_every_practice_has_one_row_that_names_something() -> None:
    assert [row[0] for row in ROWS] == [f"P{number}" for number in range(1, 53)]
    assert {row[0] for row in ROWS} == {practice for practice, *_ in NAMED}
    assert all(len(row) == 4 and all(row) for row in ROWS)


@pytest.mark.parametrize("kind", EXISTS)
def test_what_is_named_exists(kind: str) -> None:
    wrong = [
        f"{practice}: {kind} {name}"
        for practice, word, name in NAMED
        if word == kind and not EXISTS[kind](name)
    ]
    assert wrong == []
    assert not EXISTS[kind]("no_such_thing") and any(word == kind for _, word, _ in NAMED)


def test_every_word_before_a_name_is_explained() -> None:
    assert {word for _, word, _ in NAMED} == EXISTS.keys()
