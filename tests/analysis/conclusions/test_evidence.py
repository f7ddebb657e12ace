"""Measures against arrays with known answers; the whole evidence on tiny runs."""

import math
from dataclasses import replace
from types import SimpleNamespace

import jax.random as jr
import numpy as np
import pytest
from maderuns import made_run
from scipy.stats import energy_distance, norm
from scipy.stats import t as student

from latente.analysis.conclusions import evidence as evidence_module
from latente.analysis.conclusions import measures
from latente.analysis.conclusions.evidence import gather
from latente.analysis.conclusions.notebook import find
from latente.analysis.trained_models import OpenedRun, distinct_models, study_models
from latente.data.source import make_source
from latente.data.split import split_source
from latente.errors import SpecError
from latente.evaluation.evaluate import Metric
from latente.evaluation.metrics import influence, intervals
from latente.evaluation.metrics.influence import Stat, combine
from latente.evaluation.metrics.intervals import Estimate
from latente.evaluation.run import Run, load, train_run
from latente.language.words import Words
from latente.model.build import build
from latente.objective.presets import AE, VAE
from latente.report.conclusions import as_table, render
from latente.spec import RunSpec, TrainSpec

RNG = np.random.default_rng(0)


def test_one_seed_has_the_normal_interval_over_examples():
    x = RNG.normal(3, 2, 400)
    found = combine([influence.mean(x)])
    half = norm.ppf(0.975) * x.std(ddof=1) / 20
    assert (found.low, found.value, found.high) == pytest.approx((x.mean() - half, x.mean(), x.mean() + half))


def test_several_seeds_add_their_t_interval():
    same = np.arange(10.0)
    found = combine([influence.mean(same + shift) for shift in (0, 1, 2)])
    over_seeds = student.ppf(0.975, 2) * 1 / math.sqrt(3)
    over_examples = norm.ppf(0.975) * same.std(ddof=1) / math.sqrt(10)
    assert found.value == 5.5 and found.high - 5.5 == pytest.approx(math.hypot(over_seeds, over_examples))


def test_an_undefined_number_has_no_interval():
    assert combine([]) is None and combine([Stat(math.nan)]) is None
    assert combine([influence.ratio(np.ones(3), np.zeros(3))]) is None
    assert combine([influence.quotient_of_sets(influence.mean(np.ones(3)), influence.mean(np.zeros(3)))]) is None


def test_losses_that_are_no_finite_numbers_have_no_fit(tiny):
    run = made_run(tiny)
    run.history = {"loss": np.ones(3, np.float32), "val_loss": np.ones(3, np.float32)}
    for value, known in ((math.nan, False), (2.0, True)):
        run.metrics = {part: {"loss": Metric(value, value)} for part in ("train", "validation", "test")}
        assert (evidence_module._fit(SimpleNamespace(runs=[run])) is not None) is known


def test_paired_differences_have_no_error_where_the_examples_decide_it():
    x = RNG.normal(0, 100, 50)
    assert combine([influence.difference(influence.mean(x), influence.mean(x + 1))]) == Estimate(
        *[pytest.approx(1)] * 3
    )
    unpaired = combine([influence.difference_of_sets(influence.mean(x), influence.mean(x + 1))])
    assert unpaired.high - unpaired.low > 50


@pytest.mark.parametrize("kind", ["ratio", "quotient", "root", "effective", "spread", "energy"])
def test_intervals_cover_as_often_as_they_say(kind):
    rng = np.random.default_rng(1)

    def one():
        x = rng.exponential(size=150)
        if kind == "ratio":
            return influence.ratio(x, 2 * x + rng.exponential(size=150)), 1 / 3
        if kind == "quotient":
            return influence.quotient_of_sets(influence.mean(x), influence.mean(rng.exponential(2, size=150))), 0.5
        if kind == "root":
            return influence.root(influence.mean(4 * x)), 2.0
        if kind == "effective":
            p = np.array([0.5, 0.3, 0.2])
            return measures.effective_classes(rng.choice(3, 150, p=p), 3), math.exp(-(p * np.log(p)).sum())
        if kind == "spread":
            # Two normals in one dimension are on average 2/√π apart.
            return measures.mean_pair_distance(rng.normal(size=(150, 1))), 2 / math.sqrt(math.pi)
        # Two samples as far from the real examples as each other, on either side.
        real = rng.normal(size=(200, 2))
        within = measures.mean_pair_distance(real).value
        first, second = (measures.energy(rng.normal(at, size=(150, 2)), real, within) for at in (-1, 1))
        return measures.energy_difference(first, second), 0.0

    drawn = [(combine([stat]), truth) for stat, truth in (one() for _ in range(200))]
    # The share of 200 repetitions has a standard error of 1.5 points.
    assert 0.89 <= np.mean([e.low <= truth <= e.high for e, truth in drawn]) <= 0.995


def stripes(n=4, side=16):
    x = np.zeros((n, side, side))
    x[:, :, ::4] = 1
    return x


def test_blur_lowers_edge_strength_and_nothing_else_keeps_it():
    x = stripes()
    blurred = (x + np.roll(x, 1, axis=2) + np.roll(x, -1, axis=2)) / 3
    assert measures.sharpness(x, x).value == 1
    assert 0.2 < measures.sharpness(blurred, x).value < 0.6
    assert measures.sharpness(x / 2, x).value == pytest.approx(0.5)
    assert measures.gradient_energy(np.stack([x[0]] * 3, axis=-1)[None])[0] == pytest.approx(
        3 * measures.gradient_energy(x[:1])[0]
    )


def test_explained_variance():
    x = RNG.normal(size=(50, 4, 4))
    assert measures.explained_variance(x, x).value == 1
    assert measures.explained_variance(np.broadcast_to(x.mean(axis=0), x.shape), x).value == pytest.approx(0)


def test_blocks_average_and_cut():
    x = np.arange(25.0).reshape(1, 5, 5)
    assert measures.blocks(x, 2).tolist() == [[[3, 5], [13, 15]]]
    assert measures.blocks(np.stack([x, x], axis=-1), 2).shape == (1, 2, 2, 2)


def test_energy_distance_is_scipys_and_zero_between_equals():
    a, b = RNG.normal(size=300), RNG.normal(1, 2, size=200)
    real = b[:, None]
    found = measures.energy(a[:, None], real, measures.mean_pair_distance(real).value).value
    # scipy has the root of the biased estimate, which counts the zero distances to oneself.
    within = 2 * np.abs(a[:, None] - b).mean() - np.abs(a[:, None] - a).mean() - np.abs(b[:, None] - b).mean()
    assert energy_distance(a, b) ** 2 == pytest.approx(within)
    assert found == pytest.approx(within, abs=0.02)
    other = RNG.normal(size=(400, 3))
    assert abs(measures.energy(RNG.normal(size=(400, 3)), other, measures.mean_pair_distance(other).value).value) < 0.02


def test_neighbours_of_separated_clusters():
    labels = np.repeat([0, 1, 2], 30)
    train = 10.0 * labels[:, None] + RNG.normal(size=(90, 2))
    near = measures.neighbours(10.0 * labels[:, None] + RNG.normal(size=(90, 2)), train, labels, 3)
    assert near.right(labels).mean() == 1 and near.ambiguous.sum() == 0 and not near.copied.all()
    between = measures.neighbours(np.array([[5.0, 0.0], [15.0, 10.0]]), train, labels, 3)
    assert set(between.label) <= {0, 1, 2} and between.agreement.max() <= 1
    copies = measures.neighbours(train + 1e-6, train, labels, 3)
    assert copies.copied.mean() > 0.95
    assert measures.neighbours(train[:2], train, None, 0).agreement is None


def test_seven_of_ten_is_not_ambiguous_and_six_is():
    train = np.zeros((10, 1))
    for alike, doubt in ((7, 0), (6, 1)):
        near = measures.neighbours(np.ones((1, 1)), train, np.array([0] * alike + [1] * (10 - alike)), 2)
        assert near.agreement[0] == pytest.approx(alike / 10) and near.ambiguous[0] == doubt


def test_effective_classes():
    assert measures.effective_classes(np.arange(40) % 4, 4).value == pytest.approx(4)
    assert measures.effective_classes(np.zeros(40, int), 4).value == 1


def test_loss_curves():
    curve = [100.0, 40.0, 20.0, 10.0, 0.0]
    assert measures.epochs_to(curve) == 4 and measures.epochs_to(curve, 0.3) == 1.5
    assert measures.epochs_below(curve, 30) == 2.5 and measures.epochs_below(curve, 100) == 1
    assert math.isnan(measures.epochs_below(curve, -1))
    assert measures.rises(curve) == 0 and measures.rises([10.0, 4.0, 5.0, 0.0]) == pytest.approx(10)
    for short in ([2.0, 1.0], [1.0, 1.0, 1.0], [1.0, 2.0, 3.0]):
        assert math.isnan(measures.epochs_to(short)) and math.isnan(measures.rises(short))


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


def found_models(runs):
    return study_models(distinct_models(map(OpenedRun, runs))[0])


def test_parts_come_from_specs(study):
    models = found_models(study)
    assert [len(model.runs) for model in (*models.vaes, *models.aes)] == [2, 2, 2, 2]
    assert models.vae.latents == 2 and models.ae.latents == 4
    assert [v.latents for v in models.sweep] == [2, 4]
    assert [(a.latents, v.latents) for a, v in models.matched] == [(4, 4)]
    assert [(w.beta, p.beta) for w, p in models.weighted] == [(4.0, 1.0)]


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


def test_the_floor_of_a_grey_cross_entropy_is_the_entropy(tiny):
    run = untrained(spec(VAE(2, hidden=())), tiny)
    x = tiny.values(tiny.train.x).reshape(len(tiny.train), -1).astype(float)
    inside = np.clip(x, 1e-12, 1 - 1e-12)
    entropy = -(inside * np.log(inside) + (1 - inside) * np.log(1 - inside)).sum(axis=1)
    assert evidence_module._zero(run, "train") == pytest.approx(entropy, abs=1e-6)
    assert gather([run]).fit.zero == pytest.approx(entropy.mean(), rel=1e-6)
    bits = untrained(spec(VAE(2, hidden=(), likelihood={"name": "bernoulli", "binarise": "static"})), tiny)
    assert not evidence_module._zero(bits, "train").any()


def test_models_that_take_no_part_say_why(tiny):
    """A sweep of VAEs that are told which values are missing is no missing sweep, but one left out."""
    gaps = [untrained(replace(spec(VAE(n, hidden=(), missing=True)), name=f"gaps-{n}"), tiny) for n in (2, 4)]
    other = untrained(replace(spec(VAE(2, hidden=(), prior="vamp")), name="vamp"), tiny)
    assert found_models([*gaps, other]).left_out == (("missing", "gaps-2, gaps-4"), ("parts", "vamp"))


def test_the_course_of_a_loss_curve():
    rng = np.random.default_rng(0)
    falling = measures.course(100 / np.arange(1, 41))
    assert falling.rise.value == 0 and falling.best == pytest.approx(38) and falling.fall.value > 0.5
    noise = 0.1 * rng.normal(size=40)
    flat = measures.course(10 + noise)
    assert combine([flat.rise]).low < 0 and flat.rise.variance > 0
    turned = measures.course(10 + np.abs(np.arange(40) - 20) / 10 + noise)
    rise = combine([turned.rise])
    assert rise.low > 1 and turned.best == pytest.approx(21, abs=2) and turned.fall.value < 0
    assert measures.course(10 + np.abs(np.arange(40) - 20) / 10 + noise, kept=True).rise.value == 0
    assert measures.course(np.arange(7.0)) is None


def test_noise_between_epochs_makes_no_rise():
    """On a flat curve the lowest point is chosen from the noise, and the interval must allow for it."""
    rng = np.random.default_rng(1)
    found = [combine([measures.course(rng.normal(size=60)).rise]) for _ in range(300)]
    assert np.mean([e.low > 0 for e in found]) < 0.05


@pytest.mark.parametrize(("p", "n"), [(0.97, 32), (0.5, 20), (0.02, 100)])
def test_intervals_of_shares_cover_at_the_edges_too(p, n):
    rng = np.random.default_rng(2)
    cover = {"share": [], "apart": [], "paired": [], "ratio": []}
    for _ in range(400):
        a, b = (rng.random(n) < p).astype(float), (rng.random(n) < p).astype(float)
        cover["share"].append((influence.share([a]), p))
        cover["apart"].append((influence.shares_apart([(a, b)]), 0.0))
        cover["paired"].append((influence.shares_paired([(a, b)]), 0.0))
        real = (rng.random(200) < 0.9).astype(float)
        cover["ratio"].append((influence.shares_ratio([a], real), p / 0.9))
    for kind, found in cover.items():
        assert np.mean([e.low <= truth <= e.high for e, truth in found]) > 0.92, kind
        assert all(e.low <= e.value <= e.high and e.high > e.low for e, _ in found)
        assert all(e.low >= (0 if kind in ("share", "ratio") else -1) for e, _ in found)
        assert kind == "ratio" or all(e.high <= 1 for e, _ in found)


def test_shares_count_seeds_and_never_leave_their_range():
    ones, most = np.ones(30), np.r_[np.ones(27), np.zeros(3)]
    one, two = influence.share([ones]), influence.share([ones, most])
    assert one.high == 1 and one.low == pytest.approx(30 / (30 + norm.ppf(0.975) ** 2))
    assert two.value == 0.95 and two.high == 1 and two.low < 0.5  # Student's t of two seeds is wide
    assert influence.shares_paired([(ones, ones)]).high > 0 > influence.shares_paired([(ones, ones)]).low
    assert influence.shares_ratio([ones], np.zeros(30)) is None


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


def test_parts_need_equal_training(study, tiny):
    longer = [replace(r, spec=replace(r.spec, train=TrainSpec(epochs=9))) for r in study[:2]]
    models = found_models([*longer, *study[2:]])
    assert models.sweep == () and models.vae.latents == 2
    twice = found_models([*study, study[0]])
    assert all(m.seeds == (0, 1) for m in (*twice.vaes, *twice.aes))


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


def test_neither_the_order_of_runs_nor_that_of_seeds_changes_a_finding(study):
    first = as_table(find(gather(study)))
    for order in (study[::-1], [*study[1::2], *study[::2]]):
        assert as_table(find(gather(order))) == first


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


def test_flat_images_give_no_verdict_on_edges(study):
    flat = split_source(make_source("flat", np.full((100, 6, 5), 128, np.uint8)))
    verdicts = {f.id: f.verdict for f in find(gather([replace(study[0], _data=flat, metrics={}, _per_example={})]))}
    assert not {"reconstructions", "latent_space"} & set(verdicts)


def test_gather_refuses_what_is_no_study(study):
    with pytest.raises(SpecError, match="got 0 runs"):
        gather([])
    with pytest.raises(SpecError, match="one data set"):
        gather([study[0], replace(study[1], card={**study[1].card, "fingerprint": "other"})])
