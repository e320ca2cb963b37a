"""How are records written and read over HTTP: one route for each verb, whatever the kind?

`POST /v1/<path>` adds one record, or up to MOST_ITEMS of them under `items`, each of which is kept whole or refused by
itself. `PATCH /v1/<path>/ID` changes fields (null takes one away), with the ETag of what was read in If-Match.
`GET` lists with a cursor, shows one, and shows every version of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from features.ledger import TABLES
from serving.api.asking import Asking, caller_with, etag, expected_version
from serving.api.bodies import wrong_schema
from serving.api.decisions import GROUNDS
from serving.api.documents import documented
from serving.api.letters import CHECKED, check_wording
from serving.api.problems import ProblemError
from serving.api.resources import BOOKED, RESOURCES, Resource, may_read, may_write
from serving.desk import KINDS, AlreadyThere, Desk, Flaw, Record, RecordError, Writing
from serving.desk.checks import BookFacts, misfits
from serving.desk.kinds import checked
from serving.live import LiveScorer
from serving.office import Answer, Office
from serving.roles import Caller
from serving.scoring import NotOpenError, UnknownIdError

MOST_ITEMS = 1_000
MOST_LISTED = 200
_WRITE = (400, 408, 409, 413, 415, 422)


class Page(BaseModel):
    """Records in the order in which they were added, and where the next page begins."""

    model_config = ConfigDict(extra="allow")
    items: list[dict[str, Any]]
    next: str | None = Field(description="pass it as ?after=; null on the last page")


class Kept(BaseModel):
    """A record as it is kept: its id, version and content."""

    model_config = ConfigDict(extra="allow")
    id: str
    kind: str
    version: int
    changed_by: str


class Results(BaseModel):
    """What became of each item, in the order given."""

    model_config = ConfigDict(extra="allow")
    results: list[dict[str, Any]]
    kept: int
    refused: int


def add_record_routes(app: FastAPI, asking: Asking) -> None:
    """The routes of every resource."""
    for resource in (*RESOURCES, *BOOKED):
        _add_writing(app, asking, resource)
    for resource in RESOURCES:
        _add_reading(app, asking, resource)


def _add_writing(app: FastAPI, asking: Asking, resource: Resource) -> None:
    body = KINDS[resource.kind]

    @app.post(
        f"/v1/{resource.path}",
        **documented(Kept, body=body, also=_WRITE, status=201),
        name=f"add {resource.path}",
    )
    async def add(request: Request) -> Response:
        return await asking.write(request, resource.writes, lambda *given: _added(resource, *given))

    @app.patch(
        f"/v1/{resource.path}/{{record_id:path}}",
        **documented(Kept, also=(*_WRITE, 404, 412, 428)),
        name=f"change {resource.path}",
    )
    async def change(request: Request, record_id: str) -> Response:
        version = expected_version(request)
        return await asking.write(
            request, resource.writes, lambda *given: _changed(resource, record_id, version, *given)
        )

    add.__doc__ = f"Add: {resource.meaning}; one record, or many under `items`."
    change.__doc__ = f"Change: {resource.meaning}."


def _add_reading(app: FastAPI, asking: Asking, resource: Resource) -> None:
    @app.get(f"/v1/{resource.path}", **documented(Page, also=(422,)), name=f"list {resource.path}")
    async def listed(
        request: Request,
        customer_id: str | None = None,
        invoice_id: str | None = None,
        status: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Response:
        caller = caller_with(request, resource.reads)
        wanted = {"customer_ids": customer_id and [customer_id], "invoice_ids": invoice_id and [invoice_id]}
        cursor, most = cursor_of(after), limit_of(limit)
        return await asking.read(
            request,
            resource.reads,
            lambda office, _: page(office.desk, caller, resource.kind, wanted, status, cursor, most),
        )

    @app.get(
        f"/v1/{resource.path}/{{record_id}}/history",
        **documented(Page, also=(404, 422)),
        name=f"history {resource.path}",
    )
    async def history(request: Request, record_id: str) -> Response:
        caller = caller_with(request, resource.reads)

        def versions(office: Office, _: LiveScorer) -> dict[str, Any]:
            found = office.desk.history(resource.kind, record_id)
            _check_may_read(caller, found[-1])
            return {"items": [shown(each) for each in found], "next": None}

        return await asking.read(request, resource.reads, versions)

    @app.get(
        f"/v1/{resource.path}/{{record_id:path}}",
        **documented(Kept, also=(404, 422)),
        name=f"show {resource.path}",
    )
    async def show(request: Request, record_id: str) -> Response:
        caller = caller_with(request, resource.reads)
        seen: list[int] = []

        def one(office: Office, _: LiveScorer) -> dict[str, Any]:
            found = office.desk.get(resource.kind, record_id)
            _check_may_read(caller, found)
            seen.append(found.version)
            return shown(found)

        response = await asking.read(request, resource.reads, one)
        response.headers["ETag"] = etag(seen[0])
        return response

    listed.__doc__ = f"List: {resource.meaning}."
    history.__doc__ = "Every version of a record, the first one first."
    show.__doc__ = f"One of: {resource.meaning}."


def page(
    desk: Desk,
    caller: Caller,
    kind: str,
    wanted: Mapping[str, Any],
    status: str | None,
    after: int | None,
    limit: int,
) -> dict[str, Any]:
    """One page of records; what the caller may not see is left out, and the cursor passes over it."""
    found = desk.find(kind, **wanted, status=status, after=after, limit=limit + 1)
    more = str(found[limit - 1].number) if len(found) > limit else None
    seen = [shown(each) for each in found[:limit] if may_read(caller, kind, each.content)]
    return {"items": seen, "next": more}


def shown(record: Record) -> dict[str, Any]:
    """A record as JSON: what is known of it, then its content."""
    about = {
        "id": record.record_id,
        "kind": record.kind,
        "version": record.version,
        "changed_at": record.changed_at.isoformat(),
        "changed_by": record.changed_by,
    }
    return about | ({"is_erased": True} if record.is_erased else {}) | record.content


def cursor_of(after: str | None) -> int | None:
    """The cursor of a list; raises the 422 problem for what no list gave."""
    if after is None:
        return None
    if not (after.isascii() and after.isdigit() and len(after) < 19):
        mend = "Pass `next` of the page before, as it is."
        raise wrong_schema(
            [
                {
                    "parameter": "after",
                    "code": "wrong_value",
                    "detail": f"{after[:60]!r} is no cursor",
                    "mend": mend,
                }
            ]
        )
    return int(after)


def limit_of(limit: int) -> int:
    """How many a page may hold; raises the 422 problem beyond MOST_LISTED."""
    if not 1 <= limit <= MOST_LISTED:
        raise wrong_parameter(
            "limit", f"{limit} is not between 1 and {MOST_LISTED}", "Ask for several pages."
        )
    return limit


def wrong_parameter(name: str, detail: str, mend: str) -> ProblemError:
    """The 422 problem of one query parameter."""
    return wrong_schema([{"parameter": name, "code": "wrong_value", "detail": detail, "mend": mend}])


def _check_may_read(caller: Caller, record: Record) -> None:
    if not may_read(caller, record.kind, record.content):
        raise ProblemError(
            "not_allowed",
            f"This record is for roles with the right read:sensitive; {caller.role} has it not.",
        )


def _added(
    resource: Resource, office: Office, live: LiveScorer, writing: Writing, given: Any, caller: Caller
) -> Answer:
    if isinstance(given, dict) and set(given) == {"items"}:
        return _added_many(resource, office, live, writing, given["items"], caller)
    record = _add(resource, office, live, writing, given, caller)
    return Answer(201, shown(record), record.version)


def _added_many(
    resource: Resource, office: Office, live: LiveScorer, writing: Writing, items: Any, caller: Caller
) -> Answer:
    """Each item whole or refused: what is refused wrote nothing, and the others go on without it."""
    if not isinstance(items, list) or not 1 <= len(items) <= MOST_ITEMS:
        detail = f"items is no list of 1 to {MOST_ITEMS:,} records"
        raise wrong_schema(
            [{"pointer": "/items", "code": "wrong_value", "detail": detail, "mend": "Send several requests."}]
        )
    results: list[dict[str, Any]] = []
    for place, item in enumerate(items):
        try:
            record = _add(resource, office, live, writing, item, caller)
            results.append({"status": 201, "record": shown(record)})
        except (RecordError, AlreadyThere, ProblemError, NotOpenError, UnknownIdError) as error:
            results.append(_refused(place, error))
    kept = sum(each["status"] == 201 for each in results)
    return Answer(200, {"results": results, "kept": kept, "refused": len(results) - kept})


def _refused(place: int, error: Exception) -> dict[str, Any]:
    if isinstance(error, RecordError):
        flaws = [{"pointer": f"/items/{place}{flaw.pointer}", "detail": flaw.text} for flaw in error.flaws]
        return {"status": 422, "kind": "wrong_schema", "detail": str(error), "problems": flaws}
    status, kind = (error.status, error.kind) if isinstance(error, ProblemError) else (409, "already_there")
    return {"status": status, "kind": kind, "detail": str(error), "problems": []}


def _add(
    resource: Resource, office: Office, live: LiveScorer, writing: Writing, given: Any, caller: Caller
) -> Record:
    content = completed(resource.kind, _object(resource.kind, given), live)
    if resource.kind in GROUNDS:
        content = GROUNDS[resource.kind](office, live, writing, content)
    _check_may_write(caller, resource.kind, content)
    check_fits(resource.kind, content, live)
    if resource.kind == "messages":
        check_wording(office, live, content)
    return writing.add(resource.kind, content)


def _changed(
    resource: Resource,
    record_id: str,
    version: int,
    office: Office,
    live: LiveScorer,
    writing: Writing,
    given: Any,
    caller: Caller,
) -> Answer:
    changes = _object(resource.kind, given)
    there = office.desk.get(resource.kind, record_id)
    _check_may_write(caller, resource.kind, {**there.content, **changes})
    _check_may_write(caller, resource.kind, there.content)
    if resource.kind == "messages" and set(CHECKED) & changes.keys():
        check_wording(office, live, {**there.content, **changes})
    record = writing.change(resource.kind, record_id, changes, version)
    return Answer(200, shown(record), record.version)


def _object(kind: str, given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise RecordError(kind, [Flaw("", "is no object of fields and values")])
    return given


def _check_may_write(caller: Caller, kind: str, content: Mapping[str, Any]) -> None:
    if not may_write(caller, kind, content):
        raise ProblemError(
            "not_allowed",
            f"Only roles with the right write:sensitive may write this; {caller.role} has it not.",
        )


def completed(kind: str, given: Mapping[str, Any], live: LiveScorer) -> dict[str, Any]:
    """The content with what goes without saying: the book day, and whose an invoice is, in which currency."""
    content, fields = dict(given), KINDS[kind].model_fields
    event = TABLES[kind].event if kind in TABLES and kind != "invoices" else None
    for name in (event, "known_on"):
        if name in fields and content.get(name) is None and kind != "invoices":
            content[name] = live.as_of.isoformat()
    invoice_id = content.get("invoice_id")
    invoice = live.invoice(invoice_id) if isinstance(invoice_id, str) and kind != "invoices" else None
    if invoice is not None:
        for name, own in (("customer_id", invoice.customer_id), ("currency", invoice.currency)):
            if name in fields and content.get(name) is None:
                content[name] = own
    return content


def check_fits(kind: str, content: Mapping[str, Any], live: LiveScorer) -> None:
    """Raise RecordError with everything that is wrong by itself, or that the book contradicts."""
    kept, flaws = checked(KINDS[kind], content)
    if not flaws:
        invoice_id, customer_id = kept.get("invoice_id"), kept.get("customer_id")
        facts = BookFacts(
            live.invoice(invoice_id) if invoice_id is not None else None,
            customer_id is None or live.knows_customer(customer_id),
        )
        flaws = misfits(kind, kept, facts)
    if flaws:
        raise RecordError(kind, flaws)
