"""Parts by their names and options; what is wrong is named with the nearest."""

import dataclasses

import pytest

from latente.errors import SpecError
from latente.model.likelihoods import likelihoods
from latente.model.networks import networks
from latente.model.posteriors import posteriors
from latente.model.priors import priors
from latente.registry import Registry, learnt


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


def test_a_family_knows_its_names_options_sources_and_summaries():
    family = Registry("toy")

    @family.register("ball", source="Newton 1687")
    @dataclasses.dataclass(frozen=True)
    class Ball:
        """A ball.

        It rolls.
        """

        radius: float = 1.0
        weights: object = learnt()

    assert list(family) == ["ball"]
    assert (family.source("ball"), family.summary("ball")) == ("Newton 1687", "A ball.")
    # What training changes is no option.
    assert family.options("ball") == ["radius"]
    assert family.make({"name": "ball", "radius": 2.0}) == Ball(2.0) and family.make("ball") == Ball()
    assert family.name_of(Ball()) == 'toy "ball"' and family.name_of(3) == "toy int"
    with pytest.raises(ValueError, match='toy "ball" is registered twice'):
        family.register("ball")(Ball)
    with pytest.raises(SpecError, match='unknown toy "bal"; did you mean "ball"'):
        family["bal"]
