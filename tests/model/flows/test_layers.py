"""The layers of flows one by one, by hand: masks, forms, bounds, planar maps, chains, and what is refused."""

import math
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from madeflows import normal, shaken

from latente.errors import SpecError
from latente.model.flows.autoregressive import AutoregressiveFlow
from latente.model.flows.base import Chain, Inverted, Permutation, reversing
from latente.model.flows.coupling import Coupling, alternating
from latente.model.flows.made import MADE
from latente.model.flows.planar import Planar, planar_apply, planar_size
from latente.model.flows.stacks import iaf, maf, real_nvp


@pytest.mark.parametrize(("dim", "hidden"), [(5, (32, 32)), (5, (2,)), (2, ())])
def test_mades_column_i_sees_just_the_inputs_before_i_and_all_the_context(dim, hidden):
    made = shaken(MADE, dim, 3, hidden=hidden, context_dim=2)
    to_x, to_h = jax.jit(jax.jacfwd(made, argnums=(0, 1)))(normal(1, dim), normal(2, 2))
    before = np.arange(dim)[None] < np.arange(dim)[:, None]
    assert ((np.asarray(to_x) != 0) == before[None]).all()
    assert (np.asarray(to_h) != 0).all()


def test_mades_masks_by_hand():
    # dim 3, four hidden units of degrees 1, 1, 2, 2.
    made = shaken(MADE, 3, 1, hidden=(4,))
    np.testing.assert_array_equal(made.layers[0].mask(), [[1, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0]])
    np.testing.assert_array_equal(made.last.mask(), [[0, 1, 1], [0, 1, 1], [0, 0, 1], [0, 0, 1]])
    np.testing.assert_array_equal(made.direct.mask(), [[0, 1, 1], [0, 0, 1], [0, 0, 0]])


def test_the_two_forms_of_the_autoregressive_step_by_hand():
    z = jnp.array([0.4, -1.1, 0.8])
    for gate in (False, True):
        layer = shaken(AutoregressiveFlow, 3, hidden=(8,), gate=gate, bound=2.0)
        raw, m = np.asarray(layer.made(z), float)
        s = 2 * np.tanh(raw / 2)
        sigma = 1 / (1 + np.exp(-(s + 2)))
        expected = sigma * z + (1 - sigma) * m if gate else np.exp(s) * z + m
        y, log_det = jax.jit(lambda v, f=layer: f.forward(v))(z)
        np.testing.assert_allclose(y, expected, rtol=1e-5)
        assert float(log_det) == pytest.approx(float(np.log(sigma).sum() if gate else s.sum()), abs=1e-5)
        assert not gate or float(log_det) < 0


def test_scales_stay_bounded_and_finite_however_wild_the_conditioner():
    layer = shaken(Coupling, 4, (0, 2), hidden=(8,), bound=1.5, size=1e4)
    run = jax.jit(lambda z: (layer.forward(z), jax.grad(lambda v: layer.forward(v)[1])(z)))
    (y, log_det), gradient = run(np.full(4, 1e3, np.float32))
    assert np.isfinite(y).all() and abs(float(log_det)) <= 2 * 1.5 + 1e-5
    assert np.isfinite(gradient).all()


def test_a_coupling_keeps_what_it_says_it_keeps():
    layer = shaken(Coupling, 5, (4, 1), hidden=(8,))
    z = normal(1, 5)
    y, jacobian = map(
        np.asarray, jax.jit(lambda v: (layer.forward(v)[0], jax.jacfwd(lambda u: layer.forward(u)[0])(v)))(z)
    )
    assert list(np.flatnonzero(y != np.asarray(z))) == [1, 4]
    assert jacobian[1, 4] == 0 and jacobian[4, 1] == 0 and (jacobian[1, [0, 1, 2, 3]] != 0).all()


@pytest.mark.parametrize("dim", [2, 3, 5, 8, 13])
def test_alternating_masks_part_every_two_coordinates(dim):
    masks = alternating(dim, 2 * math.ceil(math.log2(dim)))
    for even, odd in zip(masks[::2], masks[1::2], strict=True):
        assert sorted(even + odd) == list(range(dim)) and even and odd
    assert all(any((i in m) != (j in m) for m in masks) for i in range(dim) for j in range(i))


@pytest.mark.parametrize("build", [real_nvp, maf, partial(iaf, gate=False)])
def test_dimension_one_is_elementwise_affine(build):
    flow = shaken(build, 1, layers=2, hidden=(16,))
    z = jnp.linspace(-3, 3, 7)[:, None]
    y, log_det = jax.jit(jax.vmap(flow.forward))(z)
    np.testing.assert_allclose(np.diff(y[:, 0]), math.exp(float(log_det[0])), rtol=1e-4)
    assert np.ptp(np.asarray(log_det)) == 0 and abs(float(log_det[0])) > 0.01


def test_planar_is_the_papers_and_never_folds():
    rng = np.random.default_rng(0)
    run = jax.jit(planar_apply)
    for _ in range(50):
        u, w, b, z = 3 * rng.normal(size=3), 3 * rng.normal(size=3), rng.normal(), rng.normal(size=3)
        y, log_det = run(z, np.array([*u, *w, b]))
        slope = 1e-3 + (1 - 1e-3) * np.log1p((math.e - 1) * np.exp(w @ u))
        u_hat = u + (slope - 1 - w @ u) * w / (w @ w)
        assert w @ u_hat > -1
        t = np.tanh(w @ z + b)
        np.testing.assert_allclose(y, z + u_hat * t, atol=1e-4)
        assert float(log_det) == pytest.approx(np.log(1 + (1 - t**2) * (w @ u_hat)), abs=1e-3)


def test_planar_at_its_limits():
    z = jnp.array([0.5, -1.0])
    run = jax.jit(lambda p: (*planar_apply(z, p), jax.jacrev(lambda q: planar_apply(z, q))(p)))
    # u strongly against w would fold without the constraint; the slope stays above 10⁻³, and gradients finite.
    _, log_det, slopes = run(jnp.array([-50.0, 0.0, 5.0, 0.0, -2.5]))
    assert float(log_det) == pytest.approx(math.log(1e-3), abs=1e-3)
    assert all(np.isfinite(s).all() for s in slopes)
    y, log_det, slopes = run(jnp.zeros(planar_size(2)))
    np.testing.assert_array_equal(y, z)
    assert float(log_det) == pytest.approx(0, abs=1e-6)
    assert all(np.isfinite(s).all() for s in slopes)


def test_planar_parameters_are_read_layer_by_layer():
    z, parameters = normal(1, 3), normal(2, 2, planar_size(3))
    assert planar_size(3, 2) == parameters.size == 14

    def one_by_one(z, parameters):
        middle, first = planar_apply(z, parameters[0])
        y, second = planar_apply(middle, parameters[1])
        return y, first + second

    own = eqx.tree_at(lambda f: f.parameters, shaken(Planar, 3, layers=2), jnp.ravel(parameters))
    expected, *others = jax.jit(lambda z, p: (one_by_one(z, p), planar_apply(z, jnp.ravel(p)), own.forward(z)))(
        z, parameters
    )
    for y, log_det in others:
        np.testing.assert_allclose(y, expected[0], rtol=1e-5)
        assert float(log_det) == pytest.approx(float(expected[1]), rel=1e-5)


@pytest.mark.slow
def test_permutations_and_chains_by_hand():
    turn = Permutation((2, 0, 1))
    z = jnp.array([10.0, 20.0, 30.0])
    np.testing.assert_array_equal(turn.forward(z)[0], [30, 10, 20])
    np.testing.assert_array_equal(turn.inverse(turn.forward(z)[0])[0], z)
    first, second = (shaken(Coupling, 3, (0,), hidden=(4,), seed=k) for k in (0, 1))
    chain = reversing([first, second])
    middle, one = first.forward(z)
    last, two = second.forward(middle[::-1])
    y, total = chain.forward(z)
    np.testing.assert_array_equal(y, last)
    assert float(total) == float(one + two)


def test_what_can_be_inverted_says_so():
    assert shaken(maf, 2).invertible
    mixed = Chain([Permutation((1, 0)), Planar(2, key=jr.key(0))])
    assert not mixed.invertible
    with pytest.raises(SpecError, match="own samples only; .* take a RealNVP"):
        mixed.inverse(jnp.zeros(2))
    with pytest.raises(SpecError, match="Planar has no inverse"):
        Inverted(Planar(2, key=jr.key(0)))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda k: real_nvp(0, key=k), r"dim = 0; allowed: an integer of at least 1"),
        (lambda k: maf(2, layers=0, key=k), r"layers = 0"),
        (lambda k: iaf(2, context_dim=-1, key=k), r"context_dim = -1; allowed: an integer of at least 0"),
        (lambda k: maf(2, hidden=(8, 0), key=k), r"hidden width = 0"),
        (lambda k: maf(2, bound=0.0, key=k), r"bound = 0.0; allowed: a number above 0"),
        (lambda k: real_nvp(2, activation="rellu", key=k), r'did you mean "relu"'),
        (lambda k: Coupling(2, (2,), key=k), r"changed = \(2,\); allowed: some of 0 to 1"),
        (lambda k: Permutation((0, 0)), r"order = \(0, 0\); allowed: each of 0 to 1 once"),
        (lambda k: Chain([]), "number of flows in a chain = 0"),
        (lambda k: Chain([Permutation((0,)), Permutation((1, 0))]), r"dimensions \[1, 2\]"),
        (lambda k: Chain([Planar(2, context_dim=c, key=k) for c in (1, 2)]), r"context sizes \[1, 2\]"),
        (lambda k: planar_apply(jnp.zeros(2), jnp.zeros(7)), "got 7 parameters in dimension 2; .* multiple of 5"),
        (lambda k: real_nvp(2, context_dim=3, key=k).forward(jnp.zeros(2)), r"got no context; .* shape \(3,\)"),
        (lambda k: maf(2, key=k).inverse(jnp.zeros(2), jnp.zeros(1)), r"context of shape \(1,\); .* without one"),
        (lambda k: iaf(2, context_dim=3, key=k).forward(jnp.zeros(2), jnp.zeros(2)), r"shape \(2,\); allowed: \(3,\)"),
    ],
)
def test_what_means_nothing_is_refused(build, message):
    with pytest.raises(SpecError, match=message):
        eqx.filter_eval_shape(build, jr.key(0))
