"""How is a model made and chosen? Cohorts, fitting, evaluation, the registry."""

import os

# Before LightGBM loads OpenMP: waiting threads that spin made two trainings side by side four times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
