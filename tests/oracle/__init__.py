"""A second opinion on every feature: slow loops over plain objects, written from the features' docstrings."""

from tests.oracle.answers import answers
from tests.oracle.facts import Book

__all__ = ["Book", "answers"]
