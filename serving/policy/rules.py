"""What is a policy made of? Plain frozen parts, as read from YAML and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from serving.conditions import Condition

Channel = Literal["email", "phone", "letter", "internal"]
CHANNELS = get_args(Channel)
COUNTED_FROM = ("as_of", "promised_on", "last_contact", "next_contact_on", "do_not_contact_until")
HOLDS_BACK = ("every_step", "contacts")
PROMISE_OR_NEXT_CONTACT = "promise_or_next_contact"
COMMITMENTS = (PROMISE_OR_NEXT_CONTACT, "none")
"""What closes a step: a promise or the day of the next contact, or nothing."""


@dataclass(frozen=True)
class Rule:
    """When `when` holds (always, if None), the outcome (a tier, an action …) is chosen. First match wins."""

    id: str
    outcome: str
    because: str
    when: Condition | None


@dataclass(frozen=True)
class Step(Rule):
    """A rule of a strategy that leads to an action, from so many days after due (negative: before) on.

    `when` holds the days too; `stated` is the condition as it is written.
    """

    stated: Condition | None = None
    from_day: int | None = None
    to_day: int | None = None


@dataclass(frozen=True)
class Strategy:
    """What we do for one sort of customer: its steps, and what we tell these customers in advance."""

    name: str
    title: str
    told: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Guard:
    """A fact that comes before every rule: it replaces the step (`then`) or shapes it (`who`, `adds`)."""

    id: str
    when: Condition
    because: str
    then: str | None = None
    who: str | None = None
    adds: str | None = None
    holds_back: str = "every_step"


@dataclass(frozen=True)
class Action:
    """One step: who does it, how, by when, what it should achieve, how to open, and what closes it."""

    code: str
    who: str
    channel: str
    firmness: int
    objective: str
    opening: str
    within_working_days: int | None = None
    counted_from: str = "as_of"
    not_after_due: bool = False
    template: str = ""
    commitment: str = ""
    told: str = ""
    """How the published sequence announces the step to customers; internal steps may have none."""
    automatic: bool = False
    """Whether its text may leave by itself, where sending is set up; never for natural persons."""

    @property
    def is_contact(self) -> bool:
        """Whether the customer hears of it."""
        return self.channel != "internal"


@dataclass(frozen=True)
class Register:
    """A firmness from 0 on: its name, and the facts without which no rule may use it."""

    name: str
    needs: Condition | None


@dataclass(frozen=True)
class NaturalPersons:
    """Whom the law protects as a person, and the firmest step they may get; a person decides on each step."""

    when: Condition
    most_firmness: int = 0
    because: str = ""


Reasons = Mapping[str, tuple[str, ...]]
"""Classes of reasons for not paying, each with the words under which people record it."""
