"""What is a policy made of? Plain frozen parts, as read from YAML and checked."""

from dataclasses import dataclass
from typing import Literal, get_args

from serving.conditions import Condition

Channel = Literal["email", "phone", "letter", "internal"]
CHANNELS = get_args(Channel)
COUNTED_FROM = ("as_of", "promised_on", "last_contact")
HOLDS_BACK = ("every_step", "contacts")


@dataclass(frozen=True)
class Rule:
    """When `when` holds (always, if None), the outcome (a tier or an action) is chosen. First match wins."""

    id: str
    outcome: str
    because: str
    when: Condition | None


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
    """One step: who does it, how, by when, what it should achieve and the sentence to open with."""

    code: str
    who: str
    channel: str
    firmness: int
    objective: str
    opening: str
    within_working_days: int | None = None
    counted_from: str = "as_of"
    not_after_due: bool = False

    @property
    def is_contact(self) -> bool:
        """Whether the customer hears of it."""
        return self.channel != "internal"


@dataclass(frozen=True)
class Register:
    """A firmness from 0 on: its name, and the facts without which no rule may use it."""

    name: str
    needs: Condition | None
