"""A fictional ledger with known truth: how would a book look if we knew why each customer pays as it does?"""

from .book import Book, simulate, write

__all__ = ["Book", "simulate", "write"]
