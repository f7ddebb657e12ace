"""A point for a code."""

import jax.numpy as jnp
import jax.random as jr
import pytest

from latente.errors import SpecError
from latente.model.posteriors.dirac import Dirac


def test_dirac_is_a_point_after_its_activation():
    assert Dirac("relu").sample(jnp.array([-1.0, 2.0]), key=jr.key(0)).tolist() == [0.0, 2.0]
    with pytest.raises(SpecError, match="no density that can be evaluated"):
        Dirac().log_prob(jnp.zeros(2), jnp.zeros(2))
