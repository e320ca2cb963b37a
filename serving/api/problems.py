"""What does a caller read when an answer is not the one asked for?

Everything that is not 2xx is a problem document (RFC 9457): one kind from the table below, and under
`problems` every single thing to mend, by JSON pointer into the body or by query parameter.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

MEDIA_TYPE = "application/problem+json"
MOST_PROBLEMS_LISTED = 200

KINDS: dict[str, tuple[int, str]] = {
    "not_json": (400, "The body is not JSON"),
    "not_a_form": (400, "This is not a form of ours"),
    "token_needed": (401, "A token is needed"),
    "not_allowed": (403, "This is not allowed"),
    "unknown_route": (404, "There is no such address"),
    "unknown_id": (404, "There is no such record"),
    "method_not_allowed": (405, "The address does not take this method"),
    "body_too_slow": (408, "The body did not arrive in time"),
    "invoice_not_open": (409, "The invoice is not open on that day"),
    "cannot_be_sent": (409, "This text may not leave"),
    "nothing_to_say": (409, "There is nothing to say to this customer today"),
    "not_in_policy": (409, "The policy in force does not say"),
    "already_there": (409, "There is such a record already"),
    "key_reused": (409, "The idempotency key came with another request before"),
    "stale_version": (412, "Somebody changed the record meanwhile"),
    "body_too_large": (413, "The body is too large"),
    "not_application_json": (415, "The body must be application/json"),
    "wrong_schema": (422, "The request does not have the documented form"),
    "version_needed": (428, "The request does not say which version it changes"),
    "too_many_requests": (429, "Too many requests"),
    "incident": (500, "Something went wrong here"),
    "busy": (503, "The service is busy"),
    "desk_unavailable": (503, "The desk's database does not answer"),
    "took_too_long": (503, "The answer took too long"),
    "loading": (503, "The service is still loading"),
    "not_loaded": (503, "The service could not load"),
}
"""Every kind of problem: its stable code, its status, its title."""

_KIND_OF_STATUS = {400: "not_json", 404: "unknown_route", 409: "already_there", 503: "busy"} | {
    status: code for code, (status, _) in KINDS.items() if status not in (400, 404, 409, 503)
}


class ProblemItem(BaseModel):
    """One thing to mend."""

    model_config = ConfigDict(extra="forbid")
    pointer: str | None = Field(None, description="JSON pointer into the body (RFC 6901)")
    parameter: str | None = Field(None, description="name of the query parameter")
    code: str
    detail: str
    mend: str


class Problem(BaseModel):
    """A problem document as in RFC 9457."""

    model_config = ConfigDict(extra="forbid")
    type: str = Field(description="urn:duecourse:problem: and the kind's code")
    title: str
    status: int
    detail: str
    instance: str = Field(description="the path asked for, or the incident to look for in the log")
    problems: list[ProblemItem]


class ProblemError(Exception):
    """An answer that is a problem document of `kind` (a key of KINDS)."""

    def __init__(
        self,
        kind: str,
        detail: str,
        problems: Iterable[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
        incident: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.status, self.title = KINDS[kind]
        self.detail = detail
        self.problems = [dict(problem) for problem in problems]
        self.headers = dict(headers or {})
        self.incident = incident

    def document(self, path: str) -> bytes:
        """The problem document in UTF-8, for a request of `path`."""
        document = {
            "type": f"urn:duecourse:problem:{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": f"urn:duecourse:incident:{self.incident}" if self.incident else quote(path),
            "problems": self.problems,
        }
        return json.dumps(document, ensure_ascii=False, default=str).encode("utf-8", "replace")


def problem_of_status(status: int, headers: Mapping[str, str] | None = None) -> ProblemError:
    """The problem that stands for a bare error status of the server framework."""
    kind = _KIND_OF_STATUS.get(status, "incident" if status >= 500 else "not_allowed")
    details = {
        "unknown_route": "No address of this service matches. GET /api lists them all.",
        "method_not_allowed": "The header Allow names the methods this address takes. GET /api lists them all.",
    }
    return ProblemError(kind, details.get(kind, f"{KINDS[kind][1]}."), headers=headers)


def new_incident() -> ProblemError:
    """A problem without internals, under an id that the log repeats beside the traceback."""
    incident = secrets.token_hex(6)
    return ProblemError(
        "incident",
        f"The request could not be answered. The log of the service says why under incident {incident}.",
        incident=incident,
    )


def busy(kind: str, detail: str, seconds: float = 1) -> ProblemError:
    """A problem that passes: the header Retry-After says in how many whole seconds to ask again."""
    return ProblemError(kind, detail, headers={"Retry-After": str(max(1, int(-(-seconds // 1))))})


def pointer(steps: Sequence[str | int]) -> str:
    """JSON pointer of the steps into a document (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
