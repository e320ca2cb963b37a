"""What does the service need of training? The model: scores, explanations, a folder on disk."""

from training.model.artefact import ArtefactError, describe_signature, load_model, save_model
from training.model.ranges import ranges
from training.model.recalibration import recalibrated, recalibration_day
from training.model.risk_model import Explanation, HorizonModel, RiskModel

__all__ = [
    "ArtefactError",
    "Explanation",
    "HorizonModel",
    "RiskModel",
    "describe_signature",
    "load_model",
    "ranges",
    "recalibrated",
    "recalibration_day",
    "save_model",
]
