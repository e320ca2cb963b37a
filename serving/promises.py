"""Which promises at the desk does the day decide: kept, kept in part, or broken by what came in?

A promise is judged as the figures judge it (serving/kpis/dialogue.py): kept as soon as the promised money, or all
that was owed, has come; else when its day and the days of grace have passed. A payment learned late, or one that
bounced, corrects a verdict; nothing becomes open again, and what was taken back stays so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from features.days import day_number
from serving.kpis.books import Books
from serving.kpis.dialogue import STATUSES, judged_promises

if TYPE_CHECKING:
    from features.history import History
    from serving.desk import Actor, Desk, Record

OPEN = "open"
JUDGED = (OPEN, "kept", "partially_kept", "broken")


@dataclass(frozen=True)
class Judged:
    """One promise of the desk and what became of it."""

    promise_id: str
    invoice_id: str
    customer_id: str | None
    promised_on: str
    before: str
    now: str


def judged(history: History, promises: Sequence[Record], day: date, grace_days: int) -> list[Judged]:
    """The promises of the desk whose status is another at the start of a day, by what the ledger knew before it."""
    found = judged_promises(Books(history), day_number(day), grace_days)
    status = dict(zip(found.promise_id.astype(str), [STATUSES[each] for each in found.status], strict=True))
    changed = []
    for record in promises:
        before, now = str(record.status), status.get(record.record_id, OPEN)
        if before in JUDGED and now not in (OPEN, before):
            content = record.content
            who = (content["invoice_id"], record.customer_id, content["promised_on"])
            changed.append(Judged(record.record_id, *who, before, now))
    return changed


def judge_promises(
    desk: Desk, actor: Actor, now: datetime, history: History, day: date, grace_days: int
) -> list[Judged]:
    """Write the verdicts of a day at the desk, all in one transaction; asked again it finds nothing to write."""
    with desk.writing(actor, now) as written:
        promises = {each.record_id: each for each in desk.find("promises", status=JUDGED)}
        changed = judged(history, list(promises.values()), day, grace_days)
        for each in changed:
            record = promises[each.promise_id]
            written.change("promises", record.record_id, {"status": each.now}, record.version)
    return changed
