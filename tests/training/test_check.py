"""What makes no sense together is refused in one line with both names, before anything is compiled."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from made import blobs

import latente
from latente.data.source import make_source
from latente.data.split import split_source
from latente.errors import DataError, LatenteError, SpecError
from latente.model.networks import Network, networks
from latente.objective.pairings import pairings
from latente.objective.presets import presets
from latente.spec import DataSpec, ModelSpec, RunSpec, TrainSpec
from latente.training import check as checking
from latente.training import fit as fitting
from latente.training.check import check_parts

IMAGES = split_source(make_source("blobs", *blobs(100)))
ALIKE = split_source(make_source("alike", blobs(100)[0], np.zeros(100, int)))
BELOW = split_source(make_source("below", np.random.default_rng(0).poisson(2.0, (100, 4)) - 1.0), scale="none")
BYTES = split_source(make_source("bytes", blobs(100)[0].astype(float)))
HALVES = split_source(make_source("halves", np.random.default_rng(0).poisson(2.0, (100, 4)) / 2), scale="none")


@pytest.fixture(autouse=True)
def nothing_compiles(monkeypatch):
    def run_epoch(*_):
        raise AssertionError("it went on to training")

    monkeypatch.setattr(fitting, "run_epoch", run_epoch)


def refusal(spec, data=IMAGES, **train):
    """The one line that is said of a model, data and training."""
    with pytest.raises(LatenteError) as error:
        latente.fit(spec, data, **{"epochs": 2, "batch_size": 20, **train})
    text = str(error.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("parts", "train", "words"),
    [
        ({"objective": "elbo"}, {"labelled": 0.1}, ['objective "elbo"', "train.labelled = 0.1", "sees no labels"]),
        ({"objective": "info-vae"}, {"batch_size": 1}, ['objective "info-vae"', "batch_size = 1", "at least 2"]),
        ({"objective": "beta-tc"}, {"batch_size": 1}, ['objective "beta-tc"', "batch_size = 1"]),
        ({"objective": "dip-vae"}, {"batch_size": 1}, ['objective "dip-vae"', "batch_size = 1"]),
        ({"objective": "factor-vae"}, {"batch_size": 1}, ['objective "factor-vae"', "batch_size = 1"]),
        ({"objective": "beta-tc", "latent_dim": 1}, {}, ['objective "beta-tc"', "latent_dim = 1"]),
        (
            {"objective": {"name": "elbo", "beta": {"name": "linear", "steps": 9}}},
            {},
            ['objective "elbo": its schedule takes 9 steps, and the run has only 8'],
        ),
        (
            {"objective": {"name": "elbo", "beta": {"name": "cyclical", "steps": 3, "cycles": 4}}},
            {},
            ['beta of objective "elbo": got cycles = 4 in steps = 3'],
        ),
        ({"posterior": "vq"}, {}, ['prior "standard-normal"', 'posterior "vq"', 'take prior "uniform-codes"']),
        ({"posterior": "gumbel-softmax"}, {}, ['take prior "uniform-categorical"']),
        (
            {"posterior": {"name": "fsq", "levels": [2000] * 3}, "prior": "uniform-codes", "objective": "vq"},
            {},
            ['posterior "fsq": got levels', "8,000,000,000 codes; allowed: at most 2,147,483,647"],
        ),
        ({"likelihood": {"name": "gaussian", "sigma": [1, 2]}}, {}, ['likelihood "gaussian": got sigma = [1, 2]']),
        (
            {"likelihood": {"name": "categorical", "categories": 256}, "output_bias": True},
            {},
            ['likelihood "categorical" does not go with output_bias'],
        ),
    ],
)
def test_settings_that_do_not_go_together(parts, train, words):
    text = refusal(latente.VAE(**{"latent_dim": 2, "hidden": (8,), **parts}), **train)
    assert all(word in text for word in words), text


def test_weights_are_numbers_or_schedules():
    for beta in (-1, float("nan"), [1, 2], True):
        text = refusal(latente.VAE(2, hidden=(8,), objective={"name": "elbo", "beta": beta}))
        assert text.startswith(
            f'beta of objective "elbo": got {beta!r}; allowed: a number of at least 0, or a schedule'
        )


def test_data_that_a_part_cannot_take_is_named():
    assert "all of alike have one label" in refusal(latente.preset("CVAE", 2, hidden=(8,)), ALIKE)
    poisson = latente.VAE(2, hidden=(8,), likelihood="poisson")
    assert "below: values from -1 to " in refusal(poisson, BELOW)
    assert 'halves: likelihood "poisson" takes whole numbers only, and the data has' in refusal(poisson, HALVES)
    with pytest.raises(DataError):
        latente.fit(poisson, HALVES)


def test_no_label_is_not_learnt_as_a_label():
    x, y = blobs(60)
    unknown = split_source(make_source("some", x, np.where(y == 0, -1, y)))
    text = refusal(latente.preset("M2", 2, hidden=(8,)), unknown)
    assert text.startswith('objective "m2" would learn the label "-1" of some as a class; leave these examples out')
    assert 'scale = 255 for bytes, or scale = "minmax"' in refusal(latente.VAE(2, hidden=(8,)), BYTES)


def test_what_no_memory_holds_is_refused(monkeypatch):
    monkeypatch.setattr(checking, "machine_memory", lambda: 2.0**20)
    # 31 · 60,000 numbers in, 4 · 60,001 to the posterior, 3 · 60,000 from the code, 30 · 60,001 out.
    assert "hidden = [60000] makes a model of 4,080,034 numbers" in refusal(latente.VAE(2, hidden=(60_000,)))
    iwae = latente.preset("IWAE", 2, hidden=(8,))
    assert "decoded from 20,000 codes a step" in refusal(latente.preset("IWAE", 2, hidden=(8,), samples=1000))
    assert "decoded from 20,000 codes" in refusal(latente.preset("MIWAE", 2, hidden=(8,), samples=50, groups=20))
    checking.check(latente.spec.RunSpec(model=iwae, train=latente.spec.TrainSpec(batch_size=20)), IMAGES)
    monkeypatch.undo()
    assert checking.machine_memory() > 2**28


@pytest.mark.parametrize(
    ("parts", "blamed"),
    [
        ({"latent_dim": 10**9, "hidden": (8,)}, "latent_dim = 1,000,000,000 makes a model of"),
        ({"latent_dim": 10**4, "posterior": "full-gaussian"}, "latent_dim = 10,000 makes"),
        ({"hidden": (10**9,)}, "hidden = [1000000000] makes a model of"),
        ({"hidden": (8,), "prior": {"name": "vamp", "pseudo_inputs": 10**9}}, "the prior makes a model of"),
        ({"hidden": (2000,), "network": "gated-mlp"}, "hidden = [2000] makes"),
    ],
)
def test_what_makes_a_model_too_large_is_named(monkeypatch, parts, blamed):
    monkeypatch.setattr(checking, "machine_memory", lambda: 2.0**20)
    assert blamed in refusal(latente.VAE(**parts))


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"beta2": 1.0}, "train.beta2: got 1.0; allowed: a number at least 0 and at most 0.9999999"),
        ({"learning_rate": float("inf")}, "train.learning_rate: got inf; allowed: a finite number above 0"),
        (
            {"epochs": {"at_least": 5}},
            "train.epochs: got {'at_least': 5}; allowed: a whole number, or {at_least = 5, st",
        ),
        ({"epochs": {"at_last": 5, "steps": 2}}, 'train.epochs: unknown key "at_last"; did you mean "at_least"?'),
    ],
)
def test_bounds_and_keys_are_said_as_they_are(table, words):
    with pytest.raises(SpecError) as error:
        latente.spec.build(latente.spec.TrainSpec, table, "train")
    assert str(error.value).startswith(words)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (
            {"posterior": {"name": "iaf", "hidden": [10**9]}},
            'posterior "iaf": got hidden[0] = 1,000,000,000; allowed: at',
        ),
        (
            {"posterior": {"name": "flow", "layers": 10**9}},
            'posterior "flow": got layers = 1,000,000,000; allowed: at m',
        ),
        ({"prior": {"name": "maf", "layers": 10**6}}, 'prior "maf": got layers = 1,000,000; allowed: at most 200'),
        ({"network": {"name": "residual", "blocks": 10**6}}, 'network "residual": got blocks = 1,000,000; allowed: at'),
        ({"network": {}}, 'network: got {}; allowed: a name, or a table such as {name = "residual", blocks = 3}'),
    ],
)
def test_what_would_take_for_ever_to_make_is_refused_at_once(parts, words):
    with pytest.raises(SpecError) as error:
        latente.fit(latente.spec.build(latente.spec.ModelSpec, parts, "model"), IMAGES, epochs=1)
    assert words in str(error.value)


class Linear(eqx.Module):
    """A user's module, and what it does with its result."""

    weight: jax.Array
    then: object = eqx.field(static=True)

    def __call__(self, x):
        return self.then(jnp.ravel(x) @ self.weight)


def fine(y):
    return y


def own(encodes=fine, decodes=fine, more=0):
    """A user's network that does something else with what an encoder or a decoder should give."""

    class Own(Network):
        def encoder(self, plan, *, key):
            return Linear(jr.normal(key, (int(np.prod(plan.shape)) + more, plan.size)), encodes)

        def decoder(self, plan, *, key):
            return Linear(jr.normal(key, (plan.size, int(np.prod(plan.shape)))), decodes)

    return Own


def broken(y):
    raise ValueError("a bug of mine\nin two lines")


GAUSSIAN, BERNOULLI = 'posterior "gaussian" with latent_dim = 2 needs (4,)', 'likelihood "bernoulli" for examples of'


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (own(lambda y: y[:3]), ["its encoder gives an array of shape (3,) of float32", GAUSSIAN]),
        (own(lambda y: y[None]), ["its encoder gives an array of shape (1, 4)", GAUSSIAN]),
        (own(lambda y: (y, y)), ["its encoder gives a tuple", GAUSSIAN]),
        (own(lambda y: y.astype(int)), ["of int32", GAUSSIAN]),
        (own(decodes=lambda y: y[1:]), ["its decoder gives an array of shape (29,)", BERNOULLI, "needs 30 numbers"]),
        (own(decodes=lambda y: None), ["its decoder gives a NoneType", BERNOULLI]),
        (own(broken), ["its encoder fails on an example of shape (6, 5): ValueError: a bug of mine"]),
        (own(decodes=broken), ["its decoder fails on a code of 2 numbers: ValueError: a bug of mine"]),
        (own(more=1), ["its encoder fails on an example of shape (6, 5): TypeError"]),
    ],
)
def test_a_network_of_the_users_own_that_gives_something_else(network, words, monkeypatch):
    monkeypatch.setitem(networks._entries, "own", network)
    text = refusal(latente.VAE(2, network="own"))
    assert all(word in text for word in ['network "own"', *words]), text


def test_a_network_of_the_users_own_that_lacks_something(monkeypatch):
    monkeypatch.setitem(networks._entries, "own", own())
    assert 'network "own" does not go with output_bias' in refusal(latente.VAE(2, network="own", output_bias=True))
    context = refusal(latente.preset("CVAE", 2, network="own"))
    assert "its encoder fails on an example of shape (6, 5) and a context of 3 numbers: TypeError" in context

    class Half(Network):
        def encoder(self, plan, *, key):
            return None

    monkeypatch.setitem(networks._entries, "own", Half)
    assert 'network "own": Can\'t instantiate abstract class' in refusal(latente.VAE(2, network="own"))
    Half.__abstractmethods__ = frozenset()
    assert 'network "own": got None as its encoder; allowed: a module' in refusal(latente.VAE(2, network="own"))
    Half.encoder = lambda self, plan, *, key: 1 / 0
    assert "making its encoder for Plan(shape=(6, 5)" in refusal(latente.VAE(2, network="own"))
    with pytest.raises(SpecError) as error:
        latente.fit(latente.VAE(2, network="own"), IMAGES)
    assert isinstance(error.value.__cause__, ZeroDivisionError)


def test_without_data_every_preset_is_taken_and_pairs_are_refused_for_the_same_reason():
    for name in presets:
        check_parts(RunSpec(model=presets[name]()))
    known = pairings()
    for posterior, prior in [("gaussian", "uniform-codes"), ("dirac", "vamp"), ("gaussian", "uniform-sphere")]:
        reason = known.prior[posterior, prior]
        with pytest.raises(SpecError) as refused:
            check_parts(RunSpec(model=ModelSpec(posterior=posterior, prior=prior)))
        assert reason is not None and str(refused.value) == reason
    with pytest.raises(SpecError, match="KL is infinite"):
        check_parts(RunSpec(model=ModelSpec(posterior="dirac", objective="elbo")))


def test_without_data_what_depends_on_it_is_not_refused():
    columns = ["real", "categorical:3", "real"]
    for likelihood in (
        {"name": "mixed", "columns": columns},
        {"name": "self-masked", "of": {"name": "mixed", "columns": columns}},
    ):
        missing = "self-masked" in likelihood["name"]
        check_parts(RunSpec(model=ModelSpec(likelihood=likelihood, missing=missing, objective="iwae")))
    check_parts(RunSpec(model=ModelSpec(network="conv", hidden=(8, 8)), data=DataSpec(source="nowhere.npz")))
    check_parts(RunSpec(model=ModelSpec(condition="labels")))
    with pytest.raises(SpecError, match="labelled"):
        check_parts(RunSpec(train=TrainSpec(labelled=0.5)))
    with pytest.raises(SpecError, match="unknown option"):
        check_parts(RunSpec(model=ModelSpec(prior={"name": "vamp", "inputs": 3})))
