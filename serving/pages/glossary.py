"""What does each word on these pages mean? Shown where it stands, and all of them on one page."""

from __future__ import annotations

TERMS: dict[str, str] = {
    "tier": "How much attention an invoice or a customer needs, named by the policy: from low, where kind words are "
    "enough, to critical, where somebody with authority speaks with them.",
    "chance of being late": "How likely the invoice is to be settled later than the policy's days of grace after its "
    "due date, learned from how customers of this book paid. It is no probability of default.",
    "range": "Of invoices scored like this one, at least and at most so many turned out late. A wide range means "
    "little evidence.",
    "evidence": "How much of the customer's own past stands behind a score: none, little (fewer than 5 settled "
    "invoices), some (fewer than 20) or ample.",
    "base rate": "How often invoices of the whole book were late while the model learned: where every explanation "
    "begins.",
    "reason": "One part of an explanation. All parts together lead from the base rate to the chance of this invoice.",
    "case": "A customer, or a group of customers with one parent, with all that is open: one contact, one message.",
    "worklist": "The cases worth contacting today, as many as the team can reach, in order of what a contact is "
    "expected to bring in time.",
    "past due": "Open after its due date.",
    "days past due": "Days from the due date to today; negative before it is due.",
    "ageing": "Open money by how long it is past due: current, 1–30, 31–60, 61–90 and over 90 days.",
    "loss rate": "The share of what is open in an age band that is expected never to come, from how such money fared "
    "in this ledger. It is no chance of being late.",
    "pay run": "The days on which a customer pays all that is due, such as every second Thursday. To be paid in a "
    "run, an invoice has to be approved before it.",
    "payment index": "How promptly a customer paid in the last year, from 0 to 100 by amount: 80 is prompt, 70 is 15 "
    "days beyond terms, 50 is 30.",
    "promise": "A day and an amount that a person at the customer named. While it runs, nobody asks for that money.",
    "promise kept rate": "Promises kept, of those kept or broken.",
    "dispute": "What the customer objects to. The disputed part is not asked for; the rest is still due.",
    "complaint": "What a customer says about goods or service. It is answered before anybody speaks about money.",
    "root cause": "What invoices that became late have in common: a mark of ours or a reason that was recorded. It "
    "goes along with lateness and proves nothing.",
    "guard": "A rule of the policy that comes before all others: a dispute, a promise or hardship holds a step back.",
    "override": "A decision other than the one recommended. It needs a reason, and both are kept.",
    "credit limit use": "What a customer owes, divided by its credit limit. No limit and a limit of 0 are different.",
    "credit to offer": "The terms that the policy recommends by facts alone, with its reasons: open terms, a smaller "
    "limit, a part in advance, or cash. A person decides.",
    "review": "A look at the whole account, due as often as its tier asks for. It ends in keeping, restricting or "
    "ending the business, with the reason.",
    "expected late": "The money a case is about, times the chance that it comes late.",
    "snooze": "Set a case aside until a day; it comes back by itself.",
    "policy": "The rules that turn a score and the facts into a tier and a next step, written by the credit manager.",
    "champion": "The model that scores now. Another one takes its place only if shown to be no worse.",
    "DSO": "Days sales outstanding: ending receivables ÷ credit sales of the period × its days.",
    "best possible DSO": "The same with only what is not past due: what is left to the terms that were granted.",
    "average days delinquent": "DSO less the best possible DSO: what lateness costs in days.",
    "CEI": "Collection effectiveness index: (beginning receivables + sales − ending total) ÷ (beginning receivables + "
    "sales − ending current) × 100.",
    "days beyond terms": "Mean of paid day less due day of settled invoices, weighted by amount; positive is late.",
    "roll rate": "Balance in an age band at the end of a month, divided by that of the younger band a month before.",
}
"""The terms of these pages and their meaning."""
