"""Likelihoods p(x | z), which the decoder's outputs parametrise. A new one is one new module here."""

from latente.model.likelihoods.base import Likelihood as Likelihood
from latente.model.likelihoods.base import likelihoods as likelihoods
from latente.registry import import_parts

import_parts(__name__, __path__)
