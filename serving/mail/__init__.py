"""How do texts leave the house by themselves? An outbox at the desk, and one mailbox over SMTP; off by default."""

from serving.mail.mailbox import Mailbox, MailError, Outcome
from serving.mail.outbox import Draft, drafts, queue, queue_message, send_due, settle, settle_in

__all__ = [
    "Draft",
    "MailError",
    "Mailbox",
    "Outcome",
    "drafts",
    "queue",
    "queue_message",
    "send_due",
    "settle",
    "settle_in",
]
