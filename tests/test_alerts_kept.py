"""Is an alert kept once, and does another system hear of it although that system fails, is slow, or redirects?"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from serving.alerts import Alert
from serving.alerts.keeping import keep_alerts, previous_alerts, standing_alerts
from serving.alerts.webhook import (
    DELIVERY,
    EVENT,
    SIGNATURE,
    Sent,
    Webhook,
    WebhookError,
    check_address,
    deliver,
    is_genuine,
    signature,
)
from serving.desk import Actor, Desk
from tests.commands import SAMPLE, runs_in

JOB, ANA = Actor("nightly", "ar_system"), Actor("Ana", "analyst")
NOW = datetime(2026, 4, 1, 6, 0, tzinfo=UTC)
DAY = date(2026, 4, 1)
SECRET = "sixteen characters and more"


def alert(key: str = "limit_breach:C1", **more: Any) -> Alert:
    said: dict[str, Any] = {
        "key": key, "rule": key.split(":")[0], "severity": "warning", "customer_id": "C1", "invoice_id": None,
        "old": 1.0, "new": 1.2, "sentence": "120 EUR is open.", "first_action": "review_limit",
        "evidence": ({"exposure": "120.00"},), "raised_on": DAY,
    }  # fmt: skip
    return Alert(**said | more)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk.open(tmp_path / "home") as opened:
        yield opened


def keep(desk: Desk, *found: Alert, days: int = 0) -> tuple[int, int, int]:
    day, now = DAY + timedelta(days=days), NOW + timedelta(days=days)
    kept = keep_alerts(desk, JOB, now, day, found, to_outbox=True)
    return len(kept.raised), len(kept.standing), len(kept.closed)


class TestKeeping:
    def test_one_cause_is_one_record_until_it_is_gone(self, desk: Desk) -> None:
        assert keep(desk, alert(), alert("credit_report:C1")) == (2, 0, 0)
        assert keep(desk, alert(), alert("credit_report:C1")) == (0, 2, 0)
        assert keep(desk, alert(), days=1) == (0, 1, 1)
        assert keep(desk, alert(), alert("credit_report:C1"), days=2) == (1, 1, 0)
        kept = desk.find("alerts")
        assert [record.status for record in kept] == ["open", "closed", "open"]
        assert previous_alerts(desk) == [
            alert(),
            alert("credit_report:C1", raised_on=DAY + timedelta(days=2)),
        ]
        assert desk.verify_audit().is_valid

    def test_it_can_come_and_go_twice_on_one_day(self, desk: Desk) -> None:
        for _ in range(3):
            assert keep(desk, alert()) == (1, 0, 0)
            assert keep(desk) == (0, 0, 1)
        assert len(desk.find("alerts", status="closed")) == 3

    def test_what_a_person_closed_stays_closed_while_its_cause_stands(self, desk: Desk) -> None:
        keep(desk, alert())
        (record,) = desk.find("alerts")
        with desk.writing(ANA, NOW) as w:
            w.change("alerts", record.record_id, {"status": "closed", "note": "their new limit is agreed"}, 1)
        assert keep(desk, alert(), days=1) == (0, 1, 0)
        assert keep(desk, days=2) == (0, 0, 1)
        assert keep(desk, alert(), days=3) == (1, 0, 0)

    def test_an_acknowledged_alert_stands_and_closes(self, desk: Desk) -> None:
        keep(desk, alert())
        (record,) = desk.find("alerts")
        with desk.writing(ANA, NOW) as w:
            w.change("alerts", record.record_id, {"status": "assigned", "assigned_to": "Bo"}, record.version)
        assert keep(desk, alert()) == (0, 1, 0)
        assert keep(desk, days=1) == (0, 0, 1)
        assert standing_alerts(desk) == {}

    def test_the_message_is_there_exactly_where_the_alert_is(self, desk: Desk) -> None:
        broken = alert("tier_jump:C2", sentence=" ")
        with pytest.raises(ValueError, match="sentence"):
            keep(desk, alert(), broken)
        assert desk.find("alerts") == [] and desk.find("deliveries") == []
        keep(desk, alert())
        (record,), (message,) = desk.find("alerts"), desk.find("deliveries")
        assert message.content["alert_id"] == record.record_id
        assert (message.content["event"], message.status) == ("alert.raised", "pending")


class Receiver:
    """A server that answers as told, one answer a request, the last one for ever; what it heard is kept."""

    def __init__(self, *answers: int | str) -> None:
        self.answers, self.heard = list(answers), []  # type: ignore[var-annotated]
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.heard.append((dict(self.headers), body))
                answer = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
                if answer == "slow":
                    time.sleep(0.6)
                if answer == "cut":
                    self.connection.close()
                    return
                self.send_response(200 if answer == "slow" else int(answer))
                if answer == 302:
                    self.send_header("Location", f"http://127.0.0.1:{receiver.port}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def webhook(self, **more: Any) -> Webhook:
        return Webhook(f"http://127.0.0.1:{self.port}/hook", SECRET, **{"timeout_seconds": 0.3} | more)

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def send(desk: Desk, webhook: Webhook, after: float = 0) -> list[Sent]:
    return deliver(desk, webhook, JOB, lambda: NOW + timedelta(seconds=after), lambda: 0.5)


class TestDelivery:
    def test_failing_slow_then_fine(self, desk: Desk) -> None:
        keep(desk, alert())
        with Receiver(500, "slow", "cut", 200) as receiver:
            webhook = receiver.webhook()
            errors = []
            # Each wait is twice the one before: 30, 60, 120 seconds with the middle draw.
            for after in (0, 29, 30, 89, 90, 209, 210, 10_000):
                errors.append([each.error for each in send(desk, webhook, after)])
        assert errors[0] == ["answered 500"]
        assert errors[2] == ["no answer within 0.3 seconds"]
        assert errors[4][0].startswith("could not be reached")
        assert errors[6] == [None]
        assert errors[1] == errors[3] == errors[5] == errors[7] == []
        # Four times the same message under the same id: the receiver tells by it.
        assert len({headers[DELIVERY] for headers, _ in receiver.heard}) == 1
        assert len({body for _, body in receiver.heard}) == 1
        (message,) = desk.find("deliveries")
        assert (message.status, message.content["attempts"]) == ("delivered", 4)

    def test_what_is_said_and_signed(self, desk: Desk) -> None:
        keep(desk, alert())
        (record,) = desk.find("alerts")
        with desk.writing(ANA, NOW) as w:
            w.change("alerts", record.record_id, {"note": "she was in tears"}, record.version)
        with Receiver(204) as receiver:
            send(desk, receiver.webhook())
        ((headers, body),) = receiver.heard
        assert is_genuine(SECRET, headers[SIGNATURE], body, int(NOW.timestamp()))
        assert headers[EVENT] == "alert.raised" and headers["Content-Type"] == "application/json"
        told = json.loads(body)
        assert told["id"] == headers[DELIVERY] and told["alert"]["customer_id"] == "C1"
        assert told["alert"]["evidence"] == [{"exposure": "120.00"}]
        assert b"tears" not in body and SECRET.encode() not in body

    def test_given_up_after_so_many_attempts(self, desk: Desk) -> None:
        keep(desk, alert())
        with Receiver(503) as receiver:
            for k in range(5):
                send(desk, receiver.webhook(most_attempts=3), after=100_000 * k)
        assert len(receiver.heard) == 3
        (message,) = desk.find("deliveries")
        assert (message.status, message.content["last_error"]) == ("dead", "answered 503")

    def test_a_redirect_is_not_followed(self, desk: Desk) -> None:
        keep(desk, alert())
        with Receiver(302) as receiver:
            assert [each.error for each in send(desk, receiver.webhook())] == ["answered 302"]
        assert len(receiver.heard) == 1

    def test_one_that_fails_does_not_hold_up_the_next(self, desk: Desk) -> None:
        keep(desk, alert(), alert("credit_report:C1"))
        with Receiver(500, 200) as receiver:
            assert [each.status for each in send(desk, receiver.webhook())] == ["pending", "delivered"]

    def test_died_after_sending_it_is_sent_again_under_its_id(self, desk: Desk, monkeypatch: Any) -> None:
        keep(desk, alert())
        with Receiver(200) as receiver:
            with monkeypatch.context() as patch:
                patch.setattr("serving.alerts.webhook._outcome", lambda *_: 1 / 0)
                with pytest.raises(ZeroDivisionError):
                    send(desk, receiver.webhook())
            send(desk, receiver.webhook())
        assert len(receiver.heard) == 2
        assert len({headers[DELIVERY] for headers, _ in receiver.heard}) == 1


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://erp.example.com/alerts", None),
        ("http://localhost:8000/x", None),
        ("http://127.0.0.1/x", None),
        ("http://[::1]:9/x", None),
        ("http://erp.example.com/x", "unencrypted"),
        ("http://localhost.example.com/x", "unencrypted"),
        ("http://0.0.0.0/x", "unencrypted"),
        ("ftp://erp.example.com/x", "no web address"),
        ("file:///etc/passwd", "no web address"),
        ("https://", "no web address"),
        ("https://a:b@erp.example.com", "logged"),
        ("https://erp.example.com:99999/", "no web address"),
    ],
)
def test_addresses(url: str, said: str | None) -> None:
    if said is None:
        return check_address(url)
    with pytest.raises(WebhookError, match=said):
        check_address(url)
    return None


def test_plain_http_may_be_allowed_and_a_short_secret_never() -> None:
    check_address("http://erp.example.com/x", allow_http=True)
    with pytest.raises(WebhookError, match="at least 16"):
        Webhook("https://erp.example.com", "short")


def test_waits_double_up_to_a_longest_and_are_spread() -> None:
    webhook = Webhook("https://erp.example.com", SECRET)
    assert [webhook.wait(k, 0.5).total_seconds() for k in (1, 2, 3, 30)] == [30, 60, 120, 21600]
    assert [webhook.wait(1, draw).total_seconds() for draw in (0.0, 1.0)] == [15, 45]


@pytest.mark.parametrize(
    ("change", "genuine"),
    [
        ({}, True),
        ({"body": b'{"a":2}'}, False),
        ({"secret": "another secret of enough letters"}, False),
        ({"now": 1_000_000_301}, False),
        ({"now": 999_999_699}, False),
        ({"header": "v1=00"}, False),
        ({"header": ""}, False),
        ({"header": "t=²,v1=00"}, False),
        ({"header": "t=1000000000,v1=é"}, False),
    ],
)
def test_a_receiver_can_tell_what_is_genuine(change: dict[str, Any], genuine: bool) -> None:
    body, now = b'{"a":1}', 1_000_000_000
    given = {"secret": SECRET, "header": signature(SECRET, body, now), "body": body, "now": now} | change
    assert is_genuine(**given) is genuine


class TestVerbs:
    def test_alerts_are_listed_kept_and_sent(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        run = runs_in(tmp_path / "home")
        listed = json.loads(run("alerts", SAMPLE, "--json").stdout)["alerts"]
        assert {each["rule"] for each in listed} >= {"broken_promise", "limit_breach"}
        assert not (tmp_path / "home" / "desk.db").exists()
        with Receiver(200) as receiver:
            monkeypatch.setenv("DUECOURSE_WEBHOOK_URL", f"http://127.0.0.1:{receiver.port}/")
            monkeypatch.setenv("DUECOURSE_WEBHOOK_SECRET", SECRET)
            assert f"{len(listed)} raised" in run("alerts", SAMPLE, "--keep").stderr
            assert f"0 raised, {len(listed)} standing" in run("alerts", "list", SAMPLE, "--keep").stderr
            sent = json.loads(run("alerts", "send", "--json").stdout)
        assert sent == {"tried": len(listed), "delivered": len(listed), "pending": 0, "dead": 0, "waiting": 0}

    def test_a_rehearsal_counts_what_is_raised(self, tmp_path: Path) -> None:
        run = runs_in(tmp_path / "home")
        told = json.loads(run("alerts", "rehearse", SAMPLE, "2026-06-20", "2026-06-25", "--json").stdout)
        assert told["days"] == 5 and told["customers"] == 60
        assert sum(told["raised"].values()) >= told["most_on_a_day"] > 0
        assert run("alerts", "rehearse", SAMPLE, "2026-06-20", "2026-06-20").exit_code == 2

    def test_without_an_address_or_secret_nothing_is_sent(self, tmp_path: Path, monkeypatch: Any) -> None:
        run = runs_in(tmp_path / "home")
        monkeypatch.delenv("DUECOURSE_WEBHOOK_URL", raising=False)
        done = run("alerts", "send")
        assert done.exit_code == 2 and "set DUECOURSE_WEBHOOK_URL" in done.stderr

    def test_kpis_prints_a_page_and_draws(self, tmp_path: Path) -> None:
        run = runs_in(tmp_path / "home")
        done = run("kpis", SAMPLE, "--plot", tmp_path / "k.svg")
        assert done.exit_code == 0, done.stderr
        assert "days sales outstanding" in done.stdout and "By division" in done.stdout
        assert "Not told: cash at risk" in done.stdout
        assert "How many days do sales stay open?" in (tmp_path / "k.svg").read_text(encoding="utf-8")
        told = json.loads(run("kpis", SAMPLE, "--json", "--by", "country", "--days", "30").stdout)
        assert told["groupings"] == ["all", "country"] and told["period"]["days"] == 30
        assert "(cei, percent)" in run("kpis", SAMPLE, "--formulas").stdout
