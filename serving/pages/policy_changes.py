"""How is the policy changed on a page? A text or some numbers, checked and kept as a version; what the version would
change today; and then, with a reason, in force, or back to an earlier one.

Keeping a version changes nothing that anybody is told to do: it is the draft. Only activating it does, and whoever
activates says which version they thought was in force: if another came meanwhile, they look again first.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from serving.api.problems import ProblemError
from serving.desk import Flaw, PolicyVersion, RecordError, UnknownPolicy, Writing
from serving.languages import gettext, ngettext
from serving.languages.retelling import retold
from serving.office import Answer, Office
from serving.pages.forms import MOST_FIELDS
from serving.pages.later import Waiting
from serving.pages.paths import quoted
from serving.pages.policy_numbers import as_numbers, labels_of, plain_numbers, ruled_numbers
from serving.pages.policy_trial import told_trial, trial_of
from serving.pages.routing import Page, Pages, Visit, after
from serving.policy import Policy, PolicyError, Problem
from serving.policy.amending import amended, numbers_of
from serving.policy.spoken import outdated, unsaid

_MARKED = re.compile(r"[\w.]+|'[^']*'|\"[^\"]*\"|[^\w\s]+")
"""What is marked of a line where a problem begins: a word, a quoted text, or signs."""
MOST_NUMBERS = MOST_FIELDS - 100
"""A form has some fields beside the numbers."""
AROUND = 3
"""Unchanged lines that are shown around a change."""


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
    """The text to begin with: the one in force, or a version that is named; what is wrong with one that was sent."""
    version = visit.query.get("of", "")
    text = _kept(visit.office, version).text if version else text_in_force(visit)
    sent = visit.given.get("text")
    problems = checking(visit, {"text": sent})["problems"] if sent else []
    return {"of": version or _version_in_force(visit), "text": text, "problems": problems}


def numbering(visit: Visit) -> dict[str, Any]:
    """The numbers that are changed most, with what they are part of and the reasons beside them."""
    text = text_in_force(visit)
    count, plain = len(numbers_of(text)), plain_numbers(text)
    rules = ruled_numbers(text, visit.live.whole.policy)
    return {
        "of": _version_in_force(visit),
        "count": count,
        "fits": count <= MOST_NUMBERS,
        "plain": plain,
        "rules": rules,
        "labels": labels_of(plain, rules),
    }


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
    before, in_force = text_in_force(visit), _version_in_force(visit)
    if given.get("of", in_force) != in_force:
        raise _stale(in_force)
    values = as_numbers(before, given, is_whole="of" in given)
    try:
        text = amended(before, values)
        Policy.read(text)
    except PolicyError as error:
        raise RecordError("policies", [_flaw_of(each, values) for each in error.problems]) from None
    return _keep(visit, text, given.get("note", ""), writing)


def _stale(in_force: str) -> ProblemError:
    told = gettext(
        "Version %(version)s came into force meanwhile. What you wrote stands below; look at each number again."
    )
    return ProblemError("stale_version", told % {"version": in_force})


def _flaw_of(problem: Problem, values: Mapping[str, str]) -> Flaw:
    """A problem at the field that it is about, where there is one."""
    told = "; ".join(retold(each, exact=True) for each in (problem.message, problem.suggestion) if each)
    if problem.place in values:
        return Flaw(f"/{problem.place}", told)
    where = gettext("Line %(line)s, %(place)s: %(told)s")
    return Flaw("", where % {"line": problem.line, "place": problem.place, "told": told})


def _keep(visit: Visit, text: str, note: str, writing: Writing) -> Answer:
    try:
        read = Policy.read(text)
    except PolicyError as error:
        raise RecordError("policies", [Flaw("/text", _mend_text(len(error.problems)))]) from None
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
    trial = trial_of(visit, kept)
    since = trial.since if isinstance(trial, Waiting) else None
    return told | {
        "differences": _differences(text_in_force(visit), kept.text),
        "waits": trial is None,
        "waiting_seconds": round((visit.office.now() - since).total_seconds()) if since else None,
        "trial": told_trial(visit, trial) if isinstance(trial, dict) else None,
    }


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
    return active.text if active is not None else policy.written or policy.text()


def _version_in_force(visit: Visit) -> str:
    active = visit.office.desk.active_policy()
    return active.version if active is not None else visit.live.whole.policy.version


def _kept(office: Office, version: str) -> PolicyVersion:
    found = next((each for each in office.desk.policies() if each.version == version), None)
    if found is None:
        raise UnknownPolicy(version)
    return found


def _mend_text(count: int) -> str:
    told = ngettext(
        "%(num)s problem keeps this from being a policy: it is shown above, with its place.",
        "%(num)s problems keep this from being a policy: they are shown above, each with its place.",
        count,
    )
    return told % {"num": count}


def _told_problem(problem: Problem, text: str) -> dict[str, Any]:
    """A problem with the lines around its place: the one of the problem is parted where the problem begins."""
    lines = text.splitlines()
    at = min(max(problem.line, 1), max(len(lines), 1)) - 1
    there = lines[at] if lines else ""
    begin = min(max(problem.column - 1, 0), len(there))
    found = _MARKED.match(there, begin)
    end = found.end() if found else len(there)
    names = ("line", "column", "place", "message", "suggestion")
    return {name: getattr(problem, name) for name in names} | {
        "before": [_line(lines, n) for n in (at - 1,) if n >= 0],
        "text": [there[:begin], there[begin:end], there[end:]],
        "pointer": " " * begin + "^" * max(end - begin, 1),
        "after": [_line(lines, n) for n in (at + 1,) if n < len(lines)],
    }


def _line(lines: list[str], place: int) -> dict[str, Any]:
    return {"line": place + 1, "text": lines[place]}


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
