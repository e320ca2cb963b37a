"""Which texts left by themselves, to whom and when; which did not, and why; what does nobody know of?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from serving.api.resources import may_read
from serving.desk import Flaw, Record, RecordError, Writing
from serving.mail import settle_in
from serving.office import Answer
from serving.pages.names import names_of
from serving.pages.routing import Page, Pages, Visit, after

PATH, KIND = "/messages", "sendings"
SHOWN = 50
STATUSES = ("queued", "sending", "sent", "failed", "unsure", "cancelled")
FILTERS = ("status", "customer_id")
BECAME = ("sent", "failed")
"""What a person may say of one of which nobody knows whether it arrived."""


def add(pages: Pages) -> None:
    """The list, and the form that says what became of one."""
    page = Page(PATH, "read:facts", "sendings.html", view)
    pages.form(PATH + "/{sending_id:path}", "write:dialogue", settle, page)
    pages.page(page)


def view(visit: Visit) -> dict[str, Any]:
    """The latest first, from a place on; read by place, so that many years answer as fast as a few days."""
    query = _query(visit)
    asked = {name: query[name].strip() for name in FILTERS if query.get(name, "").strip()}
    status, before = asked.get("status"), query.get("before", "")
    found = visit.office.desk.find(
        KIND,
        status=status if status in STATUSES else None,
        customer_ids=[asked["customer_id"]] if "customer_id" in asked else None,
        before=int(before) if before.isascii() and before.isdecimal() else None,
        limit=SHOWN + 1,
        latest_first=True,
    )
    shown = found[:SHOWN]
    counts = visit.kept.once(visit.live, "sendings", lambda: visit.office.desk.counts(KIND))
    return {
        "filters": asked,
        "here": _address(asked),
        "counts": {each: counts.get(each, 0) for each in STATUSES if counts.get(each) or each in BECAME},
        "total": sum(counts.values()),
        "messages": _listed(visit, shown),
        "before": shown[-1].number if len(found) > SHOWN else None,
    }


def _listed(visit: Visit, shown: list[Record]) -> list[dict[str, Any]]:
    texts = visit.office.desk.find("messages", record_ids=[each.content["message_id"] for each in shown])
    by_id = {
        each.record_id: each.content for each in texts if may_read(visit.caller, each.kind, each.content)
    }
    names = names_of(visit.live, sorted({each.customer_id for each in shown if each.customer_id}))
    return [_told(each, by_id.get(each.content["message_id"], {}), names) for each in shown]


def _told(sending: Record, message: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """One of them; what was erased is None."""
    content = sending.content
    return {
        "sending_id": sending.record_id,
        "version": sending.version,
        "status": sending.status,
        "customer_id": sending.customer_id,
        "name": names.get(sending.customer_id or "", ""),
        "changed_at": sending.changed_at.isoformat(),
        **{
            name: content.get(name)
            for name in ("day", "case_id", "action", "recipient", "attempts", "last_error")
        },
        "next_attempt_at": content["next_attempt_at"] if sending.status == "queued" else None,
        "invoice_ids": list(content.get("invoice_ids") or ()),
        **{name: message.get(name) for name in ("subject", "body", "language")},
    }


def settle(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """Say of one of which nobody knew that it arrived, or that it did not and is given up."""
    became, version = given.get("became", ""), given.get("version", "")
    if became not in BECAME:
        raise RecordError(KIND, [Flaw("/became", "say whether it arrived")])
    seen = int(version) if version.isdecimal() else 0
    try:
        settle_in(writing, visit.office.desk, visit.parameters["sending_id"], seen, became == "sent")
    except ValueError as error:
        raise RecordError(KIND, [Flaw("", str(error))]) from None
    back = given.get("back", "")
    return after(back if back.partition("?")[0] == PATH else PATH, "sending")


def _query(visit: Visit) -> Mapping[str, str]:
    """What was asked for; of a form that has to be mended, on the list where it stood."""
    back = visit.given.get("back", "")
    return dict(parse_qsl(back.partition("?")[2])) if back.startswith(PATH) else visit.query


def _address(asked: Mapping[str, str]) -> str:
    return f"{PATH}?{urlencode(asked)}" if asked else PATH
