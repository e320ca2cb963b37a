"""Which service, with which desk and users, do the tests of the pages open, and as which browser?"""

from __future__ import annotations

import re
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from argon2 import PasswordHasher

from features.ledger import Ledger
from serving.api.access import Access
from serving.api.app import create_app
from serving.api.guard import Guard
from serving.api.readiness import Readiness
from serving.api.settings import Settings
from serving.desk import Actor
from serving.office import Office
from serving.pages.paths import quoted
from serving.policy import Policy
from serving.provider import Provider
from serving.scoring import Scorer
from serving.users import Users
from tests.api_service import NOW, PATIENT_SECONDS, desk_of
from tests.caller import Caller
from training.model import RiskModel

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Hashes in a moment: what is tested is who comes in, not how dear a guess is."""
BOOK_DAY = date(2026, 3, 31)
ODD_NAME = "<script>alert(1)</script> =HYPERLINK(1) \u202e\u0627\u0644\u0639\u0631\u0628\u064a\u0629 & Sons"
ORIGIN = "http://127.0.0.1:3000"
PASSWORD = "seven quiet harbours"
INVOICE = {"issued_on": "2026-01-12", "due_on": "2026-02-11", "amount": "900.00", "currency": "EUR"}


def book(model: RiskModel) -> Scorer:
    """A group of two with an odd name, a customer whose id holds what addresses are made of, and one that pays well."""
    invoices = [
        INVOICE | {"invoice_id": "A1", "customer_id": "C"},
        INVOICE | {"invoice_id": "A2", "customer_id": "C", "due_on": "2026-04-20"},
        INVOICE | {"invoice_id": "D/1?#", "customer_id": "D"},
        INVOICE | {"invoice_id": "E1", "customer_id": "a/b c?#<i>"},
        INVOICE | {"invoice_id": "P1", "customer_id": "P"},
    ]
    customers = [
        {"customer_id": "C", "name": ODD_NAME, "credit_limit": "5000.00", "terms_days": "30"},
        {"customer_id": "D", "name": "Dale Mills", "parent_id": "C"},
    ]
    paid = [{"invoice_id": "P1", "paid_on": "2026-02-20", "amount": "900.00"}]
    rows = {"invoices": invoices, "customers": customers, "payments": paid}
    return Scorer(Ledger.from_rows(rows), model, Policy.load(), BOOK_DAY)


class Clock:
    """The wall clock of a test."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> Any:
        return self.now


class Browser:
    """A browser without scripts: keeps cookies, follows nothing by itself, sends forms as its pages hold them."""

    def __init__(self, app: Any, address: str = "127.0.0.1", host: str = "127.0.0.1") -> None:
        self.caller = Caller(app, address, host)
        self.cookies: dict[str, str] = {}
        self.origin = f"http://{host}:3000"

    def get(self, path: str, **headers: str) -> Any:
        return self._noted(self.caller.get(path, headers={**self._cookie(), **headers}))

    def post(self, path: str, fields: dict[str, str], **headers: str) -> Any:
        sent = {"content-type": "application/x-www-form-urlencoded", "origin": self.origin}
        content = urlencode(fields).encode()
        return self._noted(self.caller.post(path, content, headers={**sent, **self._cookie(), **headers}))

    def send(self, page: str, action: str, fields: dict[str, str]) -> Any:
        """Open a page, and send its form of this action with these fields."""
        return self.post(action, hidden(self.get(page).text, action) | fields)

    def sign_in(self, name: str, password: str = PASSWORD, to: str = "/today") -> Any:
        return self.send(f"/sign-in?to={quoted(to)}", "/sign-in", {"name": name, "password": password})

    def _cookie(self) -> dict[str, str]:
        return (
            {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
            if self.cookies
            else {}
        )

    def _noted(self, answer: Any) -> Any:
        for each in answer.headers.get_list("set-cookie"):
            name, _, rest = each.partition("=")
            value = rest.partition(";")[0].strip('"')
            self.cookies = {n: v for n, v in self.cookies.items() if n != name} | (
                {name: value} if value else {}
            )
        return answer


def hidden(text: str, action: str) -> dict[str, str]:
    """The hidden fields of a page's form."""
    found = re.search(rf'<form method="post" action="{re.escape(action)}"[^>]*>(.*?)</form>', text, re.DOTALL)
    assert found, f"no form of {action}"
    pairs = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', found[1])
    return {name: unescape(value) for name, value in pairs}


class House:
    """A service with its desk, users and clock."""

    def __init__(
        self,
        home: Path,
        scorer: Scorer,
        requires_token: bool = False,
        on_loopback: bool = True,
        provider: Provider | None = None,
    ) -> None:
        self.desk, self.clock = desk_of(home, 5.0), Clock()
        self.settings = Settings(home=home, requires_token=requires_token, timeout_seconds=PATIENT_SECONDS)
        readiness = Readiness(
            lambda: scorer, open_office=lambda one: Office(self.desk, one.ledger, self.clock)
        )
        readiness.load()
        self.routes = create_app(readiness, PATIENT_SECONDS, provider)
        access = Access(home, requires_token, lambda: on_loopback)
        self.app = Guard(self.routes, self.settings, access)
        self.users = Users(self.desk)

    def let_in(self, name: str, role: str) -> None:
        self.users.create(Actor("root", "administrator"), self.clock(), name, role, PASSWORD)

    def browser(self, **where: str) -> Browser:
        return Browser(self.app, **where)

    def signed_in(self, name: str, role: str) -> Browser:
        self.let_in(name, role)
        browser = self.browser()
        assert browser.sign_in(name).status_code == 303, name
        return browser
