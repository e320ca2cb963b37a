"""Is every text there in every language, with its places; and are finished sentences told again without a remainder?"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from serving.languages import ENGLISH, languages, speaking
from serving.languages.phrases import phrases
from serving.languages.problems import PROBLEMS
from serving.languages.retelling import retold, spelt
from serving.policy import Policy, PolicyError
from tests.catalogues import SERVING, flaws
from tests.test_policy_reading import BROKEN, changed

TEMPLATES = SERVING / "pages" / "templates"
OTHERS = [code for code in languages() if code != ENGLISH]


@pytest.mark.parametrize("code", OTHERS)
def test_every_text_is_translated(code: str) -> None:
    """What is named here stands in the catalogues after `python -m tests.catalogues`, and waits for its translation."""
    assert "\n".join(flaws(code)) == ""


@pytest.mark.parametrize("code", OTHERS)
def test_the_packaged_policy_is_read_aloud_in_the_language(code: str) -> None:
    english = re.compile(r"\b(if|because|the step|is at least|customer who|takes the place)\b", re.IGNORECASE)
    with speaking(code):
        told = [retold(each) for each in Policy.load().sentences()]
    assert [each for each in told if english.search(each)] == []
    rules = [each for each in told if re.search(r"\(\w+_\w+\)\.$", each)]
    assert rules == [], "names of rules are told too"


@pytest.mark.parametrize(
    ("code", "sentence", "expected"),
    [
        (
            "en",
            "1,707 EUR in 1 invoice past due by 4 days: x.",
            "€1,707 in 1 invoice past due by 4 days: x.",
        ),
        (
            "en",
            "1,250.50 CHF by 2026-07-02, 12 PDF of INV-2026-01-02, 2026-13-99.",
            "CHF\xa01,250.50 by 2 Jul 2026, 12 PDF of INV-2026-01-02, 2026-13-99.",
        ),
        (
            "en",
            "3356.32 EUR is open, 134% of the limit of 2500.00.",
            "€3,356.32 is open, 134 % of the limit of €2,500.00.",
        ),
        (
            "en",
            "The recommended limit was cut from 1500.00 to 1000.00 EUR.",
            "The recommended limit was cut from €1,500.00 to €1,000.00.",
        ),
        (
            "de",
            "100.00 EUR was promised by 2026-06-20; 50.00 came. We said we would follow up.",
            "100,00\xa0€ waren bis zum 20.06.2026 zugesagt; 50,00\xa0€ sind eingegangen. Wir haben angekündigt "
            "nachzufassen.",
        ),
        ("nl", "the step of today is friendly reminder", "de stap van vandaag is vriendelijke herinnering"),
        (
            "de",
            "1,707 EUR in 1 invoice past due by 4 days: a complaint is open, and it is answered before we speak "
            "about money.",
            "1.707\xa0€ in 1 seit 4 Tagen überfälligen Rechnung: eine Beschwerde ist offen, und sie wird "
            "beantwortet, bevor wir über Geld sprechen.",
        ),
        (
            "nl",
            "Pays on Mondays and Tuesdays (34 of 34 pay days); call by Thu 2 Jul for the run of Mon 6 Jul.",
            "Betaalt op maandag en op dinsdag (34 van 34 betaaldagen); bel uiterlijk do 2 jul "
            "voor de run van ma 6 jul.",
        ),
        (
            "de",
            "Its latest credit score is 22; typical is 69.5",
            "Der letzte Bonitätswert ist 22; üblich: 69,5",
        ),
        (
            "nl",
            "38% of 8 invoices of the last year were paid late",
            "38% van 8 facturen van het afgelopen jaar is te laat betaald",
        ),
        (
            "de",
            "what is open (3,356 EUR) is well over the limit of 2,500",
            "was offen ist (3.356\xa0€), liegt weit über dem Limit von 2.500",
        ),
        (
            "de",
            "40% of what is open in EUR is high or worse, which is not enough under the lower bar to leave critical.",
            "40 % des in EUR Offenen ist hoch oder schlechter; das liegt nicht weit genug unter der Schwelle, um "
            "die Stufe kritisch zu verlassen.",
        ),
        (
            "de",
            "Disputes of the last year: delivery 2, pricing 1.",
            "Klärungsfälle des letzten Jahres: Lieferung 2, Preis 1.",
        ),
        ("de", "No phrase of ours, and 3 days of it.", "No phrase of ours, and 3 days of it."),
        ("de", "%(said)s <b>\u202e; ; : .", "%(said)s <b>\u202e; ; : ."),
    ],
)
def test_a_finished_sentence_is_told_again(code: str, sentence: str, expected: str) -> None:
    with speaking(code):
        assert retold(sentence) == expected


READERS = [
    *sorted((SERVING / "policy").glob("*.py")),
    SERVING / "alerts" / "reading.py",
    SERVING / "conditions.py",
]
TELL = {"report", "Flaw", "Problem"}
NAMED = {"mend", "message"}
"""What a message or its mend is called before it is told."""


def _texts_of(node: ast.AST) -> Iterator[str]:
    """The texts a message can be, as patterns: what is filled in may be anything."""
    match node:
        case ast.Constant(value=str() as text):
            yield re.escape(text)
        case ast.JoinedStr(values=parts):
            yield "".join(re.escape(part.value) if isinstance(part, ast.Constant) else ".+" for part in parts)
        case ast.IfExp(body=one, orelse=other):
            yield from (*_texts_of(one), *_texts_of(other))
        case ast.BoolOp(values=parts) | ast.Tuple(elts=parts):
            for part in parts:
                yield from _texts_of(part)


def _messages_in(path: Path) -> set[str]:
    """Every message and mend of a reader of policies, as a pattern."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name), args=args) if name in TELL:
                told = [each for each in args if not isinstance(each, ast.Tuple)]  # a tuple is a place
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in NAMED:
                told = [value]
            case ast.Yield(value=ast.Tuple(elts=[_, *told])):  # where, what and how to mend it
                pass
            case _:
                continue
        found |= {text for each in told for text in _texts_of(each)}
    return {each for each in found if re.search("[a-z]{2}", each)}


def test_every_problem_of_a_policy_can_be_told_again() -> None:
    known = [re.sub(r"%\(\w+\)s", "…", text) for text in PROBLEMS]
    known.append("'is' is not part of the language")  # of which 'is' is a value
    messages = {text for path in READERS for text in _messages_in(path)}
    assert len(messages) > 130
    assert [each for each in sorted(messages) if not any(re.fullmatch(each, text) for text in known)] == []


@pytest.mark.parametrize("code", OTHERS)
@pytest.mark.parametrize(("old", "new", "said"), BROKEN)
def test_a_broken_policy_says_so_in_every_language(code: str, old: str, new: str, said: str) -> None:
    with pytest.raises(PolicyError) as raised:
        Policy.read(changed(old, new))
    texts = [text for each in raised.value.problems for text in (each.message, each.suggestion) if text]
    with speaking(code):
        told = [retold(text, exact=True) for text in texts]
    assert texts and all(new != text for new, text in zip(told, texts, strict=True))


def test_what_a_problem_quotes_stays_as_it_was_written() -> None:
    problem = "'100 EUR at 5%' is no number"
    assert retold(problem, exact=True) == problem
    with speaking("de"):
        assert retold(problem, exact=True) == "„100 EUR at 5%“ ist keine Zahl"


def test_a_day_without_its_year_is_found_by_its_weekday() -> None:
    day = date(2026, 7, 8)
    with speaking("de"):
        assert retold(f"until {day:%a} {day.day} {day:%b}") == "bis Mi., 8. Juli"
        assert retold("until Xyz 31 Feb") == "bis Xyz 31 Feb"


def test_a_verdict_names_its_rules_in_words() -> None:
    told = "We give them time (contacted_recently); without that, support_call, as it helps (a_b). See a_b."
    assert spelt(told) == (
        "We give them time (contacted recently); without that, support call, as it helps (a b). See a_b."
    )
    with speaking("de"):
        assert spelt("Zeit geben (contacted_recently)") == "Zeit geben (kürzlich kontaktiert)"


def test_no_made_up_sentence_keeps_a_page_busy() -> None:
    with speaking("de"):
        long = " and ".join(["it is so that"] * 60) + "; " + " or ".join(["x"] * 60)
        assert "it is so that" in retold(long)


COUNTED = re.compile(r"{% trans (\w+)(?:(?!{% endtrans).)*?{% pluralize %}", re.DOTALL)


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.stem)
def test_what_is_counted_stands_first(path: Path) -> None:
    """The first place of a text with a plural decides which form is told: it has to be a number."""
    assert set(COUNTED.findall(path.read_text("utf-8"))) <= {"count", "num", "customers"}


def test_no_phrase_stands_twice() -> None:
    listed = list(phrases())
    assert len(listed) == len(set(listed)) and all(each == each.strip() for each in listed)
