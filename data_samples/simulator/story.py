"""How do the lives of single customers become one story, with ids in the order of the book?"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from .calendar import Period
from .course import Contact, Course
from .customers import Customer
from .orders import Invoices
from .truth import HORIZONS


@dataclass(frozen=True)
class Chapter:
    """One customer: its invoices, what happened to them, and the true probabilities of lateness."""

    customer: Customer
    invoices: Invoices
    course: Course
    probabilities: dict[str, np.ndarray]


@dataclass(frozen=True)
class Story:
    """All customers together. Arrays have one row per invoice, in order of issue."""

    period: Period
    customers: list[Customer]
    customer: np.ndarray
    """of each invoice, as an index into `customers`"""
    invoice_id: np.ndarray
    invoices: Invoices
    course: Course
    probabilities: dict[str, np.ndarray]
    contacts: list[Contact]
    """`row` counts invoices of the story"""


def told(chapters: list[Chapter], period: Period) -> Story:
    """The chapters as one story, sorted by issue day and customer."""
    sizes = [len(chapter.invoices) for chapter in chapters]
    customer = np.repeat(np.arange(len(chapters)), sizes)
    issued = np.concatenate([chapter.invoices.issued for chapter in chapters])
    order = np.lexsort((customer, issued))
    place = np.empty(len(order), dtype=int)
    place[order] = np.arange(len(order))
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    digits = max(5, len(str(len(order))))
    return Story(
        period=period,
        customers=[chapter.customer for chapter in chapters],
        customer=customer[order],
        invoice_id=np.array([f"I{number:0{digits}d}" for number in range(1, len(order) + 1)], dtype=object),
        invoices=Invoices(**joined([vars(chapter.invoices) for chapter in chapters], order)),
        course=Course(**joined([first_future(chapter.course) for chapter in chapters], order)),
        probabilities=joined([chapter.probabilities for chapter in chapters], order, tuple(HORIZONS)),
        contacts=[
            Contact(**(vars(contact) | {"row": place[contact.row + start]}))
            for chapter, start in zip(chapters, starts, strict=True)
            for contact in chapter.course.contacts
        ],
    )


def first_future(course: Course) -> dict[str, np.ndarray]:
    """The columns of a course, as they went in its first future."""
    return {field.name: getattr(course, field.name)[:, 0] for field in fields(course) if field.init}


def joined(
    parts: list[dict[str, np.ndarray]], order: np.ndarray, names: tuple[str, ...] = ()
) -> dict[str, np.ndarray]:
    """Each column of the parts, end to end, then in this order."""
    return {name: np.concatenate([part[name] for part in parts])[order] for name in names or parts[0]}
