"""What do our own rules say about an invoice? The credit manager's policy: tiers, steps, guards."""

from serving.policy.decision import Policy
from serving.policy.located import PolicyError, Problem
from serving.policy.vocabulary import CASE_COLUMNS, REQUIRED_COLUMNS

__all__ = ["CASE_COLUMNS", "REQUIRED_COLUMNS", "Policy", "PolicyError", "Problem"]
