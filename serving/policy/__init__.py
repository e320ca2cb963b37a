"""What do our own rules say about an invoice? The credit manager's policy: tiers, steps, guards."""

from serving.policy.cases import CASE_COLUMNS, REQUIRED_COLUMNS
from serving.policy.decision import Policy
from serving.policy.located import PolicyError, Problem

__all__ = ["CASE_COLUMNS", "REQUIRED_COLUMNS", "Policy", "PolicyError", "Problem"]
