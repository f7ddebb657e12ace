"""Runs whose codes and reconstructions a test makes itself, and models whose numbers mean something else each."""

from made import untrained

import latente

SMALL = {"hidden": (8,)}
BITS = {"name": "bernoulli", "binarise": "static"}
SCALES = {
    "grey": latente.VAE(2, **SMALL),
    "bits": latente.VAE(2, likelihood=BITS, **SMALL),
    "more-bits": latente.VAE(4, likelihood=BITS, **SMALL),
    "density": latente.preset("SigmaVAE", 2, **SMALL),
    "point": latente.AE(3, **SMALL),
    "told": latente.preset("CVAE", 2, **SMALL),
    "classes": latente.preset("M2", 2, **SMALL),
}
"""Models of which few may be ranked beside another by their likelihoods."""


def bare(data, model=None, **made):
    """A run that needs no program: its methods are what is given here."""
    found = untrained(data, latente.VAE(2, **SMALL) if model is None else model)
    found.metrics |= {"test": {}, "validation": {}, "train": {}}
    for name, method in made.items():
        setattr(found, name, method)
    return found


def numbers(found):
    return {name: metric.value for name, metric in found.values.items()}
