"""Who is helped first today, how, by whom and by when; and why is everybody else left in peace?"""

from serving.worklist.choosing import Capacity, CaseState
from serving.worklist.items import Items, items_of
from serving.worklist.telling import Case, Item
from serving.worklist.worklist import COLUMNS, LEFT_OUT, About, Worklist

__all__ = [
    "COLUMNS",
    "LEFT_OUT",
    "About",
    "Capacity",
    "Case",
    "CaseState",
    "Item",
    "Items",
    "Worklist",
    "items_of",
]
