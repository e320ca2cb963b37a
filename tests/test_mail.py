"""Do texts leave only where they may, at most once, and is none lost in silence, whatever the mail server does?"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from features.ledger import Ledger
from serving.desk import Desk, Record
from serving.live import LiveScorer
from serving.mail import Draft, Mailbox, MailError, drafts, queue, send_due, settle
from serving.mail.outbox import KIND, MOST_ATTEMPTS, Sent
from serving.messages import Sender
from serving.office import Office
from serving.policy import Policy, PolicyError
from serving.scoring import Scorer
from tests.api_service import desk_of, problem, service
from tests.caller import Caller
from tests.commands import SAMPLE, runs_in
from tests.mail_sender import DAY, NIGHT, START
from tests.mail_sink import Sink, killing, sink
from tests.test_api_records import Writer
from training.model import RiskModel

POLICY_TEXT = (Path(__file__).parents[1] / "serving" / "policy.yaml").read_text(encoding="utf-8")
MARKED = "channel: email\n    automatic: true"
PEOPLE = ("C0060", "C0028", "C0009", "C0012", "C0045", "C0054")


class House:
    """A book with a desk, and a clock that tests move on."""

    def __init__(self, home: Path, scorer: Scorer) -> None:
        self.now, self.desk = START, desk_of(home, 5.0)
        self.office = Office(self.desk, scorer.ledger, lambda: self.now)
        self.scorer = scorer

    @property
    def live(self) -> LiveScorer:
        return self.office.live(self.scorer)

    def tell(self, kind: str, content: dict[str, Any]) -> Record:
        with self.desk.writing(NIGHT, self.now) as writing:
            return writing.add(kind, content)

    def addresses(self, *customers: str) -> None:
        for each in customers:
            address = f"{each.lower()}@example.com"
            self.tell(
                "flags", {"customer_id": each, "flag": "email", "value": address, "since": "2026-01-01"}
            )

    def drafts(self) -> dict[str, Draft]:
        return {each.customer_id: each for each in drafts(self.office, self.live, Sender("Northgate"))}

    def queue_all(self) -> int:
        found = [each for each in self.drafts().values() if each.refusal is None]
        return sum(queue(self.office, self.live, NIGHT, each, self.now) is not None for each in found)

    def send(self, server: Sink) -> list[Sent]:
        return send_due(self.office, self.live, box(server.port), NIGHT, lambda: self.now)

    def states(self) -> Counter[str | None]:
        return Counter(each.status for each in self.desk.find(KIND))


def box(port: int) -> Mailbox:
    return Mailbox("127.0.0.1", "Accounts <us@example.com>", "answers@example.com", port, "off", seconds=5)


@pytest.fixture(scope="module")
def scorer(small_model: RiskModel, sample_ledger: Ledger) -> Scorer:
    return Scorer(sample_ledger, small_model, Policy.load(), DAY)


@pytest.fixture
def house(tmp_path: Path, scorer: Scorer) -> Iterator[House]:
    made = House(tmp_path, scorer)
    yield made
    made.desk.close()


@pytest.fixture(scope="module")
def queued(tmp_path_factory: pytest.TempPathFactory, scorer: Scorer) -> Path:
    """A home with three customers with an address whose texts of today are queued; only copies of it are changed."""
    home = tmp_path_factory.mktemp("queued")
    house = House(home, scorer)
    companies = [name for name, each in house.drafts().items() if "no address" in str(each.refusal)]
    house.addresses(*sorted(companies)[:3])
    assert house.queue_all() == 3
    house.desk.close()
    return home


@pytest.fixture
def ready(tmp_path: Path, queued: Path, scorer: Scorer) -> Iterator[House]:
    """A copy of that home."""
    shutil.copytree(queued, tmp_path, dirs_exist_ok=True)
    made = House(tmp_path, scorer)
    yield made
    made.desk.close()


def test_what_is_queued_arrives_once_and_is_a_contact_from_then_on(ready: House) -> None:
    with sink() as server:
        assert [each.status for each in ready.send(server)] == ["sent"] * 3
        assert ready.send(server) == [] and len(server.accepted) == 3
        first = server.accepted[0]
    record = next(r for r in ready.desk.find(KIND) if r.content["recipient"] == first["To"])
    message = ready.desk.get("messages", record.content["message_id"]).content
    assert first["Subject"] == message["subject"] and first.get_content().strip() == message["body"].strip()
    assert (
        first["Message-ID"] == f"<{record.record_id}@example.com>"
        and first["Reply-To"] == "answers@example.com"
    )
    contacts = ready.desk.find("contacts")
    assert len(contacts) == 3 and {each.content["outcome"] for each in contacts} == {"message_sent"}
    after = ready.drafts()
    assert not {each.customer_id for each in ready.desk.find(KIND)} & set(after)  # guards know of it at once
    assert ready.desk.verify_audit().is_valid


def test_nobody_gets_a_second_text_on_a_day(ready: House) -> None:
    assert ready.queue_all() == 0
    addressed = {each.customer_id for each in ready.desk.find(KIND)}
    said = {each.refusal for name, each in ready.drafts().items() if name in addressed}
    assert said == {"another message of today is on its way to this customer"}
    queued = {each.content["case_id"] for each in ready.desk.find(KIND)}
    draft = next(each for each in ready.drafts().values() if each.case_id in queued)
    assert queue(ready.office, ready.live, NIGHT, replace(draft, refusal=None), ready.now) is None
    assert len(ready.desk.find(KIND)) == 3 and len(ready.desk.find("messages")) == 3


def test_without_an_address_or_to_a_natural_person_nothing_leaves(house: House) -> None:
    said = {name: str(each.refusal) for name, each in house.drafts().items()}
    assert sum("no address" in why for why in said.values()) >= 3
    persons = [name for name, why in said.items() if why.startswith("a natural person")]
    house.addresses(*persons)
    assert persons and house.queue_all() == 0 and house.desk.find(KIND) == []


@pytest.mark.parametrize(
    ("told", "step"),
    [
        (("disputes", {"opened_on": "2026-05-20", "dispute_id": "D1"}), "resolve_dispute"),
        (("complaints", {"opened_on": "2026-05-20", "topic": "late"}), "answer_complaint"),
        (("flags", {"flag": "insolvency", "since": "2026-05-20"}), "hand_to_credit_manager"),
        (("contacts", {"contacted_on": "2026-05-20", "channel": "phone"}), "nothing"),
    ],
)
def test_guards_are_asked_again_right_before(ready: House, told: tuple[str, Any], step: str) -> None:
    record = ready.desk.find(KIND)[0]
    kind, content = told
    for invoice in record.content["invoice_ids"] if kind == "disputes" else [None]:
        about = {"invoice_id": invoice, "dispute_id": f"D-{invoice}"} if invoice else {}
        ready.tell(kind, {"customer_id": record.customer_id} | content | about)
    with sink() as server:
        found = {each.sending_id: each for each in ready.send(server)}
    assert found[record.record_id].status == "cancelled", found
    assert len(server.accepted) == 2
    message = ready.desk.get("messages", record.content["message_id"])
    assert message.status == "cancelled"
    if step != "nothing":
        assert found[record.record_id].why == f"the step of today is {step.replace('_', ' ')}"


def test_a_payment_since_then_cancels_it(ready: House) -> None:
    record = ready.desk.find(KIND)[0]
    for invoice in record.content["invoice_ids"]:
        paid = {"invoice_id": invoice, "paid_on": "2026-05-20", "amount": "1000000.00", "currency": "EUR"}
        ready.tell("payments", paid)
    with sink() as server:
        status = {each.sending_id: each.status for each in ready.send(server)}
    assert status[record.record_id] == "cancelled" and len(server.accepted) == 2


def test_what_was_for_yesterday_does_not_leave_today(ready: House, scorer: Scorer) -> None:
    ready.scorer = Scorer(scorer.ledger, scorer.model, scorer.policy, DAY + timedelta(days=1))
    with sink() as server:
        assert {each.status for each in ready.send(server)} == {"cancelled"} and server.talks == 0


@pytest.mark.parametrize(
    ("stage", "answer", "status"),
    [
        ("hello", "421 later", "queued"),
        ("hello", "drop", "queued"),
        ("to", "450 busy", "queued"),
        ("to", "drop", "queued"),
        ("to", "550 nobody", "failed"),
        ("data", "451 later", "queued"),
        ("data", "554 no", "failed"),
        ("end", "452 full", "queued"),
        ("end", "554 no", "failed"),
        ("end", "drop", "unsure"),
    ],
)
def test_every_way_a_server_may_refuse_has_its_status(
    ready: House, stage: str, answer: str, status: str
) -> None:
    with sink(lambda reached: answer if reached == stage else None) as server:
        assert {each.status for each in ready.send(server)} == {status}
        assert server.accepted == [] and ready.desk.find("contacts") == []
        ready.now += timedelta(minutes=4)
        assert ready.send(server) == []  # not before its time
    with sink() as server:
        ready.now += timedelta(minutes=2)
        again = ready.send(server)
        assert len(again) == len(server.accepted) == (3 if status == "queued" else 0)
    messages = Counter(each.status for each in ready.desk.find("messages"))
    assert messages == {"cancelled" if status == "failed" else "recorded": 3}


def test_a_server_that_is_away_is_given_up_after_some_attempts(ready: House) -> None:
    with sink(lambda stage: "421 later" if stage == "hello" else None) as server:
        for _ in range(MOST_ATTEMPTS):
            ready.send(server)
            ready.now += timedelta(hours=3)
        assert ready.states() == {"failed": 3} and server.talks == 3 * MOST_ATTEMPTS
        assert ready.send(server) == []


class Dead(BaseException):
    """Our process ends here."""


class DiesBefore(Mailbox):
    def send(self, *given: Any) -> Any:
        raise Dead


class DiesAfter(Mailbox):
    def send(self, *given: Any) -> Any:
        super().send(*given)
        raise Dead


@pytest.mark.parametrize(("mailbox", "arrived"), [(DiesBefore, 0), (DiesAfter, 1)])
def test_an_end_in_the_middle_is_seen_and_never_sent_again(
    ready: House, mailbox: type[Mailbox], arrived: int
) -> None:
    with sink() as server:
        dying = mailbox("127.0.0.1", "Accounts <us@example.com>", "us@example.com", server.port, "off")
        with pytest.raises(Dead):
            send_due(ready.office, ready.live, dying, NIGHT, lambda: ready.now)
        assert ready.states() == {"sending": 1, "queued": 2} and len(server.accepted) == arrived
        ready.now += timedelta(minutes=5)  # another may still be working on it
        assert ready.states()["sending"] == 1 and len(ready.send(server)) == 2
        ready.now += timedelta(minutes=15)
        assert [(each.status, each.why) for each in ready.send(server)] == [
            ("unsure", "our process ended while it was handed over")
        ]
        assert ready.send(server) == [] and len(server.accepted) == 2 + arrived
    unsure = ready.desk.find(KIND, status="unsure")[0]
    assert settle(ready.desk, NIGHT, ready.now, unsure.record_id, bool(arrived)).status == (
        "sent" if arrived else "failed"
    )
    assert len(ready.desk.find("contacts")) == 2 + arrived
    with pytest.raises(ValueError, match="only an unsure one"):
        settle(ready.desk, NIGHT, ready.now, unsure.record_id, True)


def test_two_senders_at_once_share_the_work(ready: House, monkeypatch: pytest.MonkeyPatch) -> None:
    other: list[Sent] = []
    with sink() as server:

        class Between(Mailbox):
            def send(self, *given: Any) -> Any:
                if not other:
                    other.extend(
                        send_due(ready.office, ready.live, box(server.port), NIGHT, lambda: ready.now)
                    )
                return super().send(*given)

        first = Between("127.0.0.1", "us@example.com", "us@example.com", server.port, "off")
        mine = send_due(ready.office, ready.live, first, NIGHT, lambda: ready.now)
        assert len(mine) == 1 and len(other) == 2 and len(server.accepted) == 3
    assert ready.states() == {"sent": 3}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({}, "DUECOURSE_SMTP_HOST is not set, so sending is off"),
        ({"SMTP_HOST": "mail.example.com", "SMTP_TLS": "off"}, "would send to mail.example.com unencrypted"),
        ({"SMTP_HOST": "mail.example.com", "SMTP_TLS": "ssl"}, "write one of starttls, implicit, off"),
        ({"SMTP_HOST": "mail.example.com", "SMTP_PORT": "no"}, "write a number such as 587"),
        ({"SMTP_HOST": "mail.example.com", "MAIL_FROM": "us"}, "DUECOURSE_MAIL_FROM='us'"),
        ({"SMTP_HOST": "h", "MAIL_FROM": "a@example.com\nBcc: b@example.com"}, "DUECOURSE_MAIL_FROM"),
    ],
)
def test_a_mailbox_that_cannot_be_is_told(told: dict[str, str], said: str) -> None:
    given = {"MAIL_FROM": "us@example.com"} | told
    with pytest.raises(MailError) as error:
        Mailbox.from_environment({f"DUECOURSE_{name}": value for name, value in given.items()})
    assert said in str(error.value)


def test_a_server_without_encryption_gets_no_mail() -> None:
    with sink() as server:
        encrypted = Mailbox("127.0.0.1", "us@example.com", "us@example.com", server.port)
        outcome = encrypted.send("a@example.com", "x", "x", "S-1", START)
        assert outcome.kind == "again" and "STARTTLS" in str(outcome.why) and server.handed_over == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("within_working_days: 2\n    firmness: 2", "within_working_days: 2\n    automatic: true\n    firmness: 2",
         "nothing firm leaves by itself"),
        ("channel: phone\n    within_working_days: 1\n    firmness: 0\n    told: we call",
         "channel: phone\n    automatic: true\n    within_working_days: 1\n    firmness: 0\n    told: we call",
         "only an email can leave by itself"),
        (MARKED, f"{MARKED}\n    template: announce_next_step", "a person says this, no machine"),
        (MARKED, "channel: email\n    automatic: maybe", "unknown automatic 'maybe'"),
    ],
)  # fmt: skip
def test_nothing_firm_can_be_automatic(old: str, new: str, said: str) -> None:
    assert old in POLICY_TEXT
    with pytest.raises(PolicyError) as told:
        Policy.read(POLICY_TEXT.replace(old, new, 1))
    assert said in str(told.value)


class TestOverHttp:
    @pytest.fixture
    def asked(self, tmp_path: Path, scorer: Scorer) -> tuple[Caller, Writer]:
        caller = service(tmp_path, lambda: scorer)
        return caller, Writer(caller)

    def kept(self, ask: Caller, write: Writer, customer: str, action: str) -> str:
        text = ask.get(f"/v1/cases/{customer}/message").json()
        message = {"customer_id": customer, "sent_on": DAY.isoformat(), "channel": "email", "action": action}
        made = write("messages", message | {"subject": text["subject"], "body": text["text"]})
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    def test_a_kept_text_of_an_automatic_step_is_queued_once(self, asked: tuple[Caller, Writer]) -> None:
        ask, write = asked
        cases = ask.get("/v1/worklist?capacity=99").json()["cases"]
        case = next(each for each in cases if each["action"] == "pre_due_reminder")
        customer = case["customers"][0]
        number = self.kept(ask, write, customer, case["action"])
        assert problem(write(f"messages/{number}/send", {})) == (409, "cannot_be_sent")
        assert "no address" in write(f"messages/{number}/send", {}).json()["detail"]
        flag = {"customer_id": customer, "flag": "email", "since": "2026-01-01"}
        assert write("flags", flag | {"value": "a@b\nBcc: c@d.com"}).status_code == 422
        assert write("flags", flag | {"value": "a@example.com"}).status_code == 201
        made = write(f"messages/{number}/send", {})
        assert made.status_code == 201 and made.json()["status"] == "queued", made.text
        assert problem(write(f"messages/{number}/send", {})) == (409, "cannot_be_sent")
        assert problem(write("messages/nothing/send", {})) == (404, "unknown_id")
        assert write(f"messages/{number}/send", {"to": "x"}).status_code == 422

    def test_a_step_that_is_not_automatic_does_not_leave(self, asked: tuple[Caller, Writer]) -> None:
        ask, write = asked
        cases = ask.get("/v1/worklist?capacity=99").json()["cases"]
        case = next(each for each in cases if each["channel"] == "phone")
        number = self.kept(ask, write, case["customers"][0], case["action"])
        answer = write(f"messages/{number}/send", {})
        assert problem(answer) == (409, "cannot_be_sent") and case["action"] in answer.json()["detail"]


def test_the_command_keeps_and_sends_nothing_unless_it_is_told_to(office: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(office, home)
    run = runs_in(home)
    done = run("messages", "send", SAMPLE, "--as-of", "2026-05-20")
    assert done.exit_code == 0, done.output
    assert "no address" in done.stdout and "Nothing was sent: --really does." in done.stdout
    off = run("messages", "send", SAMPLE, "--as-of", "2026-05-20", "--really")
    assert off.exit_code == 2 and "so sending is off" in off.stderr
    with Desk.open(home) as desk:
        assert desk.find(KIND) == [] == desk.find("messages")


@pytest.mark.slow
def test_kills_in_the_middle_double_nothing_and_lose_nothing(office: Path, tmp_path: Path) -> None:
    """A real process is killed with -9 while it speaks to the server; a person finds every doubt afterwards."""
    home, minutes, running = tmp_path / "home", 0, {}
    shutil.copytree(office, home)
    with Desk.open(home) as desk, desk.writing(NIGHT, START) as writing:
        for each in PEOPLE:
            flag = {
                "customer_id": each,
                "flag": "email",
                "value": f"{each}@example.com",
                "since": "2026-01-01",
            }
            writing.add("flags", flag)
    mails: list[Any] = []
    for stage in ("hello", "to", "end", "after", ""):
        with sink(killing(lambda: running["pid"], stage, 1)) as server:
            command = [sys.executable, "-m", "tests.mail_sender", str(home), str(server.port), str(minutes)]
            child = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])})
            running["pid"] = child.pid
            assert child.wait(120) == (0 if not stage else -9), stage
            mails += server.accepted
        minutes += 20
    assert_nothing_doubled(home, mails)


def assert_nothing_doubled(home: Path, mails: list[Any]) -> None:
    arrived = Counter(str(each["Message-ID"]).partition("@")[0].strip("<") for each in mails)
    with Desk.open(home) as desk:
        found = {each.record_id: each.status for each in desk.find(KIND)}
        assert desk.verify_audit().is_valid
    assert len(found) >= 4 and set(found.values()) <= {"sent", "unsure", "cancelled"}
    assert set(arrived.values()) == {1} and set(arrived) <= set(found)
    assert {name for name, status in found.items() if status == "sent"} <= set(arrived)
    assert all(found[name] in ("sent", "unsure") for name in arrived)
    assert sum(status == "unsure" for status in found.values()) >= 3
