"""What was promised, disputed, said and done? The ledger's rows and the desk's records as one story."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from features.days import day_number
from features.ledger import written_amount
from serving.desk import LEDGER_KINDS, Record
from serving.languages import formats, gettext, marked, ngettext
from serving.languages.formats import money
from serving.languages.retelling import retold
from serving.pages.rendering import as_date, many, sentence, words
from serving.pages.routing import Visit
from serving.pages.story import Story

IDS = {
    "promises": "promise_id",
    "disputes": "dispute_id",
    "contacts": "contact_id",
    "complaints": "complaint_id",
}
DATED = {
    "contacts": "contacted_on",
    "promises": "made_on",
    "disputes": "opened_on",
    "complaints": "opened_on",
    "credit_notes": "credited_on",
    "nonpayment_reasons": "recorded_on",
    "payment_plans": "agreed_on",
    "credit_reports": "reported_on",
}
"""Tables that tell a story, and the day each row belongs to."""
DESK_DATED = {
    "notes": "noted_on",
    "decisions": "decided_on",
    "credit_decisions": "decided_on",
    "reviews": "reviewed_on",
    "flags": "since",
    "messages": "sent_on",
    "tasks": "created_on",
    "tier_changes": "changed_on",
    "alerts": "raised_on",
}


def _on(value: Any) -> str | None:
    # isoformat is many times faster than a format of its own, and a story has thousands of days
    return None if value is None or pd.isna(value) else value.isoformat()[:10]


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else None if value is None or pd.isna(value) else value


def promises(story: Story) -> list[dict[str, Any]]:
    """Promises, the latest first, and what became of each: by the desk's word, or by what was paid up to its day.

    `booked_on` is there where the money came in time and was known only later: until then it counted as broken.
    """
    paid: dict[str, list[tuple[str, int, str]]] = {}
    for row in story.rows("payments"):
        if _plain(row["invoice_id"]) and (on := _on(row["paid_on"])):
            known = _on(row["known_on"]) or on
            paid.setdefault(str(row["invoice_id"]), []).append((on, int(row["amount"]), known))
    at_desk = {each.record_id: each for each in story.of_kind("promises")}
    told = []
    for row in story.rows("promises"):
        record = at_desk.get(str(row["promise_id"]))
        made, until = _on(row["made_on"]) or "", _on(row["promised_on"]) or ""
        in_time = [each for each in paid.get(str(row["invoice_id"]), []) if made <= each[0] <= until]
        came = sum(amount for _, amount, _ in in_time)
        booked = max((known for *_, known in in_time), default="")
        promised = int(row["amount"])
        verdict = _verdict(min(promised, _owed(story.visit, row, made)), came, until, story.visit.live.as_of)
        status = record.status if record and record.status != "open" else verdict
        told.append(
            {
                "promise_id": str(row["promise_id"]),
                "invoice_id": str(row["invoice_id"]),
                "made_on": made,
                "promised_on": until,
                "amount": written_amount(promised, str(row["currency"])),
                "currency": str(row["currency"]),
                "person": record.content.get("person") if record else None,
                "status": status,
                "booked_on": booked if booked > until else None,
            }
        )
    return sorted(told, key=lambda each: each["promised_on"], reverse=True)


def _owed(visit: Visit, row: Mapping[str, Any], made_on: str) -> int:
    """What was open of the promise's invoice when it was made: nobody has to pay more than that."""
    facts = visit.live.of_invoice(str(row["invoice_id"])).facts
    position = np.array([facts.position(str(row["invoice_id"]))])
    if position[0] < 0 or not facts.amount_known(position)[0]:
        return 1
    return max(int(facts.amount_open(position, np.array([day_number(date.fromisoformat(made_on))]))[0]), 1)


def _verdict(wanted: int, came: int, until: str, today: date) -> str:
    """What became of a promise by what came in up to its day."""
    if came >= wanted:
        return "kept"
    if today.isoformat() <= until:
        return "open"
    return "partially_kept" if came > 0 else "broken"


def disputes(story: Story) -> list[dict[str, Any]]:
    """Disputes, open ones first, then the latest."""
    at_desk = {each.record_id: each for each in story.of_kind("disputes")}
    told = []
    for row in story.rows("disputes"):
        record = at_desk.get(str(row["dispute_id"]))
        content: Mapping[str, Any] = record.content if record else {}
        opened, closed = _on(row["opened_on"]) or "", _on(row["closed_on"])
        is_open = closed is None or closed > story.visit.live.as_of.isoformat()
        days = (story.visit.live.as_of - date.fromisoformat(opened)).days
        told.append(
            {
                "dispute_id": str(row["dispute_id"]),
                "invoice_id": str(row["invoice_id"]),
                "opened_on": opened,
                "closed_on": closed,
                "is_open": is_open,
                "days_open": days if is_open else None,
                "cause": content.get("cause") or _plain(row["reason"]),
                "owner": content.get("owner"),
                "amount": content.get("amount"),
                "currency": str(_plain(row.get("currency")) or ""),
            }
        )
    return sorted(told, key=lambda each: (each["is_open"], each["opened_on"]), reverse=True)


def timeline(story: Story, most: int, kinds: Collection[str] = ()) -> dict[str, Any]:
    """What was told and done last, the latest first, and how much more there is; `kinds`: only of these."""
    found = story.records
    by_id = {(each.kind, each.record_id): each for each in found}
    events = [*_of_ledger(story, by_id), *_payments(story), *_of_desk(found)]
    wanted = [each for each in events if not kinds or each.kind in kinds]
    wanted.sort(key=lambda each: (each.on, each.number), reverse=True)
    return {"events": [each.told() for each in wanted[:most]], "more": max(len(wanted) - most, 0)}


@dataclass(frozen=True)
class Event:
    """One thing that happened; its words are made for the few that are shown."""

    on: str
    kind: str
    words: Callable[[], tuple[str, str]]
    """Title and text."""
    invoice_id: Any = None
    record: Record | None = None

    @property
    def number(self) -> int:
        """What was told last on a day comes first."""
        return self.record.sequence if self.record else 0

    def told(self) -> dict[str, Any]:
        """The event as plain data."""
        title, text = self.words()
        return {
            "on": self.on,
            "kind": self.kind,
            "title": title,
            "text": text,
            "invoice_id": self.invoice_id,
            "by": self.record.changed_by if self.record else None,
            "number": self.number,
        }


def _of_ledger(story: Story, by_id: Mapping[tuple[str, str], Record]) -> Iterator[Event]:
    for name, dated in DATED.items():
        for row in story.rows(name):
            on = _on(row[dated])
            if on is None or on > story.visit.live.as_of.isoformat():
                continue
            record = by_id.get((name, str(row.get(IDS.get(name, ""), ""))))
            said = partial(_WORDS[name], row, record.content if record else {})
            yield Event(on, name, said, _plain(row.get("invoice_id")), record)


def _of_desk(found: list[Record]) -> Iterator[Event]:
    sent = {each.content["message_id"]: each for each in found if each.kind == "sendings"}
    for each in found:
        if each.kind in LEDGER_KINDS or each.kind not in DESK_DATED:
            continue
        content = each.content
        on = content.get(DESK_DATED[each.kind]) or f"{each.changed_at:%Y-%m-%d}"
        if each.kind == "tier_changes" and (
            each.status == "cancelled" or content.get("old") == content["new"]
        ):
            continue  # it began to look better, or was taken back: no step
        words_of = _DESK_WORDS.get(each.kind) or partial(_message, sending=sent.get(each.record_id))
        said = partial(words_of, content)
        yield Event(str(on), each.kind, said, each.invoice_id, each)


def _amount(row: Mapping[str, Any]) -> str:
    if _plain(row.get("amount")) is None:
        return ""
    return money(written_amount(int(row["amount"]), str(row["currency"])), str(row["currency"]))


def _contact(row: Mapping[str, Any], told: Mapping[str, Any]) -> tuple[str, str]:
    outcome = f"{words(row['outcome'])}." if _plain(row["outcome"]) else ""
    back = told.get("confirmed_back")
    confirmed = gettext("Confirmed back: %(what)s.") % {"what": back} if isinstance(back, str) else ""
    parts = [outcome, str(told.get("note", "")), confirmed]
    if told.get("next_contact_on"):
        parts.append(gettext("Next contact on %(day)s.") % {"day": _said(told["next_contact_on"])})
    return _with_whom(row, told.get("person")), " ".join(filter(None, parts))


def _with_whom(row: Mapping[str, Any], person: Any) -> str:
    said = {"channel": sentence(_plain(row["channel"]) or "contact"), "person": person}
    if _plain(row["direction"]) == "incoming":
        return (
            gettext("%(channel)s from them with %(person)s") if person else gettext("%(channel)s from them")
        ) % said
    return (gettext("%(channel)s with %(person)s") if person else "%(channel)s") % said


def _said(day: Any) -> str:
    """A day in the words of the language; what is no day stays as it is."""
    found = as_date(_on(day) if isinstance(day, date) else day)
    return formats.day(found) if found else ""


def _promise(row: Mapping[str, Any], told: Mapping[str, Any]) -> tuple[str, str]:
    said = {"money": _amount(row), "day": _said(row["promised_on"]), "person": told.get("person")}
    if told.get("person"):
        return gettext("Promise"), gettext("%(money)s until %(day)s by %(person)s.") % said
    return gettext("Promise"), gettext("%(money)s until %(day)s.") % said


def _dispute(row: Mapping[str, Any], told: Mapping[str, Any]) -> tuple[str, str]:
    cause = words(told.get("cause") or _plain(row["reason"]) or "cause not stated")
    said = {"what": cause, "day": _said(row["closed_on"]), "note": told.get("note", "")}
    text = gettext("%(what)s, closed %(day)s. %(note)s") if _on(row["closed_on"]) else "%(what)s. %(note)s"
    return gettext("Dispute"), (text % said).strip()


def _complaint(row: Mapping[str, Any], told: Mapping[str, Any]) -> tuple[str, str]:
    said = {"what": words(_plain(row["topic"]) or "topic not stated"), "day": _said(row["closed_on"])}
    text = gettext("%(what)s, closed %(day)s.") if _on(row["closed_on"]) else gettext("%(what)s, open.")
    return gettext("Complaint"), text % said


def _payments(story: Story) -> Iterator[Event]:
    """Money as it came: what came on one day in one currency is one event."""
    days: dict[tuple[str, str], list[int]] = {}
    for row in story.rows("payments"):
        if (on := _on(row["paid_on"])) and on <= story.visit.live.as_of.isoformat():
            days.setdefault((on, str(row["currency"])), []).append(int(row["amount"]))
    for (on, currency), amounts in days.items():
        yield Event(on, "payments", partial(_came, amounts, currency))


def _came(amounts: list[int], currency: str) -> tuple[str, str]:
    total = money(written_amount(sum(amounts), currency), currency)
    back = sum(each < 0 for each in amounts)
    text = ngettext("%(money)s, %(num)s payment reversed", "%(money)s, %(num)s payments reversed", back)
    told = text % {"money": total, "num": back} if back else total
    title = gettext("Payment") if len(amounts) == 1 else many(len(amounts), "payment")
    return title, told


_WORDS: dict[str, Any] = {
    "contacts": _contact,
    "promises": _promise,
    "disputes": _dispute,
    "complaints": _complaint,
    "credit_notes": lambda row, told: (gettext("Credit note"), _amount(row)),
    "nonpayment_reasons": lambda row, told: (
        gettext("Reason for not paying"),
        f"{words(row['reason'])}.",
    ),
    "payment_plans": lambda row, told: (
        gettext("Instalment agreed"),
        gettext("%(money)s due %(day)s.") % {"money": _amount(row), "day": _said(row["due_on"])},
    ),
    "credit_reports": lambda row, told: (
        gettext("Credit report"),
        f"{words(str(_plain(row['source']) or ''))} {formats.number(_plain(row['score']), 1)}",
    ),
}
_OUTCOMES = {
    "queued": marked("%(what)s. Waits to leave by itself."),
    "sending": marked("%(what)s. It is being handed over."),
    "sent": marked("%(what)s. Left by itself to %(whom)s."),
    "failed": marked("%(what)s. It did not reach %(whom)s: %(why)s"),
    "unsure": marked("%(what)s. Nobody knows whether it reached %(whom)s: %(why)s"),
    "cancelled": marked("%(what)s. It did not leave: %(why)s"),
}
"""What became of a text that was to leave by itself."""


def _message(of: Mapping[str, Any], sending: Record | None) -> tuple[str, str]:
    what = f"{words(of['channel'])}: {of.get('subject') or many(len((of.get('body') or '').split()), 'word')}"
    if sending is None:
        return gettext("Message"), what
    told = sending.content
    said = {"what": what, "whom": told.get("recipient") or "?", "why": retold(told.get("last_error") or "")}
    return gettext("Message"), gettext(_OUTCOMES[str(sending.status)]) % said


_DESK_WORDS: dict[str, Any] = {
    "notes": lambda of: (gettext("Note"), of["text"]),
    "decisions": lambda of: (gettext("Decision"), _decided(of)),
    "credit_decisions": lambda of: (gettext("Credit decision"), _decided(of)),
    "reviews": lambda of: (gettext("Review"), f"{words(of['outcome'])}. {of.get('why', '')}"),
    "flags": lambda of: (sentence(of["flag"]), f"{of.get('note') or of.get('evidence') or ''}"),
    "tasks": lambda of: (gettext("Task"), f"{of['title']}, {of['owner']}, {words(of['status'])}."),
    "tier_changes": lambda of: (
        gettext("Tier"),
        gettext("from %(old)s to %(new)s.")
        % {"old": words(of.get("old") or "none"), "new": words(of["new"])},
    ),
    "alerts": lambda of: (gettext("Alert"), retold(of["sentence"])),
}


def _decided(of: Mapping[str, Any]) -> str:
    if of["chosen"] == of["recommended"]:
        told = gettext("%(chosen)s, as recommended. %(why)s")
        return (told % {"chosen": words(of["chosen"]), "why": of.get("why", "")}).strip()
    said = {"chosen": words(of["chosen"]), "recommended": words(of["recommended"])}
    return gettext("%(chosen)s instead of %(recommended)s: %(why)s") % (
        said | {"why": of.get("override_reason", "")}
    )
