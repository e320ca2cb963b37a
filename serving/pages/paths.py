"""Which addresses are pages for people, and which belong to the API?"""

from __future__ import annotations

from urllib.parse import quote

SEGMENTS = frozenset(
    (
        "",
        "alerts",
        "audit",
        "customers",
        "disputes",
        "glossary",
        "help",
        "invoices",
        "language",
        "me",
        "messages",
        "model",
        "patterns",
        "policy",
        "portfolio",
        "sign-in",
        "sign-out",
        "static",
        "today",
        "users",
    )
)
"""First parts of the addresses of pages: all others are the API's, where nobody is let in by a cookie."""
TWIN = ".json"
"""What is added to a page's address to read the same as data."""


def is_page(path: str) -> bool:
    """Whether a decoded path is one of the pages, or below one."""
    first = path.removeprefix("/").partition("/")[0]
    return path.startswith("/") and first.removesuffix(TWIN) in SEGMENTS and not path.startswith("//")


def is_twin(path: str) -> bool:
    """Whether a page is asked for as data."""
    return path.endswith(TWIN)


def quoted(text: str) -> str:
    """A number of a customer or an invoice as one part of an address."""
    return quote(text, safe="")


def customer_path(case_id: str) -> str:
    """The page of a case."""
    return f"/customers/{quoted(case_id)}"


def invoice_path(invoice_id: str) -> str:
    """The page of an invoice."""
    return f"/invoices/{quoted(invoice_id)}"


def is_within(path: str) -> bool:
    """Whether an address that came with a form stays on this service: nobody is sent elsewhere after signing in."""
    return path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()


def address_within(path: str) -> str:
    """Such an address ready for a header; the first page where it leads elsewhere."""
    return quote(path, safe="/?&=%#:;,@!$'()*+~[]") if is_within(path) else "/"
