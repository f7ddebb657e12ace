"""The standard normal against scipy; no prior at all."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import stats

from latente.errors import SpecError
from latente.model.priors.none import NoPrior
from latente.model.priors.normal import StandardNormal


def test_standard_normal_prior():
    z = jnp.array([0.3, -2.0, 1.0])
    assert float(StandardNormal().log_prob(z)) == pytest.approx(stats.norm.logpdf(z).sum(), rel=1e-6)
    draws = np.asarray(jax.vmap(lambda k: StandardNormal().sample(3, key=k))(jr.split(jr.key(0), 5000)))
    assert stats.kstest(draws.ravel(), "norm").pvalue > 0.01
    with pytest.raises(SpecError, match="no prior to sample from"):
        NoPrior().sample(2, key=jr.key(0))
