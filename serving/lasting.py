"""What follows from one large object alone, and is kept as long as that object lives and no longer."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

Owner = TypeVar("Owner")
Found = TypeVar("Found")


def once_each(make: Callable[[Owner], Found]) -> Callable[[Owner], Found]:
    """The same, made once for each object; made twice by two who ask at once, it is the same."""
    kept: WeakKeyDictionary[Owner, Found] = WeakKeyDictionary()

    @wraps(make)
    def found(owner: Owner) -> Found:
        if owner not in kept:
            kept[owner] = make(owner)
        return kept[owner]

    return found
