"""Posteriors q(z | x), which the encoder's outputs parametrise. A new one is one new module here."""

from latente.model.posteriors.base import Posterior as Posterior
from latente.model.posteriors.base import posteriors as posteriors
from latente.registry import import_parts

import_parts(__name__, __path__)
