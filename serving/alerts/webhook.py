"""How does another system hear of an alert? Signed messages from the desk's outbox, retried until they arrive.

Every message is sent at least once and carries an id: a receiver that has seen it answers 2xx and forgets it.

    Duecourse-Delivery: H-118                          the message's id, the same at every attempt
    Duecourse-Event: alert.raised                      or alert.closed
    Duecourse-Signature: t=1774526400,v1=5257a8…       HMAC-SHA256 of "<t>.<body>" with the shared secret

A receiver checks it with `is_genuine`, or in the same way in its own language: recompute the code over the moment
and the raw body, compare in constant time, and refuse moments more than five minutes away.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx

from serving.desk import Actor, Desk, Record, StaleVersion

SIGNATURE, DELIVERY, EVENT = "Duecourse-Signature", "Duecourse-Delivery", "Duecourse-Event"
SECONDS_OFF = 300
SHORTEST_SECRET = 16
TOLD = (
    "key", "rule", "severity", "customer_id", "invoice_id", "old", "new", "sentence", "first_action", "evidence",
    "raised_on", "cause_gone_on",
)  # fmt: skip
"""What of an alert leaves the house: codes, figures and our own sentence, never what people wrote."""


class WebhookError(ValueError):
    """An address or a secret that cannot be used."""


@dataclass(frozen=True)
class Webhook:
    """Where messages go, and how patiently."""

    url: str
    secret: str
    allow_http: bool = False
    """Whether plain http may leave this machine."""
    timeout_seconds: float = 5.0
    most_attempts: int = 8
    first_wait_seconds: float = 30.0
    longest_wait_seconds: float = 6 * 3600.0

    def __post_init__(self) -> None:
        check_address(self.url, self.allow_http)
        if len(self.secret) < SHORTEST_SECRET:
            raise WebhookError(
                f"the webhook's secret has {len(self.secret)} characters; give at least {SHORTEST_SECRET} "
                "random ones in DUECOURSE_WEBHOOK_SECRET, such as of `openssl rand -hex 32`"
            )

    def wait(self, attempts: int, draw: float) -> timedelta:
        """How long to wait after so many failed attempts: twice as long each time, moved by chance (0 to 1)."""
        seconds = min(self.first_wait_seconds * 2 ** (attempts - 1), self.longest_wait_seconds)
        return timedelta(seconds=seconds * (0.5 + draw))


def check_address(url: str, allow_http: bool = False) -> None:
    """Raises WebhookError for anything but https, or http on this machine (or anywhere, where allowed)."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in ("https", "http") or not host:
        raise WebhookError(f"{url!r} is no web address; write one such as https://erp.example.com/alerts")
    if parts.username or parts.password:
        raise WebhookError(
            "an address with a name and password in it would be logged; messages are signed instead"
        )
    if parts.scheme == "http" and not (allow_http or is_loopback(host)):
        raise WebhookError(f"{url!r} would send alerts unencrypted; use https, or allow http expressly")


def is_loopback(host: str | None) -> bool:
    """Whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def signature(secret: str, body: bytes, moment: int) -> str:
    """The value of the signature header for a body sent at a moment (seconds since 1970)."""
    code = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={code}"


def is_genuine(secret: str, header: str, body: bytes, now: int, seconds_off: int = SECONDS_OFF) -> bool:
    """For receivers: whether a body was signed with the secret, and not long ago; compares in constant time."""
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    moment = parts.get("t", "")
    if (
        not (moment.isascii() and moment.isdigit() and len(moment) <= 12)
        or abs(now - int(moment)) > seconds_off
    ):
        return False
    expected = signature(secret, body, int(moment))
    return hmac.compare_digest(expected.encode(), f"t={moment},v1={parts.get('v1', '')}".encode())


@dataclass(frozen=True)
class Sent:
    """What became of one message: delivered, to be tried again (`pending`), or given up (`dead`)."""

    delivery_id: str
    status: str
    attempts: int
    error: str | None


def deliver(
    desk: Desk,
    webhook: Webhook,
    actor: Actor,
    clock: Callable[[], datetime],
    draw: Callable[[], float],
    transport: httpx.BaseTransport | None = None,
) -> list[Sent]:
    """Try every message of the outbox that is due, once, oldest first.

    `draw` gives numbers from 0 to 1 that spread the retries. The outcome is kept after each message: where the
    process dies between, the message goes out again under the same id.
    """
    with _client(webhook, transport) as client:
        return list(_each(desk, webhook, actor, clock, draw, client))


def _client(webhook: Webhook, transport: httpx.BaseTransport | None) -> httpx.Client:
    return httpx.Client(
        timeout=webhook.timeout_seconds,
        follow_redirects=False,
        transport=transport,
        # A proxy for the world outside has no business with this machine.
        trust_env=not is_loopback(urlsplit(webhook.url).hostname),
    )


def _each(
    desk: Desk,
    webhook: Webhook,
    actor: Actor,
    clock: Callable[[], datetime],
    draw: Callable[[], float],
    client: httpx.Client,
) -> Iterator[Sent]:
    for delivery in desk.find("deliveries", status="pending"):
        if datetime.fromisoformat(delivery.content["next_attempt_at"]) > clock():
            continue
        error = _error_of(client, webhook, delivery, _body(desk, delivery), clock())
        changed = _outcome(webhook, delivery, error, clock(), draw)
        try:
            with desk.writing(actor, clock()) as written:
                written.change("deliveries", delivery.record_id, changed, delivery.version)
        except StaleVersion:  # another process sent it too; what it noted holds
            continue
        yield Sent(delivery.record_id, changed["status"], changed["attempts"], error)


def _body(desk: Desk, delivery: Record) -> bytes:
    content = desk.get("alerts", delivery.content["alert_id"]).content
    told: dict[str, Any] = {
        "id": delivery.record_id,
        "event": delivery.content["event"],
        "happened_at": delivery.content["happened_at"],
        "alert": {"alert_id": delivery.content["alert_id"], **{name: content.get(name) for name in TOLD}},
    }
    return json.dumps(told, ensure_ascii=False, allow_nan=False, sort_keys=True).encode()


def _error_of(
    client: httpx.Client, webhook: Webhook, delivery: Record, body: bytes, now: datetime
) -> str | None:
    """Why a message did not arrive, without anything that the other side said; None where it did."""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "duecourse",
        SIGNATURE: signature(webhook.secret, body, int(now.timestamp())),
        DELIVERY: delivery.record_id,
        EVENT: delivery.content["event"],
    }
    try:
        # The answer's body is not read: nothing in it matters, and it may be endless.
        with client.stream("POST", webhook.url, content=body, headers=headers) as answer:
            return None if answer.is_success else f"answered {answer.status_code}"
    except httpx.TimeoutException:
        return f"no answer within {webhook.timeout_seconds:g} seconds"
    except httpx.HTTPError as error:
        return f"could not be reached ({type(error).__name__})"


def _outcome(
    webhook: Webhook, delivery: Record, error: str | None, now: datetime, draw: Callable[[], float]
) -> dict[str, Any]:
    attempts = int(delivery.content.get("attempts", 0)) + 1
    if error is None:
        return {"status": "delivered", "attempts": attempts, "last_error": None}
    if attempts >= webhook.most_attempts:
        return {"status": "dead", "attempts": attempts, "last_error": error}
    again = (now + webhook.wait(attempts, draw())).astimezone(UTC).isoformat()
    return {"status": "pending", "attempts": attempts, "last_error": error, "next_attempt_at": again}
