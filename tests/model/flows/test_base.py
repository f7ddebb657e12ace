"""Flows as maps: log-determinants against numerical Jacobians, inverses, triangles, gradients, and what is refused."""

import math

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from madeflows import normal, shaken

from latente.model.flows.autoregressive import AutoregressiveFlow
from latente.model.flows.base import Inverted
from latente.model.flows.planar import Planar
from latente.model.flows.stacks import iaf, maf, real_nvp

SMALL = {"hidden": (16,)}
BUILD = {
    "real-nvp": lambda dim, **o: real_nvp(dim, layers=2, **SMALL, **o),
    "maf": lambda dim, **o: maf(dim, layers=2, **SMALL, **o),
    "iaf": lambda dim, **o: iaf(dim, layers=2, **SMALL, **o),
    "iaf-plain": lambda dim, **o: iaf(dim, layers=2, gate=False, **SMALL, **o),
    "planar": lambda dim, **o: Planar(dim, layers=2, **o),
}
SCANS = {"maf": "forward", "iaf": "inverse", "iaf-plain": "inverse"}


def given(context_dim):
    return normal(3, context_dim) if context_dim else None


def directions(flow):
    return ["forward", "inverse"] if flow.invertible else ["forward"]


@pytest.mark.slow
@pytest.mark.parametrize(("dim", "context_dim"), [(1, 2), (3, 2)])
@pytest.mark.parametrize("name", BUILD)
def test_log_det_is_the_numerical_jacobians_and_the_inverse_undoes(name, dim, context_dim):
    with jax.enable_x64(True):
        flow = shaken(BUILD[name], dim, context_dim=context_dim, size=0.4)
        h, points = given(context_dim), 1.5 * normal(2, 6, dim)

        @jax.jit
        @jax.vmap
        def run(x):
            out = {}
            for direction, opposite in (("forward", "inverse"), ("inverse", "forward"))[: len(directions(flow))]:
                there, back = getattr(flow, direction), getattr(flow, opposite)
                y, log_det = there(x, h)
                out[direction] = (log_det, *jax.jacfwd(lambda v, c, f=there: f(v, c)[0], argnums=(0, 1))(x, h))
                if flow.invertible:
                    out[direction] += back(y, h)
            return out

        for log_det, jacobian, to_context, *back in run(points).values():
            expected = np.linalg.slogdet(np.asarray(jacobian))[1]
            np.testing.assert_allclose(log_det, expected, rtol=1e-7, atol=1e-8)
            assert np.abs(expected).max() > 0.1  # the flow is no rotation: there was something to get wrong
            assert (np.abs(to_context) > 1e-9).all()  # the context moves every coordinate
            if back:
                np.testing.assert_allclose(back[0], points, atol=1e-7)
                np.testing.assert_allclose(back[1], -log_det, atol=1e-7)


@pytest.mark.parametrize("name", ["real-nvp", "iaf-plain"])
def test_float32_comes_back_too(name):
    flow = shaken(BUILD[name], 8, size=0.15)
    z = normal(5, 200, 8)

    @jax.jit
    @jax.vmap
    def there_and_back(v):
        y, there = flow.forward(v)
        return y, there, *flow.inverse(y)

    y, there, again, back = there_and_back(z)
    assert y.dtype == there.dtype == jnp.float32
    np.testing.assert_allclose(again, z, atol=2e-4)
    np.testing.assert_allclose(back, -there, atol=2e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["real-nvp", "maf", "iaf", "planar"])
def test_a_new_flow_is_near_the_identity_and_depends_on_its_key_alone(name):
    z = normal(1, 50, 4)

    @jax.jit
    def new(key):
        flow = BUILD[name](4, key=key)
        return jax.vmap(flow.forward)(z), jax.tree.leaves(flow)

    (y, log_det), leaves = new(jr.key(0))
    scale = (1 / (1 + math.exp(-2))) ** 2 if name == "iaf" else 1.0  # two gates
    order = slice(None, None, -1) if name in ("maf", "iaf") else slice(None)  # reversed between the two layers
    np.testing.assert_allclose(y, scale * z[:, order], atol=0.15)
    np.testing.assert_allclose(log_det, 4 * math.log(scale), atol=0.15)
    again, other = (new(jr.key(k))[1] for k in (0, 1))
    assert all((a == b).all() for a, b in zip(leaves, again, strict=True))
    assert any((a != b).any() for a, b in zip(leaves, other, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("gate", [False, True])
def test_an_autoregressive_jacobian_is_lower_triangular_both_ways(gate):
    layer = shaken(AutoregressiveFlow, 5, hidden=(16,), gate=gate)
    for flow in (layer, Inverted(layer)):
        for there in (flow.forward, flow.inverse):
            jacobian = np.asarray(jax.jit(jax.jacfwd(lambda v, f=there: f(v)[0]))(jnp.linspace(-1, 1, 5)))
            assert (np.triu(jacobian, 1) == 0).all()
            assert (jacobian[np.tril_indices(5)] != 0).all() and (np.diag(jacobian) > 0).all()


@pytest.mark.parametrize(("build", "layers"), [(real_nvp, 4), (maf, 2), (iaf, 2)])
def test_a_stack_lets_every_coordinate_shape_every_other(build, layers):
    flow = shaken(build, 4, layers=layers, hidden=(8,))
    jacobian = jax.jit(jax.jacfwd(lambda v: flow.forward(v)[0]))(np.array([0.3, -0.2, 0.9, 0.1]))
    assert (np.abs(jacobian) > 1e-6).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["real-nvp", "iaf", "planar"])
def test_gradients_are_finite_differences(name):
    with jax.enable_x64(True):
        flow = shaken(BUILD[name], 3, context_dim=2, size=0.3)
        at, aim = (flow, normal(4, 3), given(2)), normal(9, 3)

        @jax.jit
        @jax.value_and_grad
        def value(at):
            flow, x, h = at
            results = [getattr(flow, d)(x, h) for d in directions(flow)]
            return sum(y @ (aim + i) + (0.7 - i) * log_det for i, (y, log_det) in enumerate(results))

        slopes, step = jax.tree.leaves(value(at)[1]), 1e-5
        for seed in range(3):
            rng = np.random.default_rng(seed)
            way = jax.tree.map(lambda a, rng=rng: rng.normal(size=a.shape), at)
            up, down = (
                float(value(jax.tree.map(lambda a, w, s=s: np.asarray(a) + s * w, at, way))[0]) for s in (step, -step)
            )
            ours = sum(float(np.vdot(g, w)) for g, w in zip(slopes, jax.tree.leaves(way), strict=True))
            assert ours == pytest.approx((up - down) / (2 * step), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(("name", "slow"), SCANS.items())
def test_only_the_slow_direction_scans(name, slow):
    flow = shaken(BUILD[name], 4)
    for direction in ("forward", "inverse"):
        program = str(jax.make_jaxpr(getattr(flow, direction))(jnp.zeros(4)))
        assert ("scan" in program) == (direction == slow)
