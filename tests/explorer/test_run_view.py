"""What the page is told of a run, and the runs that it cannot show."""

import base64
import dataclasses
import re

import jax
import numpy as np
import pytest
from packed import unpack

from latente.errors import DataError, SpecError, StoreError
from latente.explorer import export_page, latents
from latente.explorer.run_view import RunView, sigma_of
from latente.model.likelihoods.bernoulli import Bernoulli
from latente.model.likelihoods.gaussian import Gaussian


@pytest.mark.slow
def test_a_model_whose_numbers_are_not_finite_is_refused_in_one_line(vae, data, tmp_path):

    import equinox as eqx

    def every(part, value):
        return jax.tree.map(lambda a: a * value if eqx.is_inexact_array(a) else a, part)

    for part, what in (("encoder", "codes"), ("decoder", "scores of examples")):
        broken = eqx.tree_at(lambda m: getattr(m, part), vae.model, every(getattr(vae.model, part), np.inf))  # noqa: B023
        with pytest.raises(StoreError, match=f"its {what} are not all finite numbers"):
            export_page([dataclasses.replace(vae, model=broken, _data=data)], tmp_path / "page.html")
    # A number of one epoch that was none is a gap in a curve.
    gap = {k: np.where(np.arange(len(v)) == 1, np.nan, v) for k, v in vae.history.items()}
    page = export_page([dataclasses.replace(vae, history=gap, _data=data)], tmp_path / "page.html")
    blob = re.search(r'id="blob-run-0">([^<]*)<', page.read_text(encoding="utf-8"))[1]
    assert unpack(base64.b64decode(blob))[0]["history"]["loss"][1] is None


def test_a_scene_holds_the_codes_their_spread_and_the_order_by_kl(wide, data):
    meta, arrays = unpack(RunView(wide).scene("all"))
    x = np.concatenate([data.train.x, data.validation.x, data.test.x])
    np.testing.assert_array_equal(arrays["labels"], np.concatenate([data.train.y, data.validation.y, data.test.y]))
    np.testing.assert_allclose(arrays["codes"], wide.encode(x), atol=1e-5)
    mean, log_var = latents.encode(wide.model, data.values(x))
    low, high = meta["spread"]
    sigma = np.exp(low + arrays["spread"] / 255 * (high - low))
    step = (high - low) / 255
    np.testing.assert_allclose(sigma, np.exp(0.5 * log_var), rtol=step)
    kl = latents.kl(mean, log_var)
    assert meta["order"] == np.argsort(-kl).tolist()
    assert meta["collapsed"] == (mean.var(axis=0) <= 0.01).tolist()
    assert meta["classes"] == list(data.classes)


def test_examples_by_index_run_through_all_parts(vae, data):
    view = RunView(vae)
    n = len(data.train)
    index = np.array([n + 3, 0, n - 1, n, len(data.test) + n + len(data.validation) - 1])
    found = view.examples("all", index)
    expected = [
        data.validation.x[3], data.train.x[0], data.train.x[-1], data.validation.x[0], data.test.x[-1],
    ]  # fmt: skip
    np.testing.assert_array_equal(found, np.stack(expected))
    for wrong in ([-1], [10**6], []):
        with pytest.raises(DataError, match="index"):
            view.examples("all", np.array(wrong, np.int64))


def test_a_saved_umap_is_shown_and_one_that_does_not_fit_is_refused(vae, data, tmp_path):
    rows = len(data.train) + len(data.validation) + len(data.test)
    whole = np.random.default_rng(0).normal(size=(rows, 2))
    np.save(tmp_path / "umap.npy", whole)
    _, arrays = RunView(vae, tmp_path).parts("validation")
    np.testing.assert_allclose(arrays["umap"], whole[len(data.train) :][: len(data.validation)], rtol=1e-6)
    _, arrays = RunView(vae, tmp_path).parts("all")
    assert arrays["umap"].shape == (rows, 2)
    np.save(tmp_path / "umap-test.npy", whole[:3])
    with pytest.raises(StoreError, match="allowed: "):
        RunView(vae, tmp_path).parts("test")
    (tmp_path / "umap-test.npy").write_bytes(b"nonsense")
    with pytest.raises(StoreError, match="cannot|can be read"):
        RunView(vae, tmp_path).parts("test")


def test_an_unknown_split_is_named(vae):
    with pytest.raises(SpecError, match='did you mean "validation"'):
        RunView(vae).scene("valdation")


def test_sigma_is_a_number_also_where_it_is_learnt():
    assert sigma_of(Gaussian(0.3)) == pytest.approx(0.3)
    learnt = Gaussian("learned", log_sigma=np.float32(0.5))
    assert sigma_of(learnt) == pytest.approx(np.exp(6 * np.tanh(0.5 / 6)))
    assert sigma_of(Gaussian("per-value")) == sigma_of(Bernoulli()) == 1.0
