"""Layer programs compute what the models do."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from exported import MODELS, by_numpy, case, compare, made
from layers import ACTIVATIONS as BY_NUMPY
from layers import evaluate

from latente import AE, VAE
from latente.errors import SpecError
from latente.evaluation import latent
from latente.export import layer_program
from latente.model.build import build
from latente.model.nets import ACTIVATIONS, MLP
from latente.model.posteriors.gaussian import DiagonalGaussian

SHAPE = (5, 4)


def carried_out(program, x):
    return evaluate(program.steps, program.arrays, x)


def model_of(spec, seed=0):
    return build(spec, SHAPE, key=jax.random.key(seed))


@pytest.mark.slow
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("likelihood", ["bernoulli", {"name": "gaussian", "sigma": 0.3}])
def test_both_programs_equal_the_model(activation, likelihood):
    model = model_of(VAE(latent_dim=3, hidden=(9, 6), activation=activation, likelihood=likelihood))
    rng = np.random.default_rng(1)
    x, z = rng.uniform(0, 1, (17, *SHAPE)).astype(np.float32), 2 * rng.normal(size=(17, 3)).astype(np.float32)
    moments = np.asarray(jax.vmap(lambda one: jnp.concatenate(model.posterior.moments(model.encode(one))))(x))
    np.testing.assert_allclose(carried_out(layer_program.encoder(model), x.reshape(17, -1)), moments, atol=2e-6)
    decoded = carried_out(layer_program.decoder(model), z).reshape(-1, *SHAPE)
    np.testing.assert_allclose(decoded, latent.decode(model, z), atol=2e-6)


@pytest.mark.parametrize("code", ["linear", "relu", "tanh", "sigmoid"])
def test_a_deterministic_code_has_its_activation(code):
    model = model_of(AE(latent_dim=3, hidden=(9,), code_activation=code))
    x = np.random.default_rng(2).uniform(0, 1, (11, *SHAPE)).astype(np.float32)
    np.testing.assert_allclose(
        carried_out(layer_program.encoder(model), x.reshape(11, -1)), latent.encode(model, x), atol=2e-6
    )


@pytest.mark.parametrize("activation", layer_program.ACTIVATIONS)
def test_activations_are_those_of_jax_far_out_too(activation):
    x = np.linspace(-80, 80, 3001, dtype=np.float32)
    with np.errstate(over="raise", invalid="raise"):
        ours = BY_NUMPY[activation](x)
    np.testing.assert_allclose(ours, np.asarray(ACTIVATIONS[activation](x)), rtol=2e-6, atol=2e-6)


@pytest.mark.slow
def test_half_precision_moves_no_pixel_of_the_notebooks_model_by_a_step():
    model = build(VAE(), (28, 28), key=jax.random.key(3))
    # Weights some times larger than at the start, as after training.
    model = jax.tree.map(lambda a: 3 * a if eqx_array(a) else a, model)
    z = 2 * np.random.default_rng(3).normal(size=(200, 2)).astype(np.float32)
    program = layer_program.decoder(model)
    half = {k: a.astype(np.float16).astype(np.float32) for k, a in program.arrays.items()}
    assert np.abs(carried_out(program, z) - evaluate(program.steps, half, z)).max() < 1 / 255


def eqx_array(a):
    return isinstance(a, jax.Array)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_steps_are_the_model(name):
    run, x, context = case(name)
    up, down = layer_program.encoder(run.model), layer_program.decoder(run.model)
    values = run.units.values(x)
    found = by_numpy(up, values, context)
    assert found.shape == (11, up.outputs)
    if type(run.model.posterior) is DiagonalGaussian and context is None:
        moments = jax.vmap(lambda one: jnp.concatenate(run.model.posterior.moments(run.model.encode(one))))(values)
        np.testing.assert_allclose(found, moments, rtol=1e-5, atol=1e-5)
    codes = found[:, : run.model.code_size]
    means = by_numpy(down, codes, context)
    assert means.shape == (11, down.outputs) == (11, x[0].size)
    compare(run, x, (codes, (means.reshape(x.shape) - run.units.offset) / run.units.multiplier), context)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"posterior": "iaf"},
            "the posterior InverseAutoregressive cannot be written as a list",
        ),
        ({"likelihood": "discretised-logistic"}, "the likelihood DiscretisedLogistic"),
        ({"objective": "m2"}, "with a classifier of its own"),
    ],
)
def test_the_rest_is_refused_by_name(options, said):
    run, _ = made(options)
    with pytest.raises(SpecError, match=said) as error:
        layer_program.encoder(run.model), layer_program.decoder(run.model)
    assert "\n" not in str(error.value)


def test_what_is_derived_from_a_part_is_refused():
    model = made({})[0].model

    class Other(MLP):
        pass

    class Posterior2(type(model.posterior)):
        pass

    class Bernoulli2(type(model.likelihood)):
        pass

    odd = dataclasses.replace(model, encoder=Other((35, 4, 6), "relu", key=jax.random.key(0)))
    with pytest.raises(SpecError, match="the network Other cannot"):
        layer_program.encoder(odd)
    with pytest.raises(SpecError, match="the posterior Posterior2 cannot"):
        layer_program.encoder(dataclasses.replace(model, posterior=Posterior2()))
    with pytest.raises(SpecError, match="the likelihood Bernoulli2 cannot"):
        layer_program.decoder(dataclasses.replace(model, likelihood=Bernoulli2()))


def test_a_program_is_json_and_names_its_arrays():
    run, *_ = case("residual")
    program = layer_program.decoder(run.model)
    text = json.dumps(program.table())
    assert all(f'"{name}"' in text for name in program.arrays)
    assert layer_program.used(program.steps) == {
        "dense", "activation", "reshape", "add", "enlarge", "convolution", "transpose",
    }  # fmt: skip
