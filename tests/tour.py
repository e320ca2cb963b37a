"""What does the product look like? `python -m tests.tour` takes the pictures of the README from the running demo.

    make demo && .venv/bin/python -m tests.tour

The demo's home is copied first, so that nothing of the tour stays in it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.browser import chromium
from tests.live_service import Home, served
from tests.test_service_process import ROOT

PICTURES = ROOT / "serving" / "pages" / "tour"
SIZE = {"width": 1280, "height": 800}


def main() -> None:
    """Take every picture."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--home", type=Path, default=ROOT / ".duecourse")
    asked.add_argument("--ledger", type=Path, default=ROOT / ".duecourse" / "demo-ledger")
    asked.add_argument("--to", type=Path, default=PICTURES)
    given = asked.parse_args()
    given.to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        shutil.copytree(given.home, home, ignore=shutil.ignore_patterns("demo-ledger"))
        with served(Home(home, given.ledger.resolve(), ("", ""), {}), Path(folder) / "log") as server:
            take(f"http://127.0.0.1:{server.port}", given.to)


def take(origin: str, to: Path) -> None:
    """Each stop of the tour, as a picture of the window."""
    with chromium() as browser:
        page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]
        for name, go in STOPS.items():
            go(page, origin)
            page.screenshot(path=to / f"{name}.png")
            print(f"{to / name}.png: {(to / f'{name}.png').stat().st_size:,} bytes")


def _data(origin: str, path: str) -> Any:
    with urllib.request.urlopen(f"{origin}{path}", timeout=60) as answer:
        return json.load(answer)


def _spoken_with(origin: str) -> str:
    """A customer who is called today about several invoices, and whose pay run is known."""
    cases = [each for each in _data(origin, "/today.json")["cases"] if each["channel"] == "phone"]
    best = max(cases, key=lambda each: ("pay" in each["why"], each["asks_for_money"], each["invoices"]))
    return str(best["case_id"])


def _today(page: Page, origin: str) -> None:
    page.goto(f"{origin}/today")


def _customer(page: Page, origin: str) -> None:
    page.goto(f"{origin}/customers/{_spoken_with(origin)}")


def _invoice(page: Page, origin: str) -> None:
    items = _data(origin, f"/customers/{_spoken_with(origin)}.json")["items"]
    undecided = [each for each in items if each["p_late"] is not None and each["p_late"] < 1]
    likely = max(undecided or items, key=lambda each: each["p_late"] or 0)
    page.goto(f"{origin}/invoices/{likely['invoice_id']}")


def _conversation(page: Page, origin: str) -> None:
    page.goto(f"{origin}/customers/{_spoken_with(origin)}/conversation")


def _policy(page: Page, origin: str) -> None:
    page.goto(f"{origin}/policy/numbers")
    page.locator("[name='tier_rules.late_possible.1']").fill("0.1")
    page.locator("form button.primary").last.click()
    page.wait_for_url("**/policy/versions/**")


def _portfolio(page: Page, origin: str) -> None:
    page.goto(f"{origin}/portfolio")


STOPS: dict[str, Callable[[Page, str], None]] = {
    "today": _today,
    "customer": _customer,
    "invoice": _invoice,
    "conversation": _conversation,
    "policy": _policy,
    "portfolio": _portfolio,
}

if __name__ == "__main__":
    main()
