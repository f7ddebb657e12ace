"""Priors p(z): densities over codes. A new one is one new module here."""

from latente.model.priors.base import Prior as Prior
from latente.model.priors.base import priors as priors
from latente.registry import import_parts

import_parts(__name__, __path__)
