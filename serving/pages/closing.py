"""What becomes of a conversation when it is closed? A contact, with a promise, a plan or the day of the next word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from serving.api.letters import check_wording
from serving.api.problems import ProblemError
from serving.desk import Flaw, Record, RecordError, Writing
from serving.languages import gettext
from serving.office import Answer
from serving.pages.customer import story_of
from serving.pages.paths import customer_path, quoted
from serving.pages.recording import about, keep
from serving.pages.routing import Visit, after
from serving.pages.story import Story
from serving.pages.ways import Ways, added_up, day_of

ENDS = ("promise", "plan", "day")
REASONS = (
    "forgot",
    "process delay",
    "invoice arrived late",
    "no purchase order",
    "cannot pay",
    "disputed",
    "will not pay",
)
"""Why it was not paid, in words that the policy knows (section reasons)."""
SAID_OF = ("channel", "direction", "person", "confirmed_back", "note")
OUTCOME_OF = {"promise": "promised", "plan": "plan_agreed", "day": "reached"}
TEXT_OF = ("subject", "body", "recipient", "language", "action", "template", "channel")
AGREED = ("contacts", "promises", "payment_plans", "disputes")
"""What somebody else may have recorded while one spoke: it is told before anything is added to it."""
WRITTEN = "written"
"""The outcome of a contact by a text that was sent."""


@dataclass(frozen=True)
class End:
    """What a conversation ended in: the next contact, and the promise or the plan."""

    next_on: str
    kept: tuple[Record, ...] = ()

    def id_of(self, kind: str) -> str | None:
        """The first record of a kind that it ended in."""
        return next((each.record_id for each in self.kept if each.kind == kind), None)


def close(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """Record a conversation with what it ended in; RecordError with all that is missing."""
    content, story = about(visit, _only(given, (*SAID_OF, "customer_id"))), story_of(visit)
    _check_seen(story, given)
    ways = Ways(story, None, str(content["customer_id"]), given)
    ends = given.get("ends", "")
    _check_end(ways, ends)
    end = _ENDS[ends](visit, ways, writing)
    content |= {"next_contact_on": end.next_on, "outcome": given.get("outcome") or OUTCOME_OF[ends]}
    if promise_id := end.id_of("promises"):
        content["promise_id"] = promise_id
    _reasons(visit, given, writing)
    contact = keep(visit, writing, "contacts", content)
    _close_case(story, end, writing)
    case = customer_path(visit.parameters["case_id"])
    return after(f"{case}/conversation?closed={quoted(contact.record_id)}", "conversation")


def keep_message(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """Keep a text as sent, if a customer may read it; one that is no summary of a talk is a contact of its own."""
    content = about(visit, _only(given, (*TEXT_OF, "customer_id")))
    content["sent_on"] = visit.live.as_of.isoformat()
    content["policy_version"] = visit.live.whole.policy.version
    is_summary, next_on = bool(given.get("contact_id")), given.get("next_contact_on")
    if not is_summary and not next_on:
        said = gettext("every contact ends with the day on which we speak again")
        raise RecordError("contacts", [Flaw("/next_contact_on", said)])
    check_wording(visit.office, visit.live, content)
    keep(visit, writing, "messages", content)
    if not is_summary:
        told = {"customer_id": content["customer_id"], "direction": "outgoing", "outcome": WRITTEN}
        told |= {"channel": content.get("channel", "email"), "next_contact_on": next_on}
        keep(visit, writing, "contacts", told)
    return after(customer_path(visit.parameters["case_id"]), "message")


def seen(story: Story) -> int:
    """Up to which number the records of a case are known to whoever looks at it now."""
    return max((each.sequence for each in story.all_records), default=0)


def _check_seen(story: Story, given: Mapping[str, str]) -> None:
    """Raise the problem of a conversation during which somebody else agreed on something with the same customer."""
    known, mine = given.get("seen", ""), story.visit.caller.name
    since = [
        each
        for each in story.records
        if each.kind in AGREED and each.sequence > int(known) and each.changed_by != mine
    ] if known.isdecimal() else []  # fmt: skip
    if since:
        said = gettext(
            "%(who)s recorded something about this customer meanwhile. Look at it, then close the "
            "conversation; what you wrote is still here."
        )
        raise ProblemError("stale_version", said % {"who": since[0].changed_by})


def _check_end(ways: Ways, ends: str) -> None:
    """All that keeps a conversation from being closed, at once."""
    flaws = []
    if ends not in ENDS:
        said = gettext(
            "a conversation ends with a promise, a plan, or the day on which we speak again: choose one"
        )
        flaws.append(Flaw("/ends", said))
    if ends in ("promise", "plan") and not ways.given.get("person"):
        flaws.append(Flaw("/person", gettext("name the person who said so")))
    flaws += {"promise": _promise_flaws, "plan": _plan_flaws, "day": _day_flaws}.get(ends, _none)(ways)
    if flaws:
        raise RecordError("contacts", flaws)


def _none(ways: Ways) -> Iterator[Flaw]:
    return iter(())


def _day_flaws(ways: Ways) -> Iterator[Flaw]:
    if not ways.given.get("next_contact_on"):
        said = gettext("every contact ends with the day on which we speak again")
        yield Flaw("/next_contact_on", said)


def _promise_flaws(ways: Ways) -> Iterator[Flaw]:
    if not ways.promised():
        yield Flaw("/promise_of", gettext("name the invoices that were promised"))
    field = "promised_other" if ways.given.get("promised_other") else "promised_on"
    on = day_of(ways.promised_on())
    if on is None:
        yield Flaw(f"/{field}", gettext("name the day by which it will be paid"))
    elif not ways.days.is_working(on):
        yield Flaw(f"/{field}", ways.remark(on.isoformat()))


def _plan_flaws(ways: Ways) -> Iterator[Flaw]:
    rows, owed = ways.instalments(), ways.plan_about
    if owed is None or not rows:
        yield Flaw("/due_1", gettext("name the day and the amount of each part"))
        return
    for n, each in enumerate(rows, 1):
        on = day_of(each["due_on"])
        if on is None:
            yield Flaw(f"/due_{n}", gettext("name the day and the amount of each part"))
        elif not ways.days.is_working(on):
            yield Flaw(f"/due_{n}", ways.remark(on.isoformat()))
    sum_ = added_up(rows, owed["amount"])
    if sum_["total"] is None:
        yield Flaw("/amount_1", gettext("write each amount like 1200.50"))
    elif Decimal(sum_["apart"]):
        told = {"total": sum_["total"], "owed": owed["amount"], "currency": owed["currency"]}
        said = gettext(
            "they come to %(total)s %(currency)s, and %(owed)s %(currency)s is to be paid: %(rest)s apart"
        )
        yield Flaw("/instalments", said % (told | {"rest": abs(Decimal(sum_["apart"]))}))


def _promise(visit: Visit, ways: Ways, writing: Writing) -> End:
    """One promise for each invoice that was named, all by the same day."""
    kept = []
    for row, said in ways.promised():
        told = {"invoice_id": row["invoice_id"], "promised_on": ways.promised_on()}
        told |= _only(ways.given, ("person", "channel"))
        owed = said or row["amount_open"]
        with _named({"amount": "promise_of"}):
            kept.append(keep(visit, writing, "promises", told | ({"amount": owed} if owed else {})))
    return End(_next(ways, ways.promised_on()), tuple(kept))


def _plan(visit: Visit, ways: Ways, writing: Writing) -> End:
    """The plan as it was written; that it comes to what is owed was checked before."""
    owed, rows = ways.plan_about, ways.instalments()
    assert owed is not None
    told: dict[str, Any] = {
        "customer_id": ways.customer_id,
        "instalments": rows,
        "currency": owed["currency"],
    }
    told |= {"invoice_id": owed["invoice_id"]} if owed["invoice_id"] else {}
    places = {f"instalments/{n}/{name}": f"{field}_{n + 1}" for n in range(len(rows))
              for name, field in (("due_on", "due"), ("amount", "amount"))}  # fmt: skip
    with _named(places):
        kept = keep(visit, writing, "payment_plans", told | _only(ways.given, ("person",)))
    return End(_next(ways, rows[0]["due_on"]), (kept,))


def _next_day(visit: Visit, ways: Ways, writing: Writing) -> End:
    return End(ways.given["next_contact_on"])


_ENDS = {"promise": _promise, "plan": _plan, "day": _next_day}


def _next(ways: Ways, day: str) -> str:
    """The day of the next contact as it was written, or the working day after, on which we look whether it came."""
    on = day_of(day)
    assert on is not None
    return ways.given.get("next_contact_on") or ways.days.next_working(on + timedelta(days=1)).isoformat()


class _named:  # noqa: N801 - reads as a word of the `with` statement
    """Gives flaws the names that their fields have in the form."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = fields

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, RecordError):
            flaws = [
                Flaw(f"/{self.fields.get(each.pointer[1:], each.pointer[1:])}", each.text)
                for each in error.flaws
            ]
            raise RecordError(error.kind, flaws) from None


def _close_case(story: Story, end: End, writing: Writing) -> None:
    """Close the case of the day: it comes back by what was agreed. Places and pauses set by hand are over with it."""
    if not story.visit.may("write:decisions"):
        return
    agreed = {"promise_id": end.id_of("promises"), "plan_id": end.id_of("payment_plans")}
    content: dict[str, Any] = {**agreed, "next_contact_on": None, "status": "closed"}
    if not any(agreed.values()):
        content["next_contact_on"] = end.next_on
    there = story.visit.office.desk.find("case_states", customer_ids=[*story.members, story.case_id])
    mine = next((each for each in there if each.record_id == story.case_id), None)
    if mine is None:
        known = {name: value for name, value in content.items() if value is not None}
        customer = story.case_id if story.case_id in story.members else story.members[0]
        writing.add("case_states", {"case_id": story.case_id, "customer_id": customer, **known})
    else:
        over = dict.fromkeys(("snoozed_until", "position", "position_reason"))
        writing.change("case_states", story.case_id, over | content, mine.version)


def _reasons(visit: Visit, given: Mapping[str, str], writing: Writing) -> None:
    """Why it was not paid, for each invoice that was spoken about."""
    if not given.get("reason"):
        return
    for name, invoice_id in given.items():
        if name.startswith("about_"):
            told = {"invoice_id": invoice_id, "reason": given["reason"], **_only(given, ("person",))}
            keep(visit, writing, "nonpayment_reasons", told)


def _only(given: Mapping[str, str], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: given[name] for name in names if given.get(name)}
