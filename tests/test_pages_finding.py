"""Is everybody found who calls, is what was set by hand taken back where it was set, and is nobody's change lost?"""

from __future__ import annotations

import re
from html import unescape

import pytest

from serving.desk import Actor
from serving.pages.finding import folded
from tests.house import Browser, House, hidden

ERP = Actor("erp", "ar_system")
ASIDE = {"snoozed_until": "2026-04-20", "reason": "waits for the credit note"}


def found(browser: Browser, words: str) -> list[str]:
    """Customers found elsewhere in the book."""
    return [
        each["customer_id"] for each in browser.get(f"/today.json?q={words}").json()["elsewhere"]["customers"]
    ]


def inputs(text: str) -> dict[str, str]:
    """What stands in the fields of the form of C."""
    form = re.search(r'<form method="post" action="/today/C".*?</form>', text, re.DOTALL)
    assert form
    return {
        name: unescape(value)
        for name, value in re.findall(r'<input id="[^"]*" name="([^"]*)"[^>]*? value="([^"]*)"', form[0])
        if value
    }


class TestFinding:
    @pytest.mark.parametrize(
        ("one", "same"),
        [("Müller", "MULLER"), ("Ångström", "angstrom"), ("Straße", "STRASSE"), ("ＡＢＣ", "abc")],
    )
    def test_letters_are_compared_as_people_type_them(self, one: str, same: str) -> None:
        assert folded(one) == folded(same)

    def test_who_owes_nothing_is_found(self, house: House) -> None:
        browser = house.browser()
        assert found(browser, "parla") == []
        with house.desk.writing(ERP, house.clock()) as writing:
            writing.add("customers", {"customer_id": "P", "name": "Pärla Works", "known_on": "2026-03-01"})
        told = browser.get("/today.json?q=parla+works").json()["elsewhere"]
        assert [(each["customer_id"], each["rank"], each["why"]) for each in told["customers"]] == [
            ("P", None, "nothing is open")
        ]
        page = browser.get("/today?q=parla").text
        assert 'href="/customers/P"' in page and "No case fits." not in page

    def test_an_invoice_is_found_by_its_number(self, house: House) -> None:
        browser = house.browser()
        assert browser.get("/today.json?q=p1").json()["elsewhere"]["invoice"] == {
            "invoice_id": "P1", "customer_id": "P", "name": ""
        }  # fmt: skip
        assert 'href="/invoices/P1"' in browser.get("/today?q=p1").text
        assert "No case fits." in browser.get("/today?q=zzzz").text

    def test_who_was_set_aside_is_found_with_the_reason(self, house: House) -> None:
        browser = house.browser()
        assert found(browser, "dale") == ["D"]  # its group stands on the list under another name
        browser.send("/today", "/today/C", ASIDE)
        told = browser.get("/today.json?q=dale").json()["elsewhere"]["customers"]
        assert [(each["customer_id"], each["why"]) for each in told] == [("D", "set aside by hand")]

    def test_a_case_that_a_filter_hides_is_told_with_its_place(self, house: House) -> None:
        told = house.browser().get("/today.json?q=dale&tier=nothing").json()
        assert told["cases"] == [] and told["elsewhere"]["customers"][0]["rank"] >= 1


class TestTakingBack:
    @pytest.mark.parametrize("path", ["/customers/C", "/customers/D"])
    def test_what_was_set_aside_comes_back_from_the_customer_s_page(self, house: House, path: str) -> None:
        browser = house.browser()
        assert browser.send("/today", "/today/C", ASIDE).status_code == 303
        page = browser.get(path).text
        assert "Change it or take it back" in page and 'value="2026-04-20"' in page
        done = browser.send(path, f"{path}/state", {})
        assert (done.status_code, done.headers["location"]) == (303, f"{path}?told=state")
        assert "C" in [each["case_id"] for each in browser.get("/today.json").json()["cases"]]
        assert house.desk.get("case_states", "C").content.get("snoozed_until") is None

    def test_a_flaw_is_shown_where_the_form_stands(self, house: House) -> None:
        again = house.browser().send("/customers/C", "/customers/C/state", {"snoozed_until": "2026-04-20"})
        assert again.status_code == 422 and "say why" in again.text
        assert 'value="2026-04-20"' in again.text and "How do they pay?" in again.text

    def test_a_viewer_has_no_such_form(self, house: House) -> None:
        assert "/state" not in house.signed_in("vic", "viewer").get("/customers/C").text

    def test_a_day_that_is_over_sets_nothing_aside(self, house: House) -> None:
        given = {"snoozed_until": "2026-03-31", "reason": "a slip of the hand"}
        again = house.browser().send("/today", "/today/C", given)
        assert again.status_code == 422 and "no later than the book day" in again.text

    def test_a_place_by_hand_without_a_step_is_told_to_wait(self, house: House) -> None:
        browser = house.browser()
        fields = {"position": "1", "reason": "they rang"}
        assert browser.send("/customers/P", "/customers/P/state", fields).status_code == 303
        assert "counts once there is a step to take" in browser.get("/customers/P").text
        assert browser.send("/customers/C", "/customers/C/state", fields).status_code == 303
        assert "counts once there is a step to take" not in browser.get("/customers/C").text

    def test_a_place_by_hand_is_told_with_its_reason(self, house: House) -> None:
        browser = house.browser()
        browser.send("/today", "/today/C", {"position": "1", "reason": "the <b>board</b> asked"})
        assert "put here by hand: <bdi>the &lt;b&gt;board&lt;/b&gt; asked" in browser.get("/today").text


class TestTwoPeople:
    def test_neither_change_is_lost(self, house: House) -> None:
        first, second = house.browser(), house.browser()
        seen = hidden(second.get("/today").text, "/today/C")
        first.send("/today", "/today/C", {"position": "1", "reason": "the board asked"})
        late = second.post("/today/C", seen | {"assigned_to": "ben"})
        text = unescape(late.text)
        assert late.status_code == 412 and "local 127.0.0.1 changed it meanwhile" in text
        assert "position: “1”" in text and "the board asked" in text
        sent = second.post("/today/C", hidden(late.text, "/today/C") | inputs(late.text))
        assert sent.status_code == 303
        kept = house.desk.get("case_states", "C").content
        assert (kept["position"], kept["position_reason"], kept["assigned_to"]) == (
            1,
            "the board asked",
            "ben",
        )

    def test_what_both_wrote_is_theirs_who_look_last(self, house: House) -> None:
        first, second = house.browser(), house.browser()
        seen = hidden(second.get("/today").text, "/today/C")
        first.send("/today", "/today/C", {"assigned_to": "ana"})
        late = second.post("/today/C", seen | {"assigned_to": "ben"})
        assert inputs(late.text)["assigned_to"] == "ben" and "“ana”" in late.text


class TestRoles:
    @pytest.mark.parametrize("path", ["/portfolio", "/policy", "/model", "/invoices/A1"])
    def test_a_data_scientist_is_led_nowhere_they_may_not_go(self, house: House, path: str) -> None:
        browser = house.signed_in("dora", "data_scientist")
        ways = set(re.findall(r'href="(/[^"?#]*)', browser.get(path).text)) - {"/api"}
        refused = {to for to in ways if browser.get(unescape(to)).status_code == 403}
        assert ways and refused == set()
