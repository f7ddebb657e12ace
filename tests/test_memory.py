"""Examples go through models as many at a time as memory holds, and the numbers do not know how many."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

import latente
from latente import memory
from latente.compiling import uncompiled
from latente.evaluation import evaluate, fit_prior, latent
from latente.evaluation.outliers import regret as regrets
from latente.memory import ROWS_MEMORY, arrays_at_once, rows_at_once
from latente.model.build import build
from latente.objective.objectives import objectives
from latente.training import step
from latente.training.examples import Examples, Scale

ONE = Scale(jnp.ones(()), jnp.zeros(()), False)
LARGE = latente.VAE(2, network="conv", hidden=(4, 4, 4, 4))


def model_of(spec, shape):
    return build(spec, shape, key=jr.key(0))


def shapes(n, *shape):
    return jax.ShapeDtypeStruct((n, *shape), np.float32)


def evaluated(model, spec, n, shape):
    fixed = (model, objectives.make(spec.objective), None, ONE)
    rows = (Examples(shapes(n, *shape)), jax.ShapeDtypeStruct((n,), bool))
    return rows_at_once(evaluate._one_draw, fixed, rows, evaluate.BATCH)


def test_small_examples_go_by_the_thousand_and_large_ones_by_a_few():
    notebook, large = latente.VAE(2), eqx.filter_eval_shape(model_of, LARGE, (512, 512, 3))
    small = model_of(notebook, (28, 28))
    decode, encode = uncompiled(latent._means), uncompiled(latent._codes)
    assert rows_at_once(decode, (small,), (shapes(5000, 2), None), 1000) == 1000
    assert rows_at_once(encode, (small,), (shapes(5000, 28, 28), None), 1000) == 1000
    assert evaluated(small, notebook, 5000, (28, 28)) == 500
    # 9 places of 4 channels at each of 512² pixels, in single precision, five times over.
    assert rows_at_once(decode, (large,), (shapes(24, 2), None), 1000) == ROWS_MEMORY // (5 * 4 * 36 * 512**2) == 2
    assert evaluated(large, LARGE, 24, (512, 512, 3)) == 2
    assert rows_at_once(decode, (large,), (shapes(24, 2), None), 1000, memory=10) == 1
    assert (arrays_at_once(784, 1000), arrays_at_once(512**2 * 3, 1000)) == (1000, 85)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        (latente.VAE(2), (28, 28)),
        (latente.VAE(2, network="residual", hidden=(8, 16)), (32, 32, 3)),
        (latente.VAE(2, likelihood="discretised-logistic-mixture", hidden=(8,)), (8, 8, 3)),
        (latente.preset("VampVAE", pseudo_inputs=50), (8, 8)),
    ],
)
def test_a_step_takes_no_more_memory_than_it_may(spec, shape):
    model, allowed = model_of(spec, shape), 2**24
    fixed = (model, objectives.make(spec.objective), None, ONE)
    n = rows_at_once(
        evaluate._one_draw, fixed, (Examples(shapes(9, *shape)), jnp.ones(9, bool)), 100_000, memory=allowed
    )
    examples, none = Examples(jnp.zeros((n, *shape))), jnp.int32(0)
    program = evaluate._batch.lower(*fixed, examples, jnp.ones(n, bool), none, none, none, 3, n).compile()
    assert n > 3 and 0 < program.compiled.memory_analysis().temp_size_in_bytes < allowed


def test_the_numbers_do_not_know_how_many_were_worked_on_together(monkeypatch):
    spec = latente.VAE(2, hidden=(8,), likelihood={"name": "bernoulli", "binarise": "dynamic"})
    model, objective = model_of(spec, (4, 3)), objectives.make(spec.objective)
    x = np.random.default_rng(0).random((520, 4, 3)).astype(np.float32)
    examples = Examples(jnp.asarray(x))

    def all_of_them():
        found = evaluate.per_example(model, objective, ONE, examples, samples=2)
        found["codes"] = fit_prior.codes_of(model, ONE, examples, seed=3)
        found["means"], found["images"] = latent.encode(model, x), latent.reconstruct(model, x)
        found["drawn"] = latent.sample_codes(model, 9, seed=1)
        found["regret"] = regrets.regret(model, ONE, examples.take(slice(9)), steps=3)
        validated = step.mean_terms(objective, model, ONE, examples, jr.key(5))
        return found | {f"val_{k}": v for k, v in validated.items()}

    together = all_of_them()
    for module in (evaluate, fit_prior, latent, step):
        monkeypatch.setattr(module, "rows_at_once", lambda *given: min(7, given[-1]))
    monkeypatch.setattr(regrets, "codes_within", lambda *_: 3)
    jax.clear_caches()
    apart = all_of_them()
    assert len(together) == 14
    for name, value in together.items():
        np.testing.assert_allclose(apart[name], value, rtol=2e-5, atol=2e-5, err_msg=name)


def test_a_part_that_cannot_be_hashed_is_measured_all_the_same():
    table = {"of": "a user's own"}
    twice = lambda part, x: x * len(part["of"])  # noqa: E731
    assert memory.rows_at_once(twice, (table,), (shapes(4, 1000),), 100, memory=5 * 4000 * 3) == 3
