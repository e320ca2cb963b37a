"""Which kinds of record does the desk keep? One class each, by the name it has in files and addresses."""

from serving.desk.kinds.cases import Alert, CaseState, StateFlag, Task, TierChange
from serving.desk.kinds.contacts import Contact, Message, Note
from serving.desk.kinds.content import ERASED, Content, Flaw, checked
from serving.desk.kinds.customers import CreditReport, Customer, TradeReference
from serving.desk.kinds.decisions import CreditDecision, Decision, Review
from serving.desk.kinds.deliveries import Delivery, Sending
from serving.desk.kinds.disputes import Complaint, Dispute
from serving.desk.kinds.invoices import Invoice, NonpaymentReason
from serving.desk.kinds.payment_plans import Instalment, PaymentPlan, instalments
from serving.desk.kinds.payments import CreditNote, Payment
from serving.desk.kinds.promises import Promise

_CLASSES: tuple[type[Content], ...] = (
    Invoice,
    Customer,
    Payment,
    CreditNote,
    Dispute,
    Promise,
    Contact,
    Complaint,
    PaymentPlan,
    CreditReport,
    TradeReference,
    NonpaymentReason,
    Note,
    Decision,
    Task,
    Alert,
    CaseState,
    CreditDecision,
    Review,
    StateFlag,
    Message,
    TierChange,
    Delivery,
    Sending,
)
KINDS: dict[str, type[Content]] = {each.KIND: each for each in _CLASSES}
LEDGER_KINDS = tuple(name for name, each in KINDS.items() if each.LEDGER)

__all__ = [
    "ERASED",
    "KINDS",
    "LEDGER_KINDS",
    "Content",
    "Flaw",
    "Instalment",
    "checked",
    "instalments",
]
