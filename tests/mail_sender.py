"""One run of the sender in a process of its own, to be killed: `python -m tests.mail_sender HOME PORT MINUTES`."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from features.ledger import Ledger
from serving.desk import Actor, Desk
from serving.desk_facts import facts_at_desk
from serving.mail import Mailbox, drafts, queue, send_due
from serving.messages import Sender
from serving.office import Office
from serving.policy import Policy
from serving.scoring import Scorer
from tests.commands import SAMPLE
from training.champion import champion_folder
from training.model import load_model

DAY = date(2026, 5, 20)
START = datetime(2026, 5, 20, 8, tzinfo=UTC)
NIGHT = Actor("night", "administrator")


def office_at(home: Path, desk: Desk, now: datetime) -> tuple[Office, Scorer]:
    """The sample book beside a desk, with the champion of the home."""
    office = Office(desk, Ledger.load(Path(SAMPLE)), lambda: now)
    model = load_model(champion_folder(home))
    return office, Scorer(office.ledger, model, Policy.load(), DAY, facts_at_desk(desk, DAY))


def run(home: Path, port: int, now: datetime) -> None:
    """Queue what may leave today and try what is due."""
    with Desk.open(home) as desk:
        office, scorer = office_at(home, desk, now)
        live = office.live(scorer)
        for each in drafts(office, live, Sender()):
            if each.refusal is None:
                queue(office, live, NIGHT, each, now)
        mailbox = Mailbox("127.0.0.1", "Accounts <us@example.com>", "us@example.com", port, "off")
        send_due(office, live, mailbox, NIGHT, lambda: now)


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]), START + timedelta(minutes=int(sys.argv[3])))
