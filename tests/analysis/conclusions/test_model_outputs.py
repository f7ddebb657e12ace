"""What conclusions measure of a data set and a model, on examples that can be worked out by hand."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from made import untrained

import latente
from latente.analysis.conclusions import model_outputs
from latente.analysis.conclusions.model_outputs import ModelOutputs, ReferenceData, operations
from latente.data.source import make_source
from latente.data.split import split_source
from latente.evaluation import latent


class PlaneRun:
    """A run whose codes are the examples and whose decoder leaves them as they are; its samples lie at the origin."""

    model = SimpleNamespace(code_size=2)

    def __init__(self):
        self.decoded = []

    def encode(self, x, scaled):
        assert scaled
        return np.asarray(x, np.float64)

    def decode(self, z):
        self.decoded.append(z.shape)
        return np.asarray(z, np.float64)

    def sample(self, n, seed):
        return np.zeros((n, 2))


@pytest.fixture(scope="module")
def plane():
    """1,000 points of a normal with variances 4 and 1 and a covariance of 1.2, around (3, −1); no labels."""
    points = np.random.default_rng(0).multivariate_normal([3, -1], [[4, 1.2], [1.2, 1]], 1000)
    return ReferenceData(split_source(make_source("plane", points.astype(np.float32))))


def test_codes_are_those_of_each_part_and_reconstructions_are_decoded_in_batches_of_samples(plane):
    run = PlaneRun()
    outputs = ModelOutputs(plane, run)
    assert np.array_equal(outputs.codes, plane.x) and np.array_equal(outputs.train_codes, plane.train_x)
    assert np.array_equal(outputs.reconstructions, plane.x)
    assert run.decoded == [(1000, 2)] and len(plane.x) == 160
    assert plane.of(run) is plane.of(run) and plane.of(PlaneRun()) is not plane.of(run)


def test_a_normal_is_fitted_to_the_training_codes(plane):
    drawn = []
    outputs = ModelOutputs(plane, PlaneRun())
    outputs.decode = lambda z: drawn.append(z) or z
    fitted, normal = outputs.fitted, outputs.normal
    codes = plane.train_x.astype(np.float64)
    assert drawn[0].mean(axis=0) == pytest.approx(codes.mean(axis=0), abs=0.2)
    assert np.cov(drawn[0].T) == pytest.approx(np.cov(codes.T), abs=0.4)
    assert drawn[1].mean(axis=0) == pytest.approx([0, 0], abs=0.1)
    assert np.cov(drawn[1].T) == pytest.approx(np.eye(2), abs=0.12)
    # Draws of the fitted normal are distributed as the data is, those of N(0, I) and of one point are not.
    assert abs(fitted.energy.value) < 0.1 < 1 < normal.energy.value
    assert outputs.drawn.spread.value == 0 and fitted.spread.value == pytest.approx(1, abs=0.1)
    assert fitted.sharpness is None


def test_a_latent_that_never_varies_is_drawn_as_it_is(plane):
    outputs = ModelOutputs(plane, PlaneRun())
    outputs.__dict__["_codes"] = np.stack([np.full(800, 2.0), np.arange(800.0)], axis=1)
    drawn = []
    outputs.decode = lambda z: drawn.append(z) or z
    assert outputs.fitted and drawn[0][:, 0] == pytest.approx(2.0)


def test_new_is_near_to_the_data_no_copy_and_not_ambiguous():
    """Training examples on a line one apart, of one class left and of another right of zero."""
    places = np.arange(-300, 300) / 1.0 + 0.5
    source = make_source("line", np.stack([places, 0 * places], axis=1).astype(np.float32), (places > 0).astype(int))
    reference = ReferenceData(split_source(source))
    reference._train = np.stack([places, 0 * places], axis=1)
    reference.train_y = (places > 0).astype(np.int64)
    reference._usual = 0.6
    # In the middle of two; almost on one; far off; between the classes, in the middle.
    draws = np.array([[100.0, 0], [100.4, 0], [100.0, 2.0], [0.0, 0]])
    near = reference.near(draws)
    assert near.nearest == pytest.approx([0.5, 0.1, np.hypot(0.5, 2), 0.5])
    assert near.copied.tolist() == [False, True, False, False]
    assert near.ambiguous.tolist() == [0, 0, 0, 1]
    assert reference.passes(near).tolist() == [1, 0, 0, 0]
    assert reference.classes == 2 and not reference.images and reference.grey


def test_large_images_are_averaged_down_and_blocks_are_a_seventh_of_a_side():
    x = np.zeros((200, 28, 70), np.uint8)
    x[:, :3, :3] = 255
    images = ReferenceData(split_source(make_source("wide", x)))
    # ⌈70 / 32⌉ = 3: blocks of 3×3 pixels, of which nine by 23 fill the image.
    flat = images.flat(images.x)
    assert flat.shape == (len(images.x), 9 * 23) and flat[:, 0] == pytest.approx(1.0) and not flat[:, 1:].any()
    assert images.block == 4 and not images.grey and images.images and images.classes == 0
    # A white square of three in a corner has two sides of three pixels: six steps of one.
    assert images.gradients == pytest.approx(6.0)
    small = dataclasses.replace(images.data, train=images.data.test)
    assert ReferenceData(small).flat(np.ones((2, 5, 6))).shape == (2, 30)


@pytest.mark.parametrize(("shape", "most"), [((28, 28), 1000), ((200, 250), 800), ((1000, 1000, 3), 100)])
def test_large_examples_are_fewer_but_at_least_a_hundred(shape, most):
    assert model_outputs._at_most(SimpleNamespace(shape=shape), model_outputs.SAMPLES) == most


def test_operations_are_two_for_each_weight_and_some_for_the_rest(tiny):
    small, large = (untrained(tiny, latente.AE(n, hidden=())).model for n in (2, 12))
    weights = {n: 2 * 30 * n for n in (2, 12)}
    found = operations(small), operations(large)
    assert 2 * weights[2] <= found[0] < 2 * weights[2] + 400
    # Ten more latents are 600 more weights, and ten biases.
    assert 2 * 600 <= found[1] - found[0] <= 2 * 600 + 20


def test_codes_are_of_the_values_that_the_model_was_trained_on():
    """Values of a table that is scaled by its range: to scale them twice would give other codes."""
    x = (1000 + 50 * np.random.default_rng(0).normal(size=(60, 3))).astype(np.float32)
    data = split_source(make_source("table", x), scale="minmax")
    run = untrained(data, latente.VAE(2, hidden=(4,), likelihood="gaussian"))
    found = ModelOutputs(ReferenceData(data), run).codes
    assert np.allclose(found, latent.encode(run.model, data.values(data.validation.x)), atol=1e-6)
