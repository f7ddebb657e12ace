"""The evidence of a study, on tiny runs."""

import math
from dataclasses import replace
from types import SimpleNamespace

import jax.random as jr
import numpy as np
import pytest
from maderuns import made_run
from scipy.stats import norm
from scipy.stats import t as student

from latente.analysis.conclusions import evidence as evidence_module
from latente.analysis.conclusions.evidence import gather
from latente.analysis.conclusions.measures import difference_bits
from latente.analysis.conclusions.notebook import find
from latente.data.source import make_source
from latente.data.split import split_source
from latente.errors import SpecError
from latente.evaluation.evaluate import Metric
from latente.evaluation.metrics import intervals
from latente.evaluation.metrics.influence import Stat, combine
from latente.evaluation.metrics.intervals import Estimate
from latente.evaluation.run import Run, load, train_run
from latente.language.words import Words
from latente.model.build import build
from latente.objective.presets import AE, VAE
from latente.report.conclusions import as_table, render
from latente.spec import RunSpec, TrainSpec

RNG = np.random.default_rng(0)


@pytest.mark.slow
def test_losses_that_are_no_finite_numbers_have_no_fit(tiny):
    run = made_run(tiny)
    run.history = {"loss": np.ones(3, np.float32), "val_loss": np.ones(3, np.float32)}
    for value, known in ((math.nan, False), (2.0, True)):
        run.metrics = {part: {"loss": Metric(value, value)} for part in ("train", "validation", "test")}
        assert (evidence_module.fit_of(SimpleNamespace(runs=[run])) is not None) is known


def spec(model, seed=0, name="run", **train):
    return RunSpec(name, seed, model, TrainSpec(**{"epochs": 3, "batch_size": 64, **train}))


@pytest.fixture(scope="module")
def study(tiny):
    """A VAE of 2 and one of 4 latents, an autoencoder equal to the latter, and one VAE with β = 4; two seeds."""
    small, large = ([train_run(spec(VAE(n, hidden=()), seed), tiny) for seed in (0, 1)] for n in (2, 4))
    ae = AE(4, hidden=(), code_activation="linear")
    heavy = VAE(2, hidden=(), objective={"name": "elbo", "beta": 4.0})
    plain = [untrained(spec(ae, seed), tiny, beta=0.0) for seed in (0, 1)]
    return [*small, *plain, *large, *(untrained(spec(heavy, seed), tiny, beta=4.0) for seed in (0, 1))]


def untrained(spec, data, beta=1.0):
    """A run as it would be after no steps, for compiling an epoch takes longer than all the rest."""
    curve = np.array([3.0, 2.0, 1.0], np.float32)
    history = {f"{part}{k}": curve for part in ("", "val_") for k in ("reconstruction", "kl")}
    history |= {f"{part}loss": (1 + beta) * curve for part in ("", "val_")}
    model = build(spec.model, data.shape, key=jr.key(spec.seed))
    return Run(spec, model, history, None, 1.0, data.card(), _data=data)


@pytest.mark.slow
def test_a_constant_of_the_density_moves_no_verdict(tiny):
    """σ of the normal density adds a constant to every loss, here some 90 nats: percentages leave it out."""

    def fit(shift):
        model = untrained(spec(VAE(2, hidden=(), likelihood={"name": "gaussian", "sigma": 1.0})), tiny)
        curve = np.linspace(40, 30, 12) + 0.1 * np.cos(np.arange(12))
        model.history |= {k: curve.astype(np.float32) for k in ("loss", "reconstruction", "val_reconstruction")}
        model.history |= {"val_loss": (curve + shift).astype(np.float32), "kl": 0 * model.history["loss"]}
        model.history["val_kl"] = model.history["kl"]
        return model

    model = fit(0.0)
    evidence = gather([model])
    whole = Run.per_example

    def shifted(self, split):
        return {k: v + 90 if k in ("loss", "reconstruction") else v for k, v in whole(self, split).items()}

    moved = fit(90.0)
    moved.model = model.model
    zero = evidence_module._zero
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "per_example", shifted)
        patch.setattr(evidence_module, "_zero", lambda run, split: zero(run, split) + 90)
        other = gather([moved])
    assert other.fit.zero == pytest.approx(evidence.fit.zero + 90) and other.fit.floor == "density"
    for name in ("gap_percent", "rise_percent", "fall_percent"):
        ours, theirs = getattr(evidence.fit, name), getattr(other.fit, name)
        assert (theirs.value, theirs.low, theirs.high) == pytest.approx(
            (ours.value, ours.low, ours.high), rel=2e-3, abs=2e-3
        )


@pytest.mark.slow
def test_the_floor_of_a_grey_cross_entropy_is_the_entropy(tiny):
    run = untrained(spec(VAE(2, hidden=())), tiny)
    x = tiny.values(tiny.train.x).reshape(len(tiny.train), -1).astype(float)
    inside = np.clip(x, 1e-12, 1 - 1e-12)
    entropy = -(inside * np.log(inside) + (1 - inside) * np.log(1 - inside)).sum(axis=1)
    assert evidence_module._zero(run, "train") == pytest.approx(entropy, abs=1e-6)
    assert gather([run]).fit.zero == pytest.approx(entropy.mean(), rel=1e-6)
    bits = untrained(spec(VAE(2, hidden=(), likelihood={"name": "bernoulli", "binarise": "static"})), tiny)
    assert not evidence_module._zero(bits, "train").any()


def test_several_intervals_hold_together():
    assert intervals.corrected(Estimate(1, 0, 2), 3).high - 1 == pytest.approx(
        norm.ppf(1 - 0.025 / 3) / norm.ppf(0.975)
    )
    few = combine([Stat(v) for v in (1.0, 2.0, 3.0)])
    assert intervals.corrected(few, 2).high - 2 == pytest.approx(
        (few.high - 2) * student.ppf(0.9875, 2) / student.ppf(0.975, 2)
    )
    found = intervals.least([Estimate(1, 0, 2), Estimate(3, -1, 7)])
    assert (found.value, found.low) == (1, -1) and found.high == pytest.approx(
        intervals.corrected(Estimate(1, 0, 2), 2).high
    )
    assert intervals.greatest([Estimate(-1, -2, 0), Estimate(-3, -7, 1)]) == intervals.minus_of(found)


@pytest.mark.slow
def test_gather_tells_all_and_never_looks_at_the_test_part(study, tiny, tmp_path, monkeypatch):
    looked = []
    whole = Run.per_example
    monkeypatch.setattr(Run, "per_example", lambda self, split: looked.append(split) or whole(self, split))
    evidence = gather(study)
    assert set(looked) == {"train", "validation"} and evidence.fit.test is None
    assert (evidence.seeds, evidence.runs, evidence.classes, evidence.vae, evidence.ae) == (2, 8, 3, 2, 4)
    assert evidence.residual < 1e-5 and evidence.own_class == 0 and evidence.betas == 2
    values = [whole(r, "validation") for r in (study[0], study[1], study[4], study[5])]
    change = np.mean([v["kl"].mean() for v in values[2:]]) - np.mean([v["kl"].mean() for v in values[:2]])
    assert evidence.steps[0].kl.value == pytest.approx(change, rel=1e-4)
    size = evidence.sweep[1]
    assert size.parameters == study[4].model.parameters() and size.operations > size.parameters
    assert evidence.compared[0].score == "bce" and evidence.main_pair.matched is False
    assert 0 < evidence.reconstructions.sharpness.value < 1.5
    assert evidence.latent_map.accuracy.value > evidence.latent_map.majority
    assert evidence.bits == difference_bits(tiny.values(tiny.validation.x)) and evidence.linear == ()
    monkeypatch.setattr(evidence_module, "NOTEBOOK_BITS", 1)
    assert [n.latents for n in gather(study).linear] == [2, 4]

    found = find(evidence)
    missing = {name for f in found for c in f.claims for name, _ in c.evidence if name.startswith("missing")}
    assert not missing
    for language in ("en", "pt"):
        assert all(render(f, Words(language)).claims for f in found)

    # The same numbers again, and from the runs' folders, whatever the clock said.
    loaded = [load(r.save(tmp_path / str(i)), data=tiny) for i, r in enumerate(study)]
    for run in loaded:
        run.seconds *= 3
    assert as_table(find(gather(loaded))) == as_table(found)

    one = gather([r for r in loaded if r.spec.seed == 0])
    # One curve has no interval over trainings, and three epochs have no noise to tell.
    assert one.seeds == 1 and one.fit.rise_percent is None and one.steps[0].rises is one.steps[0].epochs_percent is None
    loaded[0].evaluate("test")
    assert gather(loaded[:1]).fit.test == loaded[0].metrics["test"]["loss"].value


@pytest.mark.slow
def test_neither_the_order_of_runs_nor_that_of_seeds_changes_a_finding(study):
    first = as_table(find(gather(study)))
    for order in (study[::-1], [*study[1::2], *study[::2]]):
        assert as_table(find(gather(order))) == first


@pytest.mark.slow
def test_tables_without_labels():
    rng = np.random.default_rng(0)
    data = split_source(make_source("table", rng.normal(size=(200, 5))))
    model = VAE(3, hidden=(), likelihood={"name": "gaussian", "sigma": 0.5})
    evidence = gather([untrained(spec(model), data)])
    assert not evidence.images and evidence.classes == 0 and not evidence.grey
    assert evidence.fit.zero == pytest.approx(0.5 * 5 * math.log(2 * math.pi * 0.25))
    verdicts = {f.id: f.verdict for f in find(evidence)}
    assert not {"reconstructions", "latent_space"} & set(verdicts)
    assert "holds" not in {verdicts[k] for k in ("latent_sizes", "autoencoder")}
    assert all(render(f, Words("pt")).claims for f in find(evidence))


@pytest.mark.slow
def test_flat_images_give_no_verdict_on_edges(study):
    flat = split_source(make_source("flat", np.full((100, 6, 5), 128, np.uint8)))
    verdicts = {f.id: f.verdict for f in find(gather([replace(study[0], _data=flat, metrics={}, _per_example={})]))}
    assert not {"reconstructions", "latent_space"} & set(verdicts)


def test_gather_refuses_what_is_no_study(study):
    with pytest.raises(SpecError, match="got 0 runs"):
        gather([])
    with pytest.raises(SpecError, match="one data set"):
        gather([study[0], replace(study[1], card={**study[1].card, "fingerprint": "other"})])
