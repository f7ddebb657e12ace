"""What every tracker is told: settings, numbers, and what is refused before anything is trained."""

import math

import pytest

from latente.errors import SpecError
from latente.evaluation.evaluate import Metric
from latente.objective.presets import VAE
from latente.spec import RunSpec
from latente.studies.trackers.base import Followed, Tracker, check_url, end_numbers, key, settings_of, trackers


def test_a_spec_is_flat_and_parts_are_their_names():
    found = settings_of(RunSpec("vae", 3, VAE(2, likelihood={"name": "gaussian", "sigma": 0.5})))
    assert found["seed"] == 3 and found["model.latent_dim"] == 2 and found["train.learning_rate"] == 1e-3
    assert found["model.likelihood"] == "gaussian" and found["model.likelihood.sigma"] == 0.5
    assert found["data.source"] == "mnist-5k" and "name" not in found and None not in found.values()


def test_end_numbers_have_their_errors_where_they_are_known(made):
    run = made.runs[0]
    run.metrics["test"]["mse"] = Metric(2.0, math.nan)
    found = end_numbers(run)
    assert found["test/loss"] == run.metrics["test"]["loss"].value
    assert found["test/loss/error"] == run.metrics["test"]["loss"].standard_error
    assert found["test/mse"] == 2.0 and "test/mse/error" not in found
    assert key(run.spec) == "vae/seed-0"


def test_the_study_is_told_by_its_data_and_files(made):
    study = Followed(made.spec, made.data, made.folder)
    settings = study.settings()
    assert settings["data.fingerprint"] == made.data.fingerprint and settings["data.train"] == 192
    assert settings["runs"] == ["vae", "ae"]
    assert [p.name for p in study.artifacts()] == ["study.json", "results.csv", "report.html"]
    assert [p.name for p in study.figures()] == ["curves.svg", "grid.png"]


def test_a_password_in_a_url_is_refused():
    with pytest.raises(SpecError, match="uri: holds a password, which files and reports would show; leave it out: env"):
        check_url("uri", "http://me:secret@host:5000", "env")
    with pytest.raises(SpecError, match="uri: got 'http://\\[x'; allowed: a URL"):
        check_url("uri", "http://[x", "env")
    check_url("uri", "http://me@host:5000", "env")
    check_url("uri", "", "env")


def test_a_package_that_is_missing_is_named_with_its_extra():
    class Missing(Tracker):
        needs = "nowhere_to_be_found"

    line = r"^track: nowhere_to_be_found is not installed; pip install 'latente\[nowhere_to_be_found\]'$"
    with pytest.raises(SpecError, match=line):
        Missing.check()


def test_what_ships_is_registered_and_says_what_it_is():
    assert set(trackers) >= {"mlflow", "tensorboard", "trackio", "wandb"}
    assert all(trackers.summary(name).endswith((".", "them.")) for name in trackers)
