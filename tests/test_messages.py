"""Does every text read well for every customer, whatever is known of them and however they are called?"""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass, replace
from datetime import date
from decimal import Decimal
from email.message import EmailMessage
from html import unescape
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment, nodes

from serving.case_messages import steps_ahead
from serving.messages import (
    CHANNELS,
    STEP_KINDS,
    Finding,
    Item,
    Message,
    MessageCase,
    Money,
    actions,
    languages,
    lint,
    render,
    vocabulary,
)
from serving.messages import case as case_module
from serving.messages.linting import static_text
from serving.messages.rendering import OWN_STEP, TEXTS, Language
from serving.messages.samples import BARE, FULL, SIMPLE, STEP, said_in
from serving.policy import Policy
from serving.policy.spoken import opening_in, sentences_in
from serving.worklist import Case
from tests.commands import runs_in

GOLDEN = Path(__file__).parent / "golden_messages"
CASES = {"bare": BARE, "simple": SIMPLE, "full": FULL}
TEMPLATES = sorted(TEXTS.rglob("*.jinja"))
ALL = (*actions(), "a_step_of_their_own")
SPOKEN = [(language, action) for language in languages() for action in (*actions(language), ALL[-1])]
"""Every text in every language there is, and the frame for a step without one."""


def said(action: str, channel: str = "email", case: MessageCase = SIMPLE, **given: Any) -> Message:
    step = STEP if action == "announce_next_step" else None
    return render(action, channel, case, **({"approved_next_step": step} | given))


@pytest.mark.parametrize(("language", "action"), SPOKEN)
@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("case", CASES)
def test_every_text_is_kind_and_complete_whatever_is_known(
    language: str, action: str, channel: str, case: str
) -> None:
    message = said(action, channel, CASES[case], language=language)
    assert message.language == language
    assert message.findings == () and lint(message.subject, language) == []
    assert message.subject and len(message.text.split()) > 20
    assert not re.search(r"[\ue000-\ue002\xa0{}]|None|\n\n\n| \n|Undefined", message.subject + message.text)
    assert all(len(line) <= 84 for line in message.text.splitlines())
    assert bool(message.html) == (channel == "email")
    assert (message.warnings == ()) == (CASES[case] is FULL or (case == "simple" and channel != "letter"))


@pytest.mark.parametrize(("language", "action"), SPOKEN)
@pytest.mark.parametrize("kind", STEP_KINDS)
def test_an_approved_step_can_go_with_every_text(language: str, action: str, kind: str) -> None:
    for partner in ("Fair Court Collections Ltd", ""):
        step = replace(STEP, kind=kind, partner=partner)
        for channel in CHANNELS:
            assert said(action, channel, FULL, language=language, approved_next_step=step).findings == ()


@pytest.mark.parametrize("kind", STEP_KINDS)
@pytest.mark.parametrize("language", languages())
def test_what_is_said_of_a_step_needs_its_approval(language: str, kind: str) -> None:
    text = said("announce_next_step", "email", approved_next_step=replace(STEP, kind=kind), language=language)
    assert kind in {each for found in lint(text.text, language) for each in allowed_with(found, language)}


def allowed_with(found: Finding, language: str) -> tuple[str, ...]:
    return vocabulary(language).rule(found.rule).allowed_with


ENGLISH = {
    "the",
    "you",
    "your",
    "our",
    "and",
    "with",
    "would",
    "please",
    "that",
    "there",
    "have",
    "this",
    "from",
}
"""Words without which English hardly does, and that German and Dutch do not have."""


@pytest.mark.parametrize("language", [each for each in languages() if each != "en"])
@pytest.mark.parametrize("case", CASES)
def test_nothing_english_is_left_in_another_language(language: str, case: str) -> None:
    """In any message of any step, with the sentences that the packaged policy has for it."""
    policy, sample = Policy.load().parts, said_in(CASES[case], language)
    openings = dict.fromkeys((*actions(), *policy.actions, OWN_STEP), sample.opening)
    for code, step in policy.actions.items():
        openings[code] = opening_in(policy, code, step.opening, language)[0] if step.is_contact else ""
    for action, channel in product(openings, CHANNELS):
        message = said(action, channel, replace(sample, opening=openings[action]), language=language)
        words = re.findall(r"\w+", f"{message.subject} {message.text}".casefold())
        assert not ENGLISH & set(words), (action, channel)
        assert message.language == language and message.findings == ()


@pytest.mark.parametrize("language", [each for each in languages() if each != "en"])
def test_every_sentence_of_the_packaged_policy_is_said_and_kind_in_every_language(language: str) -> None:
    policy = Policy.load()
    english, spoken = (sentences_in(policy.parts, each) for each in ("en", language))
    assert spoken.keys() == english.keys() and len(spoken) > 40
    published = [each for name in policy.parts.strategies for each in policy.published(name, language)]
    assert lint("\n".join((*spoken.values(), *published)), language) == []
    words = re.findall(r"\w+", " ".join((*spoken.values(), *published)).casefold())
    assert not ENGLISH & set(words)


@pytest.mark.parametrize("language", languages())
def test_the_welcome_tells_the_steps_of_the_policy_in_advance(language: str) -> None:
    policy = Policy.load().parts
    welcome = SimpleNamespace(action="introduce_ourselves", strategy="new_customers")
    ahead = steps_ahead(policy, cast(Case, welcome), language)
    days = [step.days for step in ahead]
    assert days == sorted(days) and len(days) >= 5
    message = said("introduce_ourselves", case=replace(SIMPLE, sequence=ahead), language=language)
    text = " ".join(message.text.split())
    assert all(each.what in text for each in ahead) and message.findings == ()
    own = sentences_in(policy, language)["actions.introduce_ourselves.told"]
    assert own not in [each.what for each in ahead]
    lacking = replace(policy, other_languages={"de": {}})
    assert bool(steps_ahead(lacking, cast(Case, welcome), language)) == (language == "en")


@pytest.mark.parametrize(("language", "action"), SPOKEN)
def test_html_says_what_the_text_says(language: str, action: str) -> None:
    message = said(action, "email", FULL, language=language)
    words = unescape(re.sub("<[^>]+>", " ", message.html.split("<body")[1].split(">", 1)[1]))
    assert re.findall(r"\w+", words) == re.findall(r"\w+", message.text)


def test_every_step_of_the_policy_that_customers_hear_of_has_a_text() -> None:
    steps = Policy.load().parts.actions
    assert [code for code, step in steps.items() if step.is_contact and code not in actions()] == []


def golden(path: Path) -> str:
    """A text by its file: folder of the language; action, channel, case and perhaps an approved step."""
    action, channel, case, *step = path.stem.split(".")
    language = "en" if path.parent == GOLDEN else path.parent.name
    approved = {"approved_next_step": STEP} if step else {}
    message = said(action, channel, said_in(CASES[case], language), language=language, **approved)
    return f"{message.subject}\n\n{message.text}"


@pytest.mark.parametrize(
    "path", sorted(GOLDEN.rglob("*.txt")), ids=lambda path: str(path.relative_to(GOLDEN))
)
def test_it_reads_as_it_was_read_aloud(path: Path) -> None:
    """After a change of wording: read the new text aloud, then run `python -m tests.test_messages`."""
    assert golden(path) == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("language", languages())
def test_a_letter_with_ten_invoices_fits_on_a_page(language: str) -> None:
    items = tuple(replace(SIMPLE.items[0], number=f"{n}") for n in range(10))
    case = replace(SIMPLE, items=items, address=FULL.address)
    for action in actions(language):
        assert len(said(action, "letter", case, language=language).text.splitlines()) <= 62, action


@pytest.mark.parametrize("language", languages())
def test_every_text_can_be_asked_for_by_country(language: str) -> None:
    message = said("thank_you", "email", language=f"{language}-XX")
    assert message == said("thank_you", "email", language=language)


class TestFacts:
    def test_currencies_are_never_added_together(self) -> None:
        assert [(each.amount, each.currency) for each in FULL.totals] == [
            (Decimal("2060.50"), "EUR"),
            (Decimal("300.00"), "USD"),
        ]
        assert "€2,060.50 and US$300.00" in said("statement_of_account", "email", FULL).text

    def test_one_message_for_all_items_of_all_divisions(self) -> None:
        text = said("friendly_reminder", "email", FULL).text
        assert all(item.number in text and item.division in text for item in FULL.items)
        assert (
            "Timber"
            not in said("friendly_reminder", "email", replace(FULL, items=FULL.items[:1], adds=())).text
        )

    def test_what_is_in_question_can_wait_and_the_rest_is_named(self) -> None:
        case = replace(SIMPLE, items=(FULL.items[1],))
        text = " ".join(said("friendly_reminder", "email", case).text.split())
        assert "€160.50 can wait for our answer. What is not in question comes to €700.00." in text
        whole = replace(case, items=(replace(FULL.items[1], in_question=FULL.items[1].open),))
        text = " ".join(said("friendly_reminder", "email", whole).text.split())
        assert "until you have our answer nothing is asked of you" in text

    def test_the_payment_run_is_named_by_its_day(self) -> None:
        text = " ".join(said("pre_due_reminder").text.split())
        assert "In good time for your Thursday payment run on 5 March" in text

    @pytest.mark.parametrize(
        ("locale", "expected"),
        [("en", "€1,200.00"), ("en-US", "€1,200.00"), ("en_GB", "25 Feb 2026"), ("en-US", "Feb 25, 2026")],
    )
    def test_days_and_amounts_are_written_as_the_reader_writes_them(self, locale: str, expected: str) -> None:
        message = render("statement_of_account", "email", SIMPLE, locale)
        assert expected in message.text and message.warnings == ()

    @pytest.mark.parametrize(
        ("amount", "currency"), [("NaN", "EUR"), ("Infinity", "EUR"), ("1", "eur"), ("1", "EURO"), ("1", "")]
    )
    def test_no_amount_without_a_number_and_a_currency(self, amount: str, currency: str) -> None:
        with pytest.raises(ValueError, match="give a"):
            Money(Decimal(amount), currency)

    def test_yen_and_dinars_have_their_own_digits(self) -> None:
        monies = [Money(Decimal("1200"), "JPY"), Money(Decimal("1.5"), "KWD")]
        items = tuple(Item(str(n), open=money) for n, money in enumerate(monies))
        text = said("statement_of_account", "email", replace(SIMPLE, items=items)).text
        assert "JP¥1,200" in text and "KWD1.500" in text

    def test_what_is_missing_is_said_to_the_person_who_sends_it(self) -> None:
        case = replace(BARE, items=(Item("7"),))
        assert render("friendly_reminder", "letter", case).warnings == (
            "no contact person is known, so nobody is addressed by name",
            "no sender is named",
            "no address is known for the letter",
            "no open amount or no due date is known of 7",
        )


class TestSteps:
    def test_nothing_is_announced_without_an_approval(self) -> None:
        with pytest.raises(ValueError, match="needs an approved next step"):
            render("announce_next_step", "letter", SIMPLE)

    @pytest.mark.parametrize("channel", CHANNELS)
    def test_an_announcement_has_its_day_its_name_and_the_way_around_it(self, channel: str) -> None:
        text = " ".join(said("announce_next_step", channel).text.split())
        assert "from 16 March 2026 we will pause new deliveries" in text
        assert "Ada Grant decided this on 2 March 2026." in text
        assert "an agreement before that day is all it takes" in text

    @pytest.mark.parametrize(
        ("action", "channel", "message"),
        [("friendly_reminder", "pigeon", "one of email"), ("../en/x", "email", "is no action")],
    )
    def test_what_cannot_be_said(self, action: str, channel: str, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            render(action, channel, SIMPLE)

    def test_a_step_of_the_policys_own_speaks_with_its_opening(self) -> None:
        case = replace(SIMPLE, opening="May we show you our new portal?")
        message = render("show_portal", "email", case)
        assert "May we show you our new portal?" in message.text
        assert message.template == f"en/{OWN_STEP}"

    def test_our_own_free_words_are_checked_and_placed(self) -> None:
        case = replace(SIMPLE, note="Pay at once.", customer="Final Notice Ltd")
        message = render("summary_of_agreement", "email", case)
        (found,) = message.findings
        assert (found.rule, message.text[found.start : found.end]) == ("urgency", "at once")
        assert message.warnings == (str(found),)

    def test_the_policys_words_are_looked_for_too(self) -> None:
        message = render("thank_you", "email", SIMPLE, never_say=["granted"])
        assert [each.rule for each in message.findings] == ["never_say"]


NASTY = [
    "<script>alert(1)</script>",
    "Smith & Sons \"Ltd\" 'x'",
    '=HYPERLINK("http://x")',
    "{{ 7 * 7 }}{% raw %}",
    "a\r\nBcc: all@example.org",
    "line\u2028para\u2029sep\x0b\x0cx\x85y",
    "شركة النور",
    "abc\u202edcba\u2066",
    "\ue000</bdi>\ue001<b>",
    "Court & Debt Collection, Final Notice",
    "名" * 90,
    "x" * 500,
    "* a list\n\n1. a heading",
    "\ud800",
    "👩‍👩‍👧 Müller",
]


def named(name: str) -> MessageCase:
    """A case with a name wherever a customer's words can stand."""
    items = tuple(replace(each, number=name, purchase_order=name, division=name) for each in FULL.items)
    return replace(
        FULL,
        customer=name,
        customer_number=name,
        contact_person=name,
        address=(name, name),
        phone=name,
        items=items,
        complaint=name,
        assistance=(name,),
        disputes=tuple(replace(each, number=name, reason=name, owner=name) for each in FULL.disputes),
        cash=tuple(replace(each, reference=name) for each in FULL.cash),
        promise=replace(FULL.promise, person=name) if FULL.promise else None,
        sender=replace(FULL.sender, name=name, company=name),
    )


def check_safe(name: str, action: str) -> None:
    for channel in CHANNELS:
        message = said(action, channel, named(name))
        assert message.findings == (), "their words are not ours"
        assert message.subject == " ".join(message.subject.split())
        assert len(message.subject) <= 142
        mail = EmailMessage()
        mail["Subject"] = message.subject
        mail.set_content(message.text)
        assert list(mail.keys()).count("Bcc") == 0
        assert not re.search("[\u202a-\u202e\u2066\u2067\x00-\x09\x0b-\x1f\ue000-\uf8ff]", message.text)
        assert message.text.count("\u2068") == message.text.count("\u2069")
    page = said(action, "email", named(name)).html
    tags = set(re.findall(r"<\s*/?\s*([a-zA-Z!]+)", page))
    known = {"!DOCTYPE", "html", "head", "meta", "title", "body", "p", "br", "bdi", "ul", "li"}
    assert tags <= known | {"table", "tr", "th", "td"}
    assert page.count("<bdi>") == page.count("</bdi>")


@pytest.mark.parametrize("name", NASTY, ids=range(len(NASTY)))
def test_no_name_breaks_out_of_its_place(name: str) -> None:
    for action in ("friendly_reminder", "summary_of_agreement"):
        check_safe(name, action)


@settings(deadline=None, max_examples=40)
@given(st.text(max_size=80), st.sampled_from(ALL))
def test_no_name_at_all_breaks_out_of_its_place(name: str, action: str) -> None:
    check_safe(name, action)


def test_right_to_left_names_keep_to_themselves() -> None:
    message = said("friendly_reminder", "email", replace(SIMPLE, contact_person="شركة النور"))
    assert message.text.startswith("Dear \u2068شركة النور\u2069,")
    assert "<p>Dear <bdi>شركة النور</bdi>,</p>" in message.html


class TestTemplates:
    @pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(TEXTS)))
    def test_every_branch_of_a_template_is_kind(self, path: Path) -> None:
        language = path.relative_to(TEXTS).parts[0]
        step = replace(STEP, kind=path.stem) if path.parent.name == "steps" else None
        assert lint(static_text(path.read_text(encoding="utf-8")), language, step) == []

    def test_steps_are_announced_in_their_own_files_alone(self) -> None:
        assert {path.stem for path in (TEXTS / "en" / "steps").glob("*")} == set(STEP_KINDS)

    def test_templates_ask_for_facts_alone(self) -> None:
        known = set(field_names()) | {
            name for name, value in vars(MessageCase).items() if isinstance(value, property)
        }
        for path in TEMPLATES:
            asked = attributes_of(path)
            assert asked <= known | MACROS, path

    @pytest.mark.parametrize("language", languages())
    def test_a_language_is_complete(self, language: str) -> None:
        folder = TEXTS / language
        read = Language.model_validate(yaml.safe_load((folder / "language.yaml").read_text("utf-8")))
        english = yaml.safe_load((TEXTS / "en" / "language.yaml").read_text("utf-8"))
        assert read.headings.keys() == english["headings"].keys()
        names = {str(path.relative_to(TEXTS / "en")) for path in (TEXTS / "en").rglob("*.jinja")}
        assert {name for name in names if not name.startswith("actions/")} <= {
            str(path.relative_to(folder)) for path in folder.rglob("*.jinja")
        }
        assert (folder / "actions" / f"{OWN_STEP}.jinja").exists()

    def test_english_stands_in_for_a_language_without_a_text(self) -> None:
        message = render("thank_you", "email", SIMPLE, "tlh-KX")
        assert message.language == "en" and message.text == said("thank_you").text
        assert message.warnings == ("there is no text in 'tlh-KX' yet; this one is in English",)


SCORES = ("p_late", "p_late_30", "p_late_90")
MACROS = set(re.findall(r"{% macro (\w+)", (TEXTS / "en" / "parts.jinja").read_text(encoding="utf-8")))


def attributes_of(path: Path) -> set[str]:
    tree = Environment().parse(path.read_text(encoding="utf-8"))
    return {node.attr for node in tree.find_all(nodes.Getattr)}


def field_names() -> list[str]:
    """The names of all fields of a case, and of what it is made of."""
    parts = [part for part in vars(case_module).values() if isinstance(part, type) and is_dataclass(part)]
    return [each.name for part in parts for each in fields(part)]


class TestToneIsNotAForecast:
    def test_a_case_has_no_place_for_a_score(self) -> None:
        names = set(field_names())
        assert not names & {*SCORES, "tier", "evidence", "reasons"}
        assert [name for name in names if re.search("score|risk|prob|tier|p_late|expected|firm", name)] == []

    def test_the_same_facts_read_the_same_whatever_the_scores(self) -> None:
        policy, draw = Policy.load(), np.random.default_rng(5)
        calm = cases(draw, 60)
        rise = draw.random(len(calm))
        alarmed = calm.assign(
            **{name: calm[name] + rise * (1 - calm[name]) for name in SCORES if name in calm}
        )
        before, after = (policy.decide(rows)["action"].tolist() for rows in (calm, alarmed))
        steps, same = policy.parts.actions, 0
        for row, one, other in zip(calm.to_dict("records"), before, after, strict=True):
            if steps[one].is_contact and one == other:
                assert render(one, "email", facts_of(row)) == render(other, "email", facts_of(row))
                same += 1
            assert steps[other].firmness <= steps[one].firmness
        assert same > 5 and before != after


def cases(draw: np.random.Generator, size: int) -> pd.DataFrame:
    p_late = draw.random(size)
    return pd.DataFrame(
        {
            "as_of": pd.Timestamp("2026-03-02"),
            "due_on": pd.Timestamp("2026-03-02") + pd.to_timedelta(draw.integers(-40, 20, size), unit="D"),
            "p_late": p_late,
            "p_late_30": p_late * draw.random(size),
            "amount_open": draw.uniform(0, 15000, size).round(2),
            "contacts_90": draw.integers(0, 4, size),
            "ever_contacted": True,
        }
    )


def facts_of(row: dict[Any, Any]) -> MessageCase:
    money = Money(Decimal(str(row["amount_open"])), "EUR")
    return replace(SIMPLE, items=(Item("1", due_on=row["due_on"].date(), open=money),))


class TestVerbs:
    def test_a_text_is_shown(self, tmp_path: Path) -> None:
        done = runs_in(tmp_path)("messages", "show", "pre_due_reminder", "--channel", "phone")
        assert done.exit_code == 0
        assert done.stdout.startswith("Subject: For your Thursday payment run") and "1. Begin" in done.stdout

    def test_an_unknown_text_names_those_there_are(self, tmp_path: Path) -> None:
        done = runs_in(tmp_path)("messages", "show", "nope")
        assert done.exit_code == 2 and "friendly_reminder" in done.stderr

    @pytest.mark.parametrize(
        ("text", "code", "says"),
        [
            ("How are things?", 0, "This may be sent."),
            ("Your\n  debt.", 2, "line 2, character 3: says 'debt' (debt_words)"),
            ("The overdue invoice", 0, "could be said better"),
        ],
    )
    def test_a_text_is_checked(self, text: str, code: int, says: str, tmp_path: Path) -> None:
        file = tmp_path / "text.txt"
        file.write_text(text, encoding="utf-8")
        done = runs_in(tmp_path)("messages", "lint", file)
        assert done.exit_code == code and says in done.stdout

    def test_a_template_is_checked_in_all_its_branches(self, tmp_path: Path) -> None:
        file = tmp_path / "text.jinja"
        file.write_text("{% if debt %}Fine{% else %}You must pay{% endif %}", encoding="utf-8")
        done = runs_in(tmp_path)("messages", "lint", file, "--json")
        assert done.exit_code == 2 and '"orders"' in done.stdout and "debt_words" not in done.stdout

    def test_an_approved_step_may_be_named(self, tmp_path: Path) -> None:
        file = tmp_path / "text.txt"
        file.write_text("From Monday we will pause new deliveries.", encoding="utf-8")
        run = runs_in(tmp_path)
        assert run("messages", "lint", file).exit_code == 2
        assert run("messages", "lint", file, "--next-step", "pause_deliveries").exit_code == 0


def test_the_day_of_writing_alone_is_enough() -> None:
    assert MessageCase(date(2026, 3, 2)) == BARE


if __name__ == "__main__":
    for golden_file in GOLDEN.rglob("*.txt"):
        golden_file.write_text(golden(golden_file), encoding="utf-8")
