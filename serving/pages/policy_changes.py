"""How is the policy changed on a page? A text or some numbers, checked and kept as a version; what the version would
change today; and then, with a reason, in force, or back to an earlier one.

Keeping a version changes nothing that anybody is told to do: it is the draft. Only activating it does, and whoever
activates says which version they thought was in force: if another came meanwhile, they look again first.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from serving.accounts import money
from serving.api.problems import ProblemError
from serving.comparing import compared
from serving.desk import Flaw, PolicyVersion, RecordError, UnknownPolicy, Writing
from serving.in_force import policy_of
from serving.languages import gettext
from serving.office import Answer, Office
from serving.pages.later import Waiting
from serving.pages.names import names_of
from serving.pages.paths import quoted
from serving.pages.routing import Page, Pages, Visit, after
from serving.policy import Policy, PolicyError, Problem
from serving.policy.amending import GROUPS, Number, amended, numbers_of
from serving.policy.sentences import chapters, spaced
from serving.policy.spoken import outdated, unsaid
from serving.policy.vocabulary import CASE_TERMS

MOST_MOVES = 50
SIGNS = {">=": "at least", "<=": "at most", ">": "above", "<": "below", "==": "is"}
AROUND = 3
"""Unchanged lines that are shown around a change."""
MANY_CASES = 20_000
"""With more open invoices than this, a dry run is made beside the answers, where it is asked for."""


def add(pages: Pages) -> None:
    """The pages on which a policy is written, tried and put in force, and their forms."""
    edit = Page("/policy/edit", "write:policy", "policy_edit.html", editing)
    numbers = Page("/policy/numbers", "write:policy", "policy_numbers.html", numbering)
    version = Page("/policy/versions/{version}", "read:policy", "policy_version.html", showing)
    pages.form("/policy/edit", "write:policy", keep_text, edit)
    pages.form("/policy/numbers", "write:policy", keep_numbers, numbers)
    pages.form("/policy/versions/{version}", "write:policy", activate, version)
    pages.part("/policy/check", "write:policy", "policy_check.html", checking)
    for page in (edit, numbers, version):
        pages.page(page)


def editing(visit: Visit) -> dict[str, Any]:
    """The text to begin with: the one in force, or a version that is named."""
    version = visit.query.get("of", "")
    text = _kept(visit.office, version).text if version else text_in_force(visit)
    return {"of": version or _version_in_force(visit), "text": text}


def numbering(visit: Visit) -> dict[str, Any]:
    """The numbers that are changed most, with what they are part of."""
    found = numbers_of(text_in_force(visit))
    groups = {name: [each for each in found if each.group == name] for name in GROUPS}
    return {
        "of": _version_in_force(visit),
        "plain": {name: [vars(each) for each in groups[name]] for name in GROUPS[:2] if groups[name]},
        "rules": list(_rules(visit.live.whole.policy, groups["tier_rules"])),
    }


def _rules(policy: Policy, numbers: list[Number]) -> Iterator[dict[str, Any]]:
    """The rules of the tiers in their order, each with its sentence and the numbers in it."""
    said = chapters(policy.parts)["Tiers"]
    for rule in dict.fromkeys(each.rule for each in numbers):
        mine = [vars(each) | {"label": _label(each)} for each in numbers if each.rule == rule]
        sentence = next((each for each in said if f"({rule})" in each), rule)
        yield {"rule": rule, "sentence": sentence, "numbers": mine}


def _label(number: Number) -> str:
    name, _, sign = number.compared.partition(" ")
    known = CASE_TERMS.get(name)
    what = known.said if known is not None and known.said else spaced(name)
    return f"{what} {SIGNS.get(sign, sign)}".strip().removeprefix("the ")


def checking(visit: Visit, given: dict[str, str]) -> dict[str, Any]:
    """What is wrong with a text, and how it differs from the one in force."""
    text = given.get("text", "")
    try:
        read = Policy.read(text)
    except PolicyError as error:
        problems = [_told_problem(each, text) for each in error.problems]
        return {"problems": problems, "version": None, "other_languages": []}
    return {
        "problems": [],
        "version": read.version,
        "is_in_force": read.version == _version_in_force(visit),
        "changed_lines": sum(of["op"] != "=" for of in _differences(text_in_force(visit), text)),
        "other_languages": [*unsaid(read.parts), *outdated(visit.live.whole.policy.parts, read.parts)],
    }


def keep_text(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """Keep a text as a version, and go on to what it would change."""
    return _keep(visit, given.get("text", ""), given.get("note", ""), writing)


def keep_numbers(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """The same for the text in force with other numbers."""
    values = {name: value for name, value in given.items() if name.partition(".")[0] in GROUPS}
    try:
        text = amended(text_in_force(visit), values)
    except PolicyError as error:
        raise RecordError(
            "policies", [Flaw(f"/{each.place}", each.message) for each in error.problems]
        ) from None
    return _keep(visit, text, given.get("note", ""), writing)


def _keep(visit: Visit, text: str, note: str, writing: Writing) -> Answer:
    try:
        read = Policy.read(text)
    except PolicyError as error:
        raise RecordError(
            "policies", [Flaw(f"/text/{each.line}", str(each)) for each in error.problems]
        ) from None
    if read.version == _version_in_force(visit):
        same = gettext("this says what the policy in force says already: nothing would change")
        raise RecordError("policies", [Flaw("", same)])
    if all(each.version != read.version for each in visit.office.desk.policies()):
        writing.save_policy(read.version, text, note)
    return after(f"/policy/versions/{quoted(read.version)}", "policy_kept")


def showing(visit: Visit) -> dict[str, Any]:
    """A kept version: how it differs from the one in force, and what it would change today."""
    kept = _kept(visit.office, visit.parameters["version"])
    in_force = _version_in_force(visit)
    told = {name: getattr(kept, name) for name in ("version", "note", "saved_at", "saved_by", "text")}
    told |= {"in_force": in_force, "is_in_force": kept.version == in_force}
    if told["is_in_force"]:
        return told | {"differences": [], "trial": None, "waits": False, "waiting_seconds": None}
    trial = _trial(visit, kept)
    since = trial.since if isinstance(trial, Waiting) else None
    return told | {
        "differences": _differences(text_in_force(visit), kept.text),
        "waits": trial is None,
        "waiting_seconds": round((visit.office.now() - since).total_seconds()) if since else None,
        "trial": None if isinstance(trial, Waiting) else _named(visit, trial),
    }


def _trial(visit: Visit, kept: PolicyVersion) -> dict[str, Any] | Waiting | None:
    """What it would change: at once in a small book, else beside the answers, and only where it is asked for."""
    live = visit.live

    def tried() -> dict[str, Any]:
        candidate = policy_of(kept)
        return compared(live.whole.policy, candidate, live.open_cases(), live.as_of, MOST_MOVES).as_dict()

    if visit.kept.once(live, "count of open invoices", lambda: live.open_count) <= MANY_CASES:
        return visit.kept.once(live, f"trial of {kept.version}", tried)
    if "try" not in visit.query:
        return None
    name = f"trial of {kept.version}"
    found: dict[str, Any] | Waiting = visit.kept.later.found(live.whole, {name: tried}, visit.office.now())[
        name
    ]
    return found


def _named(visit: Visit, told: dict[str, Any] | None) -> dict[str, Any] | None:
    """A trial with the names of those who move, and their money as it is written."""
    if told is None:
        return None
    names = names_of(visit.live, [each["customer_id"] for each in told["moves"]])
    moves = [
        each
        | {
            "name": names.get(each["customer_id"], ""),
            "amount_open": money(each["amount_open"], each["currency"]),
        }
        for each in told["moves"]
    ]
    return told | {"moves": moves}


def activate(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """Put a kept version in force, if the one that was seen in force still is."""
    version, in_force = visit.parameters["version"], _version_in_force(visit)
    if given.get("seen") != in_force:
        raise ProblemError(
            "stale_version",
            gettext(
                "Version %(version)s came into force meanwhile. Below is what would change now; decide again."
            )
            % {"version": in_force},
        )
    if not given.get("why"):
        raise RecordError("policies", [Flaw("/why", gettext("say why, for those who read it in a year"))])
    if all(each.version != in_force for each in visit.office.desk.policies()):
        # what no desk keeps could not be put in force again
        writing.save_policy(
            in_force, text_in_force(visit), gettext("in force before anything was changed here")
        )
    writing.activate_policy(version, given["why"])
    return after("/policy", "policy_active")


def text_in_force(visit: Visit) -> str:
    """The policy in force as it was written, comments and all, as far as it is known here."""
    policy, active = visit.live.whole.policy, visit.office.desk.active_policy()
    if active is not None:
        return active.text
    packaged, version = _packaged()
    return packaged if version == policy.version else policy.text()


@cache
def _packaged() -> tuple[str, str]:
    """The packaged policy as it is written, and its version: to read it takes a good part of a second."""
    text = files("serving").joinpath("policy.yaml").read_text("utf-8")
    return text, Policy.read(text).version


def _version_in_force(visit: Visit) -> str:
    active = visit.office.desk.active_policy()
    return active.version if active is not None else visit.live.whole.policy.version


def _kept(office: Office, version: str) -> PolicyVersion:
    found = next((each for each in office.desk.policies() if each.version == version), None)
    if found is None:
        raise UnknownPolicy(version)
    return found


def _told_problem(problem: Problem, text: str) -> dict[str, Any]:
    lines = text.splitlines()
    there = lines[problem.line - 1] if 0 < problem.line <= len(lines) else ""
    return {name: getattr(problem, name) for name in ("line", "place", "message", "suggestion")} | {
        "text": there
    }


def _differences(before: str, after_: str) -> list[dict[str, Any]]:
    """Lines that came (+), went (-) or stand around them (=), with a mark (…) where lines were left out."""
    old, new = before.splitlines(), after_.splitlines()
    return list(_lines(difflib.SequenceMatcher(None, old, new, autojunk=False), old, new))


def _lines(found: difflib.SequenceMatcher[str], old: list[str], new: list[str]) -> Iterator[dict[str, Any]]:
    for count, group in enumerate(found.get_grouped_opcodes(AROUND)):
        if count:
            yield {"op": "…", "line": None, "text": ""}
        for tag, begin, end, there, until in group:
            if tag == "equal":
                yield from (
                    {"op": "=", "line": there + n + 1, "text": old[begin + n]} for n in range(end - begin)
                )
                continue
            yield from ({"op": "-", "line": None, "text": line} for line in old[begin:end])
            yield from (
                {"op": "+", "line": there + n + 1, "text": new[there + n]} for n in range(until - there)
            )
