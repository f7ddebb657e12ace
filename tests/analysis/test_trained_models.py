"""Runs of one model are one model, and models of a study find those that they belong with."""

import dataclasses

import jax.random as jr
import pytest

import latente
from latente.analysis.trained_models import (
    OpenedRun,
    aligned,
    beta_families,
    distinct_models,
    paired_runs,
    pairs,
    study_models,
    sweeps,
)
from latente.model.priors.fitted import blank_prior

SMALL = {"hidden": (4,)}


def test_the_same_run_twice_counts_once(make):
    runs = [make("a", 0), make("again", 0), make("b", 0, latente.VAE(4, **SMALL))]
    found = latente.compare(runs, ["loss"])
    assert [m.name for m in found.models] == ["a", "b"]
    twice = [n.values for n in found.notes if n.kind == "twice"]
    assert twice == [{"run": "run again, seed 0", "same": "run a, seed 0"}]
    both = latente.compare([make("vae", 0), make("vae", 0, latente.VAE(4, **SMALL))], ["loss"])
    assert [m.name for m in both.models] == ["vae", "vae (2)"]


def test_a_prior_that_was_fitted_is_in_the_name(make):
    bare = make("ae", spec=latente.AE(2, **SMALL))
    mixture = blank_prior({"name": "gaussian-mixture", "components": 3}, 2, key=jr.key(0))
    fitted = dataclasses.replace(bare, fitted=mixture)
    assert [m.name for m in distinct_models([OpenedRun(bare), OpenedRun(fitted)])[0]] == ["ae", "ae + gaussian-mixture"]


def models_of(runs):
    return distinct_models(map(OpenedRun, runs))[0]


@pytest.fixture
def study(make):
    """A VAE of 2 and one of 4 latents, an autoencoder equal to the latter, one VAE with β = 4, one with β annealed."""
    heavy = latente.VAE(4, objective={"name": "elbo", "beta": 4.0}, **SMALL)
    warm = latente.VAE(4, objective={"name": "elbo", "beta": {"name": "linear", "steps": 2}}, **SMALL)
    specs = {"small": latente.VAE(2, **SMALL), "ae": latente.AE(4, **SMALL), "large": latente.VAE(4, **SMALL)}
    return [make(name, seed, spec) for name, spec in {**specs, "heavy": heavy, "warm": warm}.items() for seed in (0, 1)]


@pytest.mark.slow
def test_parts_come_from_specs(study):
    models = study_models(models_of(study))
    assert [m.name for m in models.vaes] == ["small", "large", "heavy", "warm"]
    assert [m.name for m in models.aes] == ["ae"]
    assert all(len(m.runs) == 2 for m in models.vaes)
    assert models.vae.latents == 2 and models.ae.latents == 4
    assert [v.latents for v in models.sweep] == [2, 4]
    assert [(a.latents, v.latents) for a, v in models.matched] == [(4, 4)]
    assert [(w.name, w.beta, p.name, p.beta) for w, p in models.weighted] == [
        ("heavy", 4.0, "large", 1.0), ("warm", None, "large", 1.0),
    ]  # fmt: skip
    assert [(a.name, b.name) for a, b in pairs(models_of(study))] == [("large", "ae")]
    assert [[m.name for m in family] for family in beta_families(models_of(study), 2)] == [["large", "heavy"]]
    assert [m.kind for m in models_of(study)] == ["VAE", "AE", "VAE", "β-VAE", "VAE"]


def test_models_that_take_no_part_say_why(make):
    """A sweep of VAEs that are told which values are missing is no missing sweep, but one left out."""
    gaps = [make(f"gaps-{n}", spec=latente.VAE(n, missing=True, **SMALL)) for n in (2, 4)]
    told = make("told", spec=latente.VAE(2, condition="labels", **SMALL))
    others = [make("vamp", spec=latente.VAE(2, prior="vamp", **SMALL)), told]
    left_out = study_models(models_of([*gaps, *others])).left_out
    assert left_out == (("condition", "told"), ("missing", "gaps-2, gaps-4"), ("parts", "vamp"))


def test_parts_need_equal_training(make, study):
    longer = [make("longer", seed, latente.VAE(2, **SMALL), epochs=9) for seed in (0, 1)]
    models = study_models(models_of([*longer, *study[2:]]))
    assert models.sweep == () and models.vae.name == "longer"
    twice = study_models(models_of([*study, study[0]]))
    assert all(m.seeds == (0, 1) for m in (*twice.vaes, *twice.aes))


def test_seeds_that_models_share_are_paired(make):
    seeds = {2: (3, 0, 1), 4: (1, 7, 3)}
    (sweep,) = sweeps(models_of(make(f"d{d}", s, latente.VAE(d, **SMALL)) for d, own in seeds.items() for s in own))
    assert [m.seeds for m in aligned(sweep)] == [(1, 3), (1, 3)]
    assert [(a.spec.seed, b.spec.seed) for a, b in paired_runs(*sweep)] == [(1, 1), (3, 3)]
    # A single seed in common would throw the others away, where that is not wanted.
    apart = models_of(make(f"d{d}", s, latente.VAE(d, **SMALL)) for d, own in ((2, (0, 1)), (4, (1, 2))) for s in own)
    assert [m.seeds for m in aligned(apart)] == [(1,), (1,)]
    assert [m.seeds for m in aligned(apart, 2)] == [(0, 1), (1, 2)]
