"""Which features are there? One module per family, each read top to bottom."""

from features.catalogue import credit, dialogue, exposure, group, habit, invoice, rhythm, segment
from features.featureset import Feature, FeatureSet

FAMILIES = {
    "habit": habit,
    "rhythm": rhythm,
    "exposure": exposure,
    "invoice": invoice,
    "dialogue": dialogue,
    "group": group,
    "segment": segment,
    "credit": credit,
}


def _features_of(module: object) -> list[Feature]:
    lists = [value for value in vars(module).values() if isinstance(value, list)]
    return [feature for made in lists for feature in made if isinstance(feature, Feature)]


CATALOGUE = FeatureSet(feature for module in FAMILIES.values() for feature in _features_of(module))
"""Every feature, in the order of the families."""
