"""Discretised logistics and their bins by scipy."""

import equinox as eqx
import jax.random as jr
import numpy as np
from scipy import stats

from latente.model.likelihoods import likelihoods


def make(name="discretised-logistic", shape=(3,), **options):
    return likelihoods.make({"name": name, **options}).init(shape, key=jr.key(0))


def mixture(shape, components=3, levels=6, **options):
    return make("discretised-logistic-mixture", shape, components=components, levels=levels, **options)


log_probs = eqx.filter_jit(lambda part, outputs, x: part.log_probs(outputs, x))


mean_of = eqx.filter_jit(lambda part, outputs: part.mean(outputs))


def bins(location, log_scale, levels=256):
    """Probabilities of all bins from scipy's cumulative distribution function, float64."""
    edges = np.concatenate([[-np.inf], (np.arange(levels - 1) + 0.5) / (levels - 1), [np.inf]])
    scaled = (edges - location) / np.exp(log_scale)
    # From whichever side is small, so that the oracle does not cancel either.
    return np.where(scaled[1:] < 0, np.diff(stats.logistic.cdf(scaled)), -np.diff(stats.logistic.sf(scaled)))
