"""How do we speak to customers? Texts for every step and channel, and a linter that keeps them kind."""

from serving.messages.case import (
    STEP_KINDS,
    Cash,
    Discount,
    Dispute,
    Instalment,
    Item,
    MessageCase,
    Money,
    NextStep,
    Plan,
    Promise,
    Sender,
    SequenceStep,
)
from serving.messages.linting import Finding, lint, vocabulary
from serving.messages.rendering import CHANNELS, Message, actions, languages, render

__all__ = [
    "CHANNELS",
    "STEP_KINDS",
    "Cash",
    "Discount",
    "Dispute",
    "Finding",
    "Instalment",
    "Item",
    "Message",
    "MessageCase",
    "Money",
    "NextStep",
    "Plan",
    "Promise",
    "Sender",
    "SequenceStep",
    "actions",
    "languages",
    "lint",
    "render",
    "vocabulary",
]
