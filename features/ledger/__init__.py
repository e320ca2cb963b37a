"""The ledger: every recorded fact about receivables, each with the day we learned it."""

from features.ledger.book import Ledger, problem_report, report
from features.ledger.cells import minor_digits, written_amount
from features.ledger.digests import customer_digests, table_digests
from features.ledger.oddities import oddities
from features.ledger.problems import LedgerError, Problem, did_you_mean, summarise
from features.ledger.settings import LedgerSettings, spelt
from features.ledger.tables import TABLES, Column, Table

__all__ = [
    "TABLES",
    "Column",
    "Ledger",
    "LedgerError",
    "LedgerSettings",
    "Problem",
    "Table",
    "customer_digests",
    "did_you_mean",
    "minor_digits",
    "oddities",
    "problem_report",
    "report",
    "spelt",
    "summarise",
    "table_digests",
    "written_amount",
]
