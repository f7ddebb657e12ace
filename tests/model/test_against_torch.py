"""Log-densities and KLs against numbers of torch.distributions (torch 2.13.0, float64), written out here.

They were printed to 12 digits; so torch need not be installed to run this.
"""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from latente.model.likelihoods import likelihoods
from latente.model.likelihoods.numeric import unbounded
from latente.model.posteriors import posteriors
from latente.model.posteriors.gaussian import LOG_VARIANCE_BOUND
from latente.model.priors import priors
from latente.model.priors.mixture import mixture_of
from latente.objective.divergences import kl

# Logit, x, log_prob, mean: ContinuousBernoulli(logits=…). Between ±0.004 torch takes its series about λ = ½.
CONTINUOUS_BERNOULLI = [
    (-20.0, 0.0, 2.99573227562, 0.0499999979388),
    (-20.0, 0.3, -3.00426772438, 0.0499999979388),
    (-20.0, 1.0, -17.0042677244, 0.0499999979388),
    (-8.0, 0.0, 2.07977706059, 0.124664424799),
    (-8.0, 0.3, -0.320222939412, 0.124664424799),
    (-8.0, 1.0, -5.92022293941, 0.124664424799),
    (-2.0, 0.0, 0.838560638429, 0.34348235725),
    (-2.0, 0.3, 0.238560638429, 0.34348235725),
    (-2.0, 1.0, -1.16143936157, 0.34348235725),
    (-0.2, 0.0, 0.0983338885364, 0.483344433873),
    (-0.2, 0.3, 0.0383338885364, 0.483344433873),
    (-0.2, 1.0, -0.101666111464, 0.483344433873),
    (-0.004, 0.0, 0.00199933333342, 0.499666666756),
    (-0.004, 0.3, 0.000799333333422, 0.499666666756),
    (-0.004, 1.0, -0.00200066666658, 0.499666666756),
    (-1e-06, 0.0, 4.99999958326e-07, 0.499999916667),
    (-1e-06, 0.3, 1.99999958261e-07, 0.499999916667),
    (-1e-06, 1.0, -5.00000041703e-07, 0.499999916667),
    (0.0, 0.0, 0.0, 0.5),
    (0.0, 0.3, 0.0, 0.5),
    (0.0, 1.0, 0.0, 0.5),
    (0.001, 0.0, -0.000500041666666, 0.500083333332),
    (0.001, 0.3, -0.000200041666666, 0.500083333332),
    (0.001, 1.0, 0.000499958333334, 0.500083333332),
    (0.0039, 0.0, -0.00195063374992, 0.500324999918),
    (0.0039, 0.3, -0.00078063374992, 0.500324999918),
    (0.0039, 1.0, 0.00194936625008, 0.500324999918),
    (0.0041, 0.0, -0.00205070041655, 0.500341666575),
    (0.0041, 0.3, -0.000820700416551, 0.500341666575),
    (0.0041, 1.0, 0.00204929958345, 0.500341666575),
    (0.05, 0.0, -0.0251041644966, 0.504166493066),
    (0.05, 0.3, -0.0101041644966, 0.504166493066),
    (0.05, 1.0, 0.0248958355034, 0.504166493066),
    (0.7, 0.0, -0.37033394113, 0.557862435063),
    (0.7, 0.3, -0.16033394113, 0.557862435063),
    (0.7, 1.0, 0.32966605887, 0.557862435063),
    (5.0, 0.0, -3.38380133812, 0.806783654906),
    (5.0, 0.3, -1.88380133812, 0.806783654906),
    (5.0, 1.0, 1.61619866188, 0.806783654906),
    (20.0, 0.0, -17.0042677262, 0.950000001971),
    (20.0, 0.3, -11.0042677262, 0.950000001971),
    (20.0, 1.0, 2.99573227382, 0.950000001971),
]
# Logit, x, log_prob: Bernoulli(logits=…).
BERNOULLI = [
    (-30.0, 0.0, -9.23705556488e-14),
    (-30.0, 1.0, -30.0),
    (-1.5, 0.0, -0.201413277983),
    (-1.5, 1.0, -1.70141327798),
    (0.0, 0.0, -0.69314718056),
    (0.0, 1.0, -0.69314718056),
    (4.0, 0.0, -4.01814992792),
    (4.0, 1.0, -0.0181499279178),
]
# Location, scale, x, log_prob: Normal and Laplace.
GAUSSIAN = [
    (0.3, 0.05, 0.31, 2.05679374035),
    (-2.0, 3.0, 7.5, -7.03143971076),
    (100.0, 2.0, 103.5, -3.14333571376),
]
LAPLACE = [
    (0.3, 0.05, 0.31, 2.10258509299),
    (-2.0, 3.0, 7.5, -4.95842613589),
    (100.0, 2.0, 103.5, -3.13629436112),
]
# Log of the rate, x, log_prob: Poisson.
POISSON = [
    (-6.0, 0.0, -0.00247875217667),
    (-6.0, 2.0, -12.6956259327),
    (0.7, 1.0, -1.31375270747),
    (3.0, 20.0, -2.42115338394),
    (3.0, 60.0, -28.7137103469),
    (9.0, 8000.0, -6.07104023137),
    (12.0, 163000.0, -7.10431637871),
]
# Log of the mean, log θ, x, log_prob: NegativeBinomial(θ, logits=log μ − log θ); and with zeros added by
# Bernoulli(logits=0.4).
NEGATIVE_BINOMIAL = [
    (-3.0, 0.0, 0.0, -0.0485873515737, -0.0192160392714),
    (-3.0, 0.0, 3.0, -9.19434940629, -10.1073646587),
    (1.2, -2.0, 0.0, -0.438480002017, -0.153686777129),
    (1.2, -2.0, 40.0, -7.16375986171, -8.07677511411),
    (4.0, 1.5, 55.0, -4.23422894201, -5.14724419441),
    (4.0, 7.0, 55.0, -2.94999715965, -3.86301241205),
    (8.0, 3.0, 2500.0, -7.54250993073, -8.45552518313),
    (8.0, 9.0, 3000.0, -5.12398454436, -6.03699979676),
]
# Class, log_prob: Categorical(logits=LOGITS); its KL to the uniform one; and RelaxedOneHotCategorical(temperature,
# logits=LOGITS) at INSIDE.
LOGITS, INSIDE = [1.5, -0.3, 0.2, -4.0], [0.55, 0.25, 0.15, 0.05]
CATEGORICAL = [
    (0, -0.365973792213),
    (1, -2.16597379221),
    (2, -1.66597379221),
    (3, -5.86597379221),
]
TO_UNIFORM = 0.552674816096999
CONCRETE = [
    (0.3, -4.12777689539),
    (0.67, -0.801846625413),
    (2.0, 3.98012404504),
]
# Normals with this mean, log L_ii² and L below the diagonal; KL to N(0, I), and log_prob at AT.
MEAN, LOG_VAR, BELOW, AT = [0.8, -0.4, 2.0], [0.5, -1.3, -3.0], [0.7, -1.1, 0.2], [0.1, -0.2, 1.7]
DIAGONAL = (3.785520066051002, -1.9826507061394434)
FULL = (4.655520066051002, -14.279912207307452)
# A mixture of three normals of the plane; z, log_prob: MixtureSameFamily.
WEIGHTS = np.array([0.5, 0.2, 0.3])
MEANS, DEVIATIONS = np.array([[0, 1], [-2, 0.5], [3, -1]]), np.array([[1, 0.5], [0.3, 2], [1.5, 1]])
MIXTURE = [
    (0.0, 0.0, -3.72338287086),
    (2.5, -0.5, -3.62495139507),
    (-2.1, 3.0, -3.77303731603),
    (9.0, 9.0, -61.4473149788),
]


def columns(rows):
    return (jnp.array(c) for c in np.array(rows, np.float64).T)


def likelihood(part, shape):
    return likelihoods.make(part).init(shape, key=jr.key(0))


def count_outputs(log_mean, gate=None, log_dispersion=None):
    """The decoder's outputs that stand for these."""
    parts = [unbounded(log_mean, 15.0)]
    parts += [] if gate is None else [jnp.full_like(log_mean, gate)]
    parts += [] if log_dispersion is None else [unbounded(log_dispersion, 10.0)]
    return jnp.stack(parts)


def of_continuous_bernoulli():
    logits, x, log_prob, mean = columns(CONTINUOUS_BERNOULLI)
    ours = likelihood("continuous-bernoulli", x.shape)
    yield ours.log_probs(logits[None], x), log_prob
    yield ours.mean(logits[None]), mean


def of_bernoulli():
    logits, x, log_prob = columns(BERNOULLI)
    yield likelihood("bernoulli", x.shape).log_probs(logits[None], x), log_prob


def of_gaussian():
    for m, s, x, log_prob in GAUSSIAN:
        yield likelihood({"name": "gaussian", "sigma": s}, (1,)).log_prob(jnp.array([[m]]), jnp.array([x])), log_prob


def of_laplace():
    for m, s, x, log_prob in LAPLACE:
        yield likelihood({"name": "laplace", "scale": s}, (1,)).log_prob(jnp.array([[m]]), jnp.array([x])), log_prob


def of_poisson():
    log_rate, x, log_prob = columns(POISSON)
    yield likelihood("poisson", x.shape).log_probs(count_outputs(log_rate), x), log_prob


def of_negative_binomial():
    log_mean, log_dispersion, x, log_prob, inflated = columns(NEGATIVE_BINOMIAL)
    part = {"name": "negative-binomial", "dispersion": "per-example"}
    outputs = count_outputs(log_mean, log_dispersion=log_dispersion)
    yield likelihood(part, x.shape).log_probs(outputs, x), log_prob
    outputs = count_outputs(log_mean, 0.4, log_dispersion)
    yield likelihood({**part, "name": "zero-inflated-negative-binomial"}, x.shape).log_probs(outputs, x), inflated


def of_categorical():
    x, log_prob = columns(CATEGORICAL)
    ours = likelihood({"name": "categorical", "categories": 4}, x.shape)
    yield ours.log_probs(jnp.tile(jnp.array(LOGITS)[:, None], 4), x), log_prob
    q = posteriors.make({"name": "gumbel-softmax", "classes": 4})
    p = priors.make({"name": "uniform-categorical", "classes": 4})
    yield kl(q, p, jnp.array(LOGITS)), TO_UNIFORM
    for temperature, log_prob in CONCRETE:
        soft = posteriors.make({"name": "gumbel-softmax", "classes": 4, "temperature": temperature, "hard": False})
        yield soft.log_prob(jnp.array(LOGITS), jnp.array(INSIDE)), log_prob


def of_normals():
    raw = unbounded(jnp.array(LOG_VAR), LOG_VARIANCE_BOUND)
    for name, outputs, (to_prior, log_prob) in (
        ("gaussian", [*MEAN, *raw], DIAGONAL),
        ("full-gaussian", [*MEAN, *raw, *BELOW], FULL),
    ):
        q = posteriors.make(name)
        yield kl(q, priors.make("standard-normal"), jnp.array(outputs)), to_prior
        yield q.log_prob(jnp.array(outputs), jnp.array(AT)), log_prob


def of_a_mixture():
    ours = mixture_of(WEIGHTS, MEANS, 1 / DEVIATIONS)
    a, b, log_prob = columns(MIXTURE)
    yield jax.vmap(ours.log_prob)(jnp.stack([a, b], axis=1)), log_prob


@pytest.mark.parametrize(
    "pairs",
    [
        of_continuous_bernoulli,
        of_bernoulli,
        of_gaussian,
        of_laplace,
        of_poisson,
        of_negative_binomial,
        of_categorical,
        of_normals,
        of_a_mixture,
    ],
)
def test_numbers_are_torchs(pairs):
    """In double precision to nine digits (a mixture keeps its parameters in single), in single to some five."""
    single = [(np.asarray(ours), np.asarray(theirs)) for ours, theirs in jax.jit(lambda: list(pairs()))()]
    with jax.enable_x64(True):
        double = [(np.asarray(ours), np.asarray(theirs)) for ours, theirs in jax.jit(lambda: list(pairs()))()]
    exact = 1e-6 if pairs is of_a_mixture else 1e-9
    for (ours, _), (close, theirs) in zip(single, double, strict=True):
        np.testing.assert_allclose(close, theirs, rtol=exact, atol=max(exact, 4e-9))
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5)
