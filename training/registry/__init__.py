"""Which models were trained, which one is in charge, and why? The only package that speaks to MLflow."""

from training.registry.recording import Decision, Registry, figures_of
from training.registry.store import RegistryError
from training.registry.succession import Move

__all__ = ["Decision", "Move", "Registry", "RegistryError", "figures_of"]
