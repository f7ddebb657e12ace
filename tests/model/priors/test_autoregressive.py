"""The prior over tokens: exact sums over all strings, draws by their probabilities, a Markov chain's entropy."""

import itertools

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from scipy import stats

import latente
from latente.errors import DataError, SpecError
from latente.evaluation.fit_prior import fit_prior
from latente.model.build import build
from latente.model.priors import priors
from latente.model.priors.autoregressive import AutoregressivePrior


@pytest.mark.slow
@pytest.mark.parametrize(("tokens", "codes"), [(3, 4), (1, 5)])
def test_it_sums_to_one_over_all_strings_and_draws_follow_it(tokens, codes):
    prior = AutoregressivePrior(tokens, codes, hidden=(7, 6), width=3).empty(0, key=jr.key(0))
    flat, back = ravel_pytree(prior)
    prior = back(flat + 0.5 * jr.normal(jr.key(1), flat.shape))
    strings = np.array(list(itertools.product(range(codes), repeat=tokens)))
    p = np.exp(np.asarray(jax.jit(jax.vmap(prior.log_prob))(strings), np.float64))
    assert p.sum() == pytest.approx(1, abs=1e-5)
    assert p.max() > 3 * p.min()
    drawn = jax.jit(jax.vmap(lambda key: prior.sample(0, key=key)))(jr.split(jr.key(2), 20_000))
    index = np.asarray(drawn) @ codes ** np.arange(tokens)[::-1]
    seen, often = np.bincount(index, minlength=len(p)), p * 20_000 > 5
    assert stats.chisquare(seen[often], p[often] / p[often].sum() * seen[often].sum()).pvalue > 1e-4


def token_model(tokens, codes):
    spec = latente.VAE(tokens, hidden=(4,), posterior={"name": "fsq", "levels": [codes]}, prior="none")
    return build(spec, (2, 2), key=jr.key(0))


def chains(n, first, step, length, rng):
    found = np.zeros((n, length), int)
    found[:, 0] = rng.choice(len(first), n, p=first)
    for i in range(1, length):
        found[:, i] = (step[found[:, i - 1]].cumsum(axis=1) < rng.uniform(size=(n, 1))).sum(axis=1)
    return found


@pytest.mark.slow
def test_fitted_to_a_markov_chain_it_recovers_its_entropy():
    rng = np.random.default_rng(0)
    codes, length = 4, 6
    first, step = rng.dirichlet(np.ones(codes)), rng.dirichlet(0.4 * np.ones(codes), size=codes)
    learn, stop, test = (chains(n, first, step, length, rng) for n in (12_000, 2000, 20_000))
    entropy, at = stats.entropy(first), first
    for _ in range(length - 1):
        entropy, at = entropy + at @ stats.entropy(step, axis=1), at @ step
    model = token_model(length, codes)
    prior = fit_prior(
        model, learn, "autoregressive", held_out=stop, hidden=(32,), width=8, epochs=40, learning_rate=3e-3
    )
    nll = -float(jnp.mean(jax.jit(jax.vmap(prior.log_prob))(test)))
    log_step = np.log(step)
    truth = -(np.log(first)[test[:, 0]] + log_step[test[:, :-1], test[:, 1:]].sum(axis=1)).mean()
    print(f"entropy {entropy:.3f}, truth on the test strings {truth:.3f}, fitted {nll:.3f}")
    assert truth == pytest.approx(entropy, abs=0.05)
    assert truth < nll < truth + 0.05
    assert nll < length * np.log(codes) - 1
    # In the model its draws are codes of the book, those of the drawn tokens.
    code = prior.given(model).sample(length, key=jr.key(3))
    np.testing.assert_allclose(code, model.posterior.lookup(prior.sample(length, key=jr.key(3))))


def test_what_it_cannot_be_fitted_to_is_refused():
    model = token_model(3, 4)
    with pytest.raises(DataError, match="tokens that are not all whole numbers of 0 to 3"):
        fit_prior(model, np.full((30, 3), 4), "autoregressive")
    with pytest.raises(DataError, match=r"codes: got shape \(30, 2\); allowed: \(n, 3\)"):
        fit_prior(model, np.zeros((30, 2)), "autoregressive")
    with pytest.raises(SpecError, match='prior "realnvp" does not go with posterior "fsq": its codes come from a cod'):
        fit_prior(model, np.zeros((30, 3)), "realnvp")
    with pytest.raises(SpecError, match='prior "autoregressive" is fitted to the codes of a trained model, and cannot'):
        build(latente.VAE(2, prior="autoregressive", posterior="fsq"), (2, 2), key=jr.key(0))
    with pytest.raises(SpecError, match='prior "autoregressive": got codes = 1; allowed: a whole number of at least 2'):
        priors.make({"name": "autoregressive", "codes": 1})
