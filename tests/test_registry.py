"""Parts by their names and options; what is wrong is named with the nearest."""

import pytest

from latente.errors import SpecError
from latente.model.likelihoods import likelihoods
from latente.model.networks import networks
from latente.model.posteriors import posteriors
from latente.model.priors import priors


@pytest.mark.parametrize(
    ("family", "part", "message"),
    [
        (likelihoods, "bernouli", 'unknown likelihood "bernouli"; did you mean "bernoulli"?'),
        (
            likelihoods,
            {"name": "gaussian", "sigm": 1.0},
            'option of likelihood "gaussian" "sigm"; did you mean "sigma"?',
        ),
        (likelihoods, {"name": "gaussian", "sigma": -1.0}, "allowed: a number above 0"),
        (likelihoods, {"name": "gaussian", "sigma": "x"}, "allowed: a number above 0"),
        (posteriors, "gausian", 'did you mean "gaussian"?'),
        (
            posteriors,
            {"name": "dirac", "activation": "rellu"},
            'unknown activation "rellu"; did you mean "relu"?',
        ),
        (priors, "x", "Allowed: "),
        (networks, {"hidden": 3}, 'a table with a "name"'),
    ],
)
def test_wrong_parts_are_named_with_the_nearest(family, part, message):
    with pytest.raises(SpecError) as error:
        family.make(part)
    assert message in str(error.value)
