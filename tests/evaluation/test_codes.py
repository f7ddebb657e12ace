"""Codes kept with a run: all of them, read again as they were, and refused where they are another run's."""

import numpy as np
import pytest
from made import untrained
from scipy.stats import norm

import latente
from latente.evaluation.codes import book_of, kept_codes, parsed, usual_scores
from latente.objective.presets import AE, VAE, preset


def test_they_are_every_examples_codes_and_come_back(tiny, tmp_path, caplog):
    run = untrained(tiny, VAE(2, hidden=(8,)))
    kept = run.keep_codes()
    for part in ("train", "validation", "test"):
        np.testing.assert_allclose(kept.get("mean", part), run.encode(tiny.part(part).x), atol=1e-6)
        np.testing.assert_array_equal(kept.get("label", part), tiny.part(part).y)
    # The KL of the moments is that of the run's own terms.
    mean, log_var = (kept.get(kind, "test").astype(float) for kind in ("mean", "log_variance"))
    kl = 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var).sum(axis=1)
    np.testing.assert_allclose(kl, run.terms(tiny.test.x)["kl"], rtol=1e-4)
    read = latente.load(run.save(tmp_path / "run"), data=tiny).codes
    assert read.dark == kept.dark and read.arrays().keys() == kept.arrays().keys()
    assert all(np.array_equal(a, kept.arrays()[name]) for name, a in read.arrays().items())
    # A run that is saved without them gets them later.
    bare = untrained(tiny, VAE(2, hidden=(8,)))
    folder = bare.save(tmp_path / "bare")
    assert latente.load(folder).codes is None
    bare.keep_codes()
    bare.write(folder)
    assert latente.load(folder).codes is not None


def test_of_other_models_what_they_have(tiny):
    for spec in (AE(2, hidden=(8,)), preset("CVAE", 2, hidden=(8,)), preset("VQVAE", 2, hidden=(8,), codes=4, width=2)):
        run = untrained(tiny, spec)
        kept = kept_codes(run.model, run.spec.model, tiny)
        given = tiny.test.y if run.model.is_conditional else None
        np.testing.assert_allclose(kept.get("mean", "test"), run.encode(tiny.test.x, given=given), atol=1e-5)
        assert (kept.get("context", "test") is not None) == run.model.is_conditional
        tokens, book = kept.get("token", "test"), book_of(run.model)
        assert (tokens is None) == (book is None)
        if book is not None:
            np.testing.assert_allclose(book[0][tokens].reshape(len(tokens), -1), kept.get("mean", "test"), atol=1e-5)


def test_usual_scores_are_quantiles_of_minus_log_p_and_of_errors(tiny):
    run = untrained(tiny, AE(2, hidden=(8,), likelihood="gaussian"))
    x, means = tiny.values(tiny.train.x).reshape(192, -1), run.reconstruct(tiny.train.x).reshape(192, -1)
    expected = -norm.logpdf(x, means, 1).sum(axis=1), np.sqrt(((x - means) ** 2).mean(axis=1))
    for found, each in zip(usual_scores(run.model, tiny, None), expected, strict=True):
        np.testing.assert_allclose(found[[0, 50, 100]], [each.min(), np.median(each), each.max()], rtol=1e-4)


@pytest.mark.parametrize(
    "change",
    [{"mean.test": np.zeros((3, 2), np.float32)}, {"label.train": np.full(192, 3, np.int32)},
     {"scores": np.zeros(5)}, {"log_variance.train": np.zeros((192, 2))}, {"mean.train": None}],
)  # fmt: skip
def test_what_is_no_codes_of_the_data_is_refused(tiny, change):
    run = untrained(tiny, VAE(2, hidden=(8,)))
    arrays = {**kept_codes(run.model, run.spec.model, tiny).arrays(), **change}
    arrays = {name: array for name, array in arrays.items() if array is not None}
    with pytest.raises((ValueError, KeyError)):
        parsed(arrays, {"dark": True}, run.card)
