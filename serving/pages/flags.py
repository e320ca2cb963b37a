"""What holds of a customer until somebody says otherwise: evidence, hardship, quiet time, a way of paying?

Hardship and vulnerability are seen and written only by those who may (serving/roles.py).
"""

from __future__ import annotations

from typing import Any

from serving.api.problems import ProblemError
from serving.api.resources import SENSITIVE_FLAGS, may_write
from serving.desk import Flaw, Record, RecordError, Writing
from serving.languages import gettext
from serving.office import Answer
from serving.pages.recording import about, back_to, keep
from serving.pages.routing import Visit
from serving.pages.story import Story
from serving.pay_runs import PayRun

KIND = "flags"
NEEDS = ("pay_run", "preferred_channel")
"""Flags that say something only with a value."""


def meanings() -> dict[str, str]:
    """Every flag and what it says, in the language of this moment."""
    return {
        "terms_accepted": gettext("our terms were accepted"),
        "sequence_communicated": gettext("they were told what happens when, should they be late"),
        "do_not_contact_until": gettext("nobody contacts them until a day"),
        "preferred_channel": gettext("how they want to hear from us"),
        "pay_run": gettext("when they pay, as they told us"),
        "insolvency": gettext("an insolvency is known"),
        "hardship": gettext("they are in difficulties"),
        "vulnerability": gettext("a person needs special care"),
    }


def flags(story: Story) -> list[dict[str, Any]]:
    """The flags that are set, as far as whoever looks may see them."""
    said = meanings()
    return [
        {
            "flag_id": each.record_id,
            "version": each.version,
            "customer_id": each.customer_id,
            "meaning": said.get(each.content["flag"], each.content["flag"]),
            "is_sensitive": each.content["flag"] in SENSITIVE_FLAGS,
            "by": each.changed_by,
            **{
                name: each.content.get(name)
                for name in ("flag", "value", "since", "until", "evidence", "note")
            },
        }
        for each in story.of_kind(KIND)
        if each.status == "set"
    ]


def choices(visit: Visit) -> list[tuple[str, str]]:
    """The flags that whoever looks may set."""
    sees = visit.may("write:sensitive")
    return [(flag, text) for flag, text in meanings().items() if sees or flag not in SENSITIVE_FLAGS]


def record_flag(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """Set a flag, or take one away that was seen."""
    if "clear" in given:
        _clear(visit, given, writing)
        return back_to(visit, "flag_cleared")
    content = _content(visit, given)
    _check(visit, content)
    there = _there(visit, content["customer_id"], content["flag"])
    if there is None:
        keep(visit, writing, KIND, content)
    elif there.status == "set":
        told = gettext("is set already, by %(name)s: take it away first if it is to say something else")
        raise RecordError(KIND, [Flaw("/flag", told % {"name": there.changed_by})])
    else:
        blank = dict.fromkeys(("value", "until", "evidence", "note"))
        writing.change(KIND, there.record_id, {**blank, **content, "status": "set"}, there.version)
    return back_to(visit, "flag")


def _content(visit: Visit, given: dict[str, str]) -> dict[str, Any]:
    flag, value = given.get("flag", ""), given.get("value")
    if flag not in meanings():
        raise RecordError(KIND, [Flaw("/flag", gettext("choose what holds of them"))])
    if flag in NEEDS and not value:
        raise RecordError(KIND, [Flaw("/value", gettext("write it down, such as Thursday, or phone"))])
    if flag == "pay_run":
        try:
            PayRun.parse(str(value))
        except ValueError as error:
            raise RecordError(KIND, [Flaw("/value", str(error))]) from None
    content: dict[str, Any] = about(visit, given)
    content["since"] = content.get("since") or visit.live.as_of.isoformat()
    return content


def _clear(visit: Visit, given: dict[str, str], writing: Writing) -> None:
    record = next((each for each in _of_case(visit) if each.record_id == given["clear"]), None)
    if record is None:
        raise RecordError(KIND, [Flaw("", gettext("there is no such flag on this case"))])
    _check(visit, record.content)
    version = given.get("version", "")
    writing.change(KIND, record.record_id, {"status": "cleared"}, int(version) if version.isdecimal() else 0)


def _there(visit: Visit, customer_id: str, flag: str) -> Record | None:
    return next(
        (each for each in _of_case(visit) if (each.customer_id, each.content["flag"]) == (customer_id, flag)),
        None,
    )


def _of_case(visit: Visit) -> list[Record]:
    members = visit.live.members_of(visit.parameters["case_id"])
    return visit.office.desk.find(KIND, customer_ids=members)


def _check(visit: Visit, content: dict[str, Any]) -> None:
    if not may_write(visit.caller, KIND, content):
        raise ProblemError("not_allowed", "Only roles with the right write:sensitive may write this.")
