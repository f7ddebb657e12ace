"""Which parts go together, found by trying every pair, for `latente models` and the documentation."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import equinox as eqx
import jax
import jax.random as jr

from latente.errors import SpecError
from latente.model.autoencoder import Autoencoder
from latente.model.build import build
from latente.model.posteriors import posteriors
from latente.model.priors import priors
from latente.objective.objectives import objectives
from latente.spec import ModelSpec

SHAPE = (4, 4)
CLASSES = 3


@dataclass(frozen=True)
class Pairings:
    """What goes together.

    Attributes:
        prior: for each (posterior, prior), why they do not go together, or None if they do.
        objective: for each (objective, posterior), the priors that go with both.
        reason: for each (objective, posterior) that goes with no prior, why.
    """

    prior: Mapping[tuple[str, str], str | None]
    objective: Mapping[tuple[str, str], tuple[str, ...]]
    reason: Mapping[tuple[str, str], str]


@cache
def pairings() -> Pairings:
    """Every posterior with every prior, and every objective with each such pair; nothing is compiled."""
    together: dict[tuple[str, str], str | None] = {}
    models: dict[tuple[str, str], Autoencoder] = {}
    for q in posteriors:
        for p in priors:
            try:
                models[q, p] = _model(q, p)
                together[q, p] = None
            except SpecError as error:
                together[q, p] = str(error)
    fits: dict[tuple[str, str], tuple[str, ...]] = {}
    reasons: dict[tuple[str, str], str] = {}
    for o in objectives:
        objective = objectives.make(o)
        for q in posteriors:
            good, last = [], ""
            for p in priors:
                if (q, p) in models:
                    try:
                        objective.check(dataclasses.replace(models[q, p], missing=objective.hides))
                        good.append(p)
                    except SpecError as error:
                        last = str(error)
            fits[o, q] = tuple(good)
            if not good:
                reasons[o, q] = last
    return Pairings(MappingProxyType(together), MappingProxyType(fits), MappingProxyType(reasons))


def _model(posterior: str, prior: str) -> Autoencoder:
    """The shapes of a small model with these parts."""
    spec = ModelSpec(latent_dim=2, hidden=(4,), posterior=posterior, prior=prior)

    def made(key: jax.Array) -> Autoencoder:
        return build(spec, SHAPE, key=key, context=CLASSES, classes=CLASSES)

    model: Autoencoder
    try:
        model = eqx.filter_eval_shape(made, jr.key(0))
    except SpecError:
        # A prior that refuses a condition still goes with the posterior.
        model = eqx.filter_eval_shape(lambda key: build(spec, SHAPE, key=key, classes=CLASSES), jr.key(0))
    return model
