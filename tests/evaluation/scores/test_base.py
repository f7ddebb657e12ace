"""Scores against scikit-learn and NumPy; models are ranked together only where their numbers mean the same."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from made import untrained
from madebare import SCALES
from sklearn.linear_model import LogisticRegression

import latente
from latente.analysis.trained_models import trained_models
from latente.errors import SpecError
from latente.evaluation.evaluate import Metric
from latente.evaluation.scores import Measured, scores
from latente.language.message import Message, phrase
from latente.language.words import Words
from latente.report.tables import scores as tables


@pytest.fixture(scope="module")
def runs(tiny):
    trained = {"epochs": 8, "batch_size": 32, "learning_rate": 5e-3}
    # Two of them learn; of the others no number is judged.
    return {
        n: latente.fit(s, tiny, name=n, **trained) if n in ("grey", "bits") else untrained(tiny, s, n)
        for n, s in SCALES.items()
    }


@pytest.mark.slow
def test_the_probe_is_scikit_learns_and_the_error_numpys(runs, tiny):
    run = runs["grey"]
    a, b = run.encode(tiny.train.x), run.encode(tiny.test.x)
    mean, spread = a.mean(axis=0), a.std(axis=0)
    fitted = LogisticRegression(max_iter=1000).fit((a - mean) / spread, tiny.train.y)
    assert run.score("linear-probe").values["linear-probe"].value == pytest.approx(
        fitted.score((b - mean) / spread, tiny.test.y), abs=0.02
    )
    error = ((run.reconstruct(tiny.test.x) - tiny.values(tiny.test.x)) ** 2).mean(axis=(1, 2))
    assert run.score("mean-mse").values["mean-mse"].value == pytest.approx(error.mean(), rel=1e-5)
    assert run.score("mean-mse").values["mean-mse"].standard_error == pytest.approx(
        error.std(ddof=1) / len(error) ** 0.5, rel=1e-4
    )
    # A model that is told the label is no match for one that is not.
    assert runs["told"].score("linear-probe") is None
    told, untold = (scores.make("mean-mse").scale(runs[n]) for n in ("told", "grey"))
    assert told != untold


@pytest.mark.slow
def test_active_units_are_the_latents_whose_means_vary_over_what_the_model_sees(runs, tiny):
    run = runs["bits"]
    x = jnp.asarray(tiny.values(tiny.test.x))
    bits = jax.vmap(lambda x: run.model.likelihood.observe(x, key=jr.key(0)))(x)  # Static: the key does not matter.
    variances = run.encode(np.asarray(bits)).astype(np.float64).var(axis=0)
    assert run.score("active-units").values["active-units"].value == (variances > 0.01).sum()
    assert run.score("collapse").arrays["variance_of_means"] == pytest.approx(variances, rel=1e-4)


@pytest.mark.slow
def test_the_ranking_holds_only_what_compares_best_first(runs):
    asked = [scores.make({"name": "nll", "samples": 20}), scores.make("mean-mse")]
    for run in runs.values():
        for score in asked:
            run.score(score)
    made = tables.ranking(trained_models(list(runs.values())), asked, Words("en"))
    ranked = {t.caption: [row[1].text for row in t.rows] for t in made}
    bits = next(v for k, v in ranked.items() if "drawn once" in k)
    assert sorted(bits) == ["bits", "more-bits"]
    values = [runs[n].metrics["test"]["nll_20"].value for n in bits]
    assert values == sorted(values)
    assert not any("density" in v for k, v in ranked.items() if "NLL" in k)
    errors = next(v for k, v in ranked.items() if "MSE of mean codes" in k)
    assert set(errors) == set(runs) - {"told"}
    assert all("told" not in v for k, v in ranked.items() if "NLL" not in k)


def test_an_unknown_score_is_refused(runs):
    with pytest.raises(SpecError, match='unknown score "nlll"; did you mean "nll"'):
        runs["grey"].score("nlll")


@pytest.mark.slow
def test_what_a_score_found_is_kept_with_the_run(runs, tiny, tmp_path, monkeypatch, caplog):
    made = scores.make("mean-mse")
    arrays, warnings = (
        {"per_value": np.arange(6.0).reshape(2, 3).T},
        ("K is small", Message("warning.unused", unused=1, latents=2), "ação"),
    )
    plain = type(made).measure
    monkeypatch.setattr(type(made), "measure", lambda *a: Measured(plain(*a).values, arrays, warnings))
    run = latente.load(runs["point"].save(tmp_path / "copy"), data=tiny)
    found = run.score(made, "validation")
    run.write(tmp_path / "copy")
    again = latente.load(tmp_path / "copy", data=tiny)
    monkeypatch.setattr(type(made), "measure", None)  # It is not looked at anew.
    kept = again.score(made, "validation")
    assert kept.values == found.values and kept.warnings == warnings
    # Folders written before messages hold sentences, which stay as they are.
    assert [phrase(w, Words("pt")) for w in kept.warnings] == ["K is small", "1 de 2 latentes não são usados", "ação"]
    np.testing.assert_array_equal(kept.arrays["per_value"], arrays["per_value"])
    assert again.metrics == run.metrics
    path = tmp_path / "copy" / "scores" / "validation.mean-mse.safetensors"
    path.write_bytes(path.read_bytes()[:40])
    with caplog.at_level("ERROR"):
        lacking = latente.load(tmp_path / "copy", data=tiny)
    assert "mean-mse.safetensors: is not what was written" in caplog.text
    assert "or work it out again: latente evaluate" in caplog.text
    assert "mean-mse" not in lacking.measured.get("validation", {})


@pytest.mark.slow
def test_a_number_that_is_none_is_kept_as_none(runs, tiny, tmp_path):
    import dataclasses

    odd = {"test": {"loss": Metric(float("inf"), float("nan"))}}
    folder = dataclasses.replace(runs["point"], metrics=odd, measured={}).save(tmp_path / "odd")
    assert "null" in (folder / "metrics.json").read_text()
    again = latente.load(folder, data=tiny).metrics["test"]["loss"]
    assert np.isnan([again.value, again.standard_error]).all()
