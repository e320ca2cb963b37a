"""What are the fictional customers called? Every name is put together from invented place names."""

from __future__ import annotations

import numpy as np

BEGINNINGS = (
    "Valder Ostre Quillan Tamber Norrin Elsing Mirrel Brannoch Caldre Duvren Eskel Fennar Garrow Hestre "
    "Ivarn Jorlen Kestrin Lunder Marrow Nessel Orrin Pelgar Quenby Rosken Selwyn Tarrock Ulver Vexley "
    "Wender Yarrin"
)
ENDINGS = "moor holt wick stead mere fold brook dale gate haven low marsh rise vale combe thorpe"
TRADES = {
    "construction": ("Builders", "Roofing", "Joinery", "Civil Works", "Scaffolding"),
    "food": ("Bakery", "Dairy", "Provisions", "Fine Foods", "Brewhouse"),
    "hospitality": ("Inns", "Catering", "Lodges", "Spa", "Canteens"),
    "machinery": ("Machine Works", "Tooling", "Pumps", "Gearworks", "Presses"),
    "retail": ("Stores", "Outfitters", "Hardware", "Home & Garden", "Bicycles"),
    "transport": ("Haulage", "Logistics", "Couriers", "Coaches", "Barges"),
    "health": ("Clinics", "Laboratories", "Dental Supply", "Care Homes", "Optics"),
    "agriculture": ("Orchards", "Seeds", "Greenhouses", "Timber", "Estates"),
}
PUBLIC_BODIES = ("Municipality of", "County Schools of", "Water Board of", "Hospital Trust of")
LEGAL_FORMS = {
    "DE": ("GmbH", "GmbH & Co. KG", "AG"),
    "AT": ("GmbH",),
    "CH": ("AG", "GmbH"),
    "FR": ("SARL", "SAS"),
    "NL": ("B.V.",),
    "GB": ("Ltd",),
    "US": ("Inc.", "LLC"),
    "PL": ("Sp. z o.o.",),
}


def invented_place(rng: np.random.Generator) -> str:
    """A place that does not exist."""
    return str(rng.choice(BEGINNINGS.split())) + str(rng.choice(ENDINGS.split()))


def company_name(place: str, industry: str, debtor_type: str, country: str, rng: np.random.Generator) -> str:
    """The name of a customer of this place, trade and legal form."""
    if debtor_type == "public_body":
        return f"{rng.choice(PUBLIC_BODIES)} {place}"
    trade = str(rng.choice(TRADES[industry]))
    if debtor_type == "sole_trader":
        return f"{place} {trade}"
    return f"{place} {trade} {rng.choice(LEGAL_FORMS[country])}"


def unique_names(names: list[str]) -> list[str]:
    """The same names, repeated ones told apart by a number."""
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return unique
