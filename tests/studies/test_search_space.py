"""What a search varies: what is read, what runs become of it, and what is refused before anything is trained."""

import numpy as np
import pytest

from latente.errors import SpecError
from latente.objective.presets import AE, VAE, preset
from latente.spec import RunSpec, SearchSpec, StudySpec, TrainSpec
from latente.studies.search_space import (
    Choices,
    Range,
    base_of,
    check_search,
    elbo_of,
    label,
    settings_of,
    space_of,
    varied,
    without_test,
)


def study(vary, model=None, **search):
    run = RunSpec("vae", 0, model or VAE(2, hidden=(8,)), TrainSpec(epochs=1, batch_size=16))
    return StudySpec(runs=(run,), search={"vary": vary, **search})


def test_names_of_nested_tables_are_joined_and_ranges_are_whole_where_both_ends_are():
    space = space_of(SearchSpec(vary={
        "latent_dim": {"low": 2, "high": 32, "log": True},
        "train": {"learning_rate": {"low": 1e-4, "high": 1, "log": True}, "batch_size": [16, 32]},
        "objective": ["elbo", {"name": "iwae", "samples": 5}],
        "train.beta1": {"low": 0.5, "high": 0.9, "step": 0.1},
    }))  # fmt: skip
    assert space == {
        "latent_dim": Range(2, 32, True, None, True),
        "train.learning_rate": Range(1e-4, 1, True, None, False),
        "train.batch_size": Choices((16, 32)),
        "objective": Choices(("elbo", {"name": "iwae", "samples": 5})),
        "train.beta1": Range(0.5, 0.9, False, 0.1, False),
    }
    assert label({"samples": 5, "name": "iwae"}) == '{"name": "iwae", "samples": 5}' and label([8, 4]) == "[8, 4]"
    assert space["latent_dim"].holds(2) and not space["latent_dim"].holds(2.5) and not space["latent_dim"].holds(33)
    assert space["train.beta1"].holds(0.5) and not space["train.beta1"].holds(0.55)
    assert space["objective"].holds({"samples": 5, "name": "iwae"}) and not space["objective"].holds("iwae")


@pytest.mark.parametrize(
    ("vary", "said"),
    [
        ({}, "^vary: got {}; allowed: a table of what to vary"),
        ({"latent_dim": [2]}, r"^search.vary.latent_dim: got \[2\]; allowed: a list of two or more different choices"),
        ({"latent_dim": [2, 2]}, "allowed: a list of two or more different choices"),
        ({"latent_dim": 2}, "^search.vary.latent_dim: got 2; allowed: a list of two or more different choices"),
        ({"latent_dim": {"low": 5, "high": 2}}, "allowed: numbers low and high, low below high$"),
        ({"latent_dim": {"low": 5}}, "allowed: numbers low and high, low below high$"),
        ({"latent_dim": {"low": 1, "high": float("inf")}}, "allowed: numbers low and high"),
        ({"latent_dim": {"low": 1, "hihg": 2}}, '^search.vary.latent_dim: unknown key "hihg"; did you mean "high"'),
        ({"latent_dim": {"low": 0, "high": 2, "log": True}}, "allowed: with log = true a low above 0, and no step$"),
        ({"latent_dim": {"low": 1, "high": 2, "step": 3}}, r"^search.vary.latent_dim.step: got 3; allowed: a number"),
        ({"latent_dim": {"low": 1, "high": 2, "log": 1}}, "^search.vary.latent_dim.log: got 1; allowed: true or false"),
    ],
)
def test_a_space_that_is_none_is_refused(vary, said):
    with pytest.raises(SpecError, match=said):
        space_of(SearchSpec(vary=vary))


def test_a_run_with_other_settings():
    run = RunSpec("vae", 0, VAE(2, likelihood={"name": "gaussian", "sigma": 0.5}), TrainSpec())
    values = {"latent_dim": 7, "beta": 4.0, "likelihood.sigma": 2.0, "train.learning_rate": 0.1, "hidden": (3,)}
    other = varied(run, values, name="x")
    assert other.name == "x" and other.model.latent_dim == 7 and other.model.hidden == (3,)
    assert other.model.objective == {"name": "elbo", "beta": 4.0}
    assert other.model.likelihood == {"name": "gaussian", "sigma": 2.0} and other.train.learning_rate == 0.1
    assert settings_of(other, list(values)) == {**values, "hidden": (3,)}
    assert settings_of(run, ["beta", "sigma"]) == {"beta": 1.0, "sigma": 0.5}
    # The options of a part that is varied itself are those of the one that it becomes.
    assert varied(run, {"samples": 7, "objective": "iwae"}).model.objective == {"name": "iwae", "samples": 7}
    with pytest.raises(SpecError, match='^search.vary: unknown setting "latent_dims"; did you mean "latent_dim"'):
        varied(run, {"latent_dims": 3})


def test_which_run_is_varied():
    one, other = RunSpec("a"), RunSpec("b")
    vary = {"latent_dim": [1, 2]}
    assert base_of(StudySpec(runs=(one,), search={"vary": vary})) == one
    assert base_of(StudySpec(runs=(one, other), search={"vary": vary, "run": "b"})) == other
    for runs, run, said in (
        ((one, other), "", "^search.run: got none, and the study has several; allowed: a, b$"),
        ((one, other), "c", '^search.run: unknown run "c"'),
        ((one, RunSpec("a-tuned")), "a", '^runs: "a-tuned" is what the search calls what it finds'),
    ):
        with pytest.raises(SpecError, match=said):
            base_of(StudySpec(runs=runs, search={"vary": vary, "run": run}))


def test_every_choice_and_both_ends_are_tried(tiny):
    assert set(check_search(study({"latent_dim": {"low": 1, "high": 4}}), tiny)) == {"latent_dim"}
    for vary, said in (
        ({"latent_dim": {"low": 0, "high": 4}}, "^search.vary.latent_dim = 0: latent_dim: got 0; allowed: a whole num"),
        ({"train": {"batch_size": [16, 500]}}, "^search.vary.train.batch_size = 500: tiny: 192 training examples are"),
        ({"posterior": ["gaussian", "dirak"]}, '^search.vary.posterior = dirak: unknown posterior "dirak"'),
        ({"beta": {"low": -1, "high": 1}}, "^search.vary.beta = -1: "),
    ):
        with pytest.raises(SpecError if "batch" not in said else Exception, match=said):
            check_search(study(vary), tiny)


def test_trials_whose_numbers_mean_different_things_are_refused(tiny):
    with pytest.raises(SpecError, match="^search.by: loss does not compare these trials: of the default it is elbo"):
        check_search(study({"beta": [1.0, 4.0]}), tiny)
    assert check_search(study({"beta": [1.0, 4.0]}, by="nll"), tiny)
    likelihoods = {"likelihood": ["bernoulli", "continuous-bernoulli"]}
    with pytest.raises(SpecError, match="^search.pruner: the validation ELBO does not compare .*; take pruner = .none"):
        check_search(study(likelihoods, by="linear-probe"), tiny)
    assert check_search(study(likelihoods, by="linear-probe", pruner="none"), tiny)
    with pytest.raises(SpecError, match='unknown score "los"'):
        check_search(study({"latent_dim": [1, 2]}, by="los"), tiny)
    with pytest.raises(SpecError, match="^search.by: nll_1000 means nothing for the default: "):
        check_search(study({"latent_dim": [1, 2]}, AE(2, hidden=(8,)), by="nll"), tiny)


def test_the_elbo_of_an_epoch_is_without_the_weights_of_the_loss():
    logs = {"val_loss": 9.0, "val_reconstruction": 5.0, "val_kl": 1.0}
    assert elbo_of(RunSpec(model=VAE(2, objective={"name": "elbo", "beta": 4.0})), logs) == 6.0
    assert elbo_of(RunSpec(model=preset("IWAE", 2, samples=5)), logs) == 9.0


def test_what_trials_see_has_no_test_part(tiny):
    seen = without_test(tiny)
    assert len(seen.test) == 0 and seen.test.x.shape == (0, 6, 5) and len(seen.test.y) == 0
    assert seen.train is tiny.train and seen.fingerprint == tiny.fingerprint
    assert np.array_equal(seen.validation.x, tiny.validation.x)
