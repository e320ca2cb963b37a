"""How much of what is open will never come? Expected credit loss by ageing band, from the ledger's own history."""

from serving.credit_loss.bands import BANDS, Band, band_of
from serving.credit_loss.matrix import Matrix, Rate
from serving.credit_loss.provision import Line, Provision, provision, provision_now

__all__ = ["BANDS", "Band", "Line", "Matrix", "Provision", "Rate", "band_of", "provision", "provision_now"]
