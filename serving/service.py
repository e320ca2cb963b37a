"""How does the HTTP service run in BentoML?

`bentoml serve serving.service:Duecourse`, a bento of `bentoml build` and `duecourse serve` all run this one
class. BentoML gives the processes, the health routes and the packaging; the routes are those of
`serving.api`, and the guard stands around all of them. What to serve comes from the environment
(`serving.api.settings`).
"""

from __future__ import annotations

import functools
import gc
import logging
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

# before bentoml is imported, and in its exact words: it takes no other text for a no
os.environ |= {"BENTOML_DO_NOT_TRACK": "True", "DO_NOT_TRACK": "1", "ITERATIVE_DO_NOT_TRACK": "1"}

from typing import Any, cast

import bentoml
from starlette.types import Receive, Scope, Send

from features.ledger import Ledger
from serving.api.app import create_app
from serving.api.guard import Guard
from serving.api.readiness import Readiness
from serving.api.settings import Settings
from serving.desk import Desk
from serving.desk_facts import facts_at_desk
from serving.following import Following
from serving.office import Office
from serving.scoring import Scorer, load_policy

# figures worked out beside the answers would else make each of an answer's steps wait five milliseconds
sys.setswitchinterval(0.001)
settings = Settings.from_environment()
log = logging.getLogger("bentoml.duecourse")


following = Following(settings.home)


@functools.cache
def book() -> Ledger:
    """The ledger that the environment names, read once; raises ValueError where it names none."""
    if settings.ledger is None:
        raise ValueError(
            "No ledger to serve. Set DUECOURSE_LEDGER to its folder, or run `duecourse serve LEDGER`."
        )
    return Ledger.load(settings.ledger)


@functools.cache
def office() -> Office:
    """The desk beside the book; raises DeskUnavailable where its database does not answer."""
    # a write that cannot begin says so while its caller still listens
    patience = max(0.5, settings.timeout_seconds - 1)
    desk = Desk.open(settings.home, settings.database_url, patience)
    return Office(desk, book(), lambda: datetime.now(UTC), settings.policy is None, str(settings.ledger))


def load_scorer() -> Scorer:
    """The Scorer that the environment describes; another process tries the model while the ledger is read."""
    with ThreadPoolExecutor(1) as beside:
        model = beside.submit(following.first)
        ledger, day = office().ledger, settings.as_of or office().book_day
        policy = load_policy(settings.home, settings.policy)
        scorer = Scorer(ledger, model.result(), policy, day, facts_at_desk(office().desk, day))
    scorer.warm_up()
    following.serves(scorer)
    return scorer


def settle_memory() -> None:
    """Take what was loaded out of the garbage collector's sight: walking it made single requests slow."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def end_with(supervisor: int) -> None:
    """End this worker once its supervisor is gone: alone it would hold the port for ever."""
    while os.getppid() == supervisor:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


readiness = Readiness(load_scorer, settle_memory, following, lambda scorer: office())
_app = create_app(readiness, settings.timeout_seconds, settings.single_sign_on, looks_ahead=True)


async def routes(scope: Scope, receive: Receive, send: Send) -> None:
    """The app as a plain function: BentoML would put its own pages beside an app whose routes it can read."""
    await _app(scope, receive, send)


@bentoml.service(
    name="duecourse",
    workers=settings.workers,
    http={"host": "127.0.0.1", "port": 3000},
    # the guard answers first and in our own form; this only ends what the guard could not
    traffic={"timeout": settings.timeout_seconds + 2},
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},  # the guard writes one line per request, with nothing forged
)
@bentoml.asgi_app(routes, path="/")
class Duecourse:
    """Late-payment risk of open invoices, with reasons and the next helpful step."""

    def __init__(self) -> None:
        readiness.start(settings.follow_seconds)
        threading.Thread(target=end_with, args=(os.getppid(),), name="supervisor", daemon=True).start()

    async def __is_ready__(self) -> bool:
        return readiness.why_not_ready() is None


# the decorator makes a bentoml.Service of the class, which its types do not tell
cast(Any, Duecourse).add_asgi_middleware(Guard, settings=settings, why_not_ready=readiness.why_not_ready)
