"""Runs that differ in the weight of the KL, with random weights and made-up rates and distortions."""

from made import untrained

import latente
from latente.evaluation.evaluate import Metric

NUMBERS = {0.5: (9.0, 80.0), 1.0: (6.0, 82.0), 4.0: (2.0, 95.0)}
"""β → rate and distortion."""


def weighted(beta, **parts):
    objective = {"name": "elbo", "beta": beta}
    return latente.VAE(parts.pop("latent_dim", 3), hidden=(4,), objective=objective, **parts)


def rated(data, model, name, rate, distortion, seed=0):
    found = untrained(data, model, name, seed)
    found.metrics = {"test": {"kl": Metric(rate, 0.1), "reconstruction": Metric(distortion, 0.5)}}
    return found


def sweep(data):
    return [rated(data, weighted(b), f"vae-{b:g}", r, d) for b, (r, d) in NUMBERS.items()]
