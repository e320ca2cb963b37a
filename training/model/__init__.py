"""What does the service need of training? The model: scores, explanations, a folder on disk."""

from training.model.artefact import ArtefactError, load_model, save_model
from training.model.risk_model import Explanation, HorizonModel, RiskModel

__all__ = ["ArtefactError", "Explanation", "HorizonModel", "RiskModel", "load_model", "save_model"]
