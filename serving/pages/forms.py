"""What did a form say, and did it come from one of our own pages?

Only pages take forms, and only those that our own pages sent: the browser says so (Origin), and the form repeats a
token that no other site can read (visits.py).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.types import Scope

from serving.api.problems import ProblemError

MEDIA_TYPE = b"application/x-www-form-urlencoded"
MOST_FIELDS = 2_000
"""The numbers of a policy are the longest form: about 100 as it comes, more with steps and currencies of one's own."""
OURS = ("csrf", "key", "form")
"""Fields that are no part of what a person said."""
SECRETS = ("password", "password_again", "current_password")
"""Fields that are neither kept nor shown again, not even as a hash of the request."""


def check_form(scope: Scope) -> None:
    """Raise the problem of a form that is none, or that another site may have sent."""
    types = _values(scope, b"content-type")
    if len(types) != 1 or types[0].split(b";")[0].strip().lower() != MEDIA_TYPE:
        raise ProblemError(
            "not_a_form", "Pages take forms as browsers send them; systems use the API (GET /api)."
        )
    hosts, origins = _values(scope, b"host"), _values(scope, b"origin")
    sites = _values(scope, b"sec-fetch-site")
    is_own = len(origins) == 1 and len(hosts) == 1 and _host_of(origins[0]) == hosts[0].lower()
    if not is_own or sites not in ([], [b"same-origin"]):
        raise ProblemError(
            "not_allowed", "This form did not come from a page of this service. Open the page and try again."
        )


def read_form(body: bytes) -> dict[str, str]:
    """The fields of a form, blanks at their ends taken off and empty ones left out; raises the 400 problem."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"
        )
    except ValueError:
        raise ProblemError(
            "not_a_form", "The form could not be read. Open the page again and send it once more."
        ) from None
    fields = {name: value.replace("\r\n", "\n").strip() for name, value in pairs}
    return {name: value for name, value in fields.items() if value}


def new_key() -> str:
    """The idempotency key of a form that is shown."""
    return secrets.token_urlsafe(16)


def said(fields: Mapping[str, str]) -> dict[str, str]:
    """What a person said, without our own fields."""
    return {name: value for name, value in fields.items() if name not in OURS}


def repeatable(fields: Mapping[str, str]) -> dict[str, str]:
    """What a person said, as far as it may be kept and shown again."""
    return {name: value for name, value in said(fields).items() if name not in SECRETS}


def by_field(problems: Iterable[Mapping[str, Any]]) -> tuple[dict[str, str], list[str]]:
    """What is wrong with each field, and what is wrong with no field of its own."""
    fields: dict[str, str] = {}
    whole: list[str] = []
    for each in problems:
        name = str(each.get("pointer") or "").removeprefix("/")
        detail = str(each["detail"])
        if name and "/" not in name:
            fields.setdefault(name, detail)
        else:
            whole.append(detail)
    return fields, whole


def _values(scope: Scope, name: bytes) -> list[bytes]:
    return [value for key, value in scope["headers"] if key == name]


def _host_of(origin: bytes) -> bytes:
    """The host of an Origin header, without a port that its scheme implies."""
    try:
        return urlsplit(origin.lower()).netloc
    except ValueError:
        return b""
