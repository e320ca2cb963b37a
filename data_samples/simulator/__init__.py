"""A fictional ledger with known truth: how would a book look if we knew why each customer pays as it does?"""

from .book import Book, simulate, write
from .world import SCENARIOS, Market, Scenario, World, scenario_of

__all__ = ["SCENARIOS", "Book", "Market", "Scenario", "World", "scenario_of", "simulate", "write"]
