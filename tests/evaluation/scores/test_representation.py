"""Scores of codes and reconstructions: a principal component code equals its baseline, a factor code is perfect, and
every number is that of the metric it stands for."""

import dataclasses
import importlib.util

import numpy as np
import pytest
from made import blobs, untrained
from skimage.metrics import structural_similarity
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix

import latente
from latente.data.factors import draw
from latente.data.source import make_source
from latente.data.split import Split, split_source
from latente.errors import SpecError
from latente.evaluation.scores import scores


def bare(data, model=None, **made):
    """A run that needs no program: its methods are what is given here."""
    found = untrained(data, latente.VAE(2, hidden=(8,)) if model is None else model)
    found.metrics |= {"test": {}, "validation": {}, "train": {}}
    for name, method in made.items():
        setattr(found, name, method)
    return found


def numbers(found):
    return {name: metric.value for name, metric in found.values.items()}


# representation


@pytest.fixture(scope="module")
def hard():
    """Classes that overlap, so that no probe is always right: 384 to train, 96 to validate, 120 to test."""
    x, y = blobs(600, classes=4)
    noise = np.random.default_rng(1).integers(0, 200, x.shape)
    return split_source(make_source("hard", (x // 8 + noise).astype(np.uint8), y))


@pytest.fixture(scope="module")
def component(hard):
    """A run whose codes are the two first principal components of the training part."""
    fitted = PCA(2, random_state=0).fit(hard.values(hard.train.x).reshape(384, -1))

    def encode(x, **_):
        return fitted.transform((x if x.dtype != np.uint8 else hard.values(x)).reshape(len(x), -1))

    return bare(hard, encode=encode)


def test_principal_components_equal_their_baseline_in_every_number(component):
    found = component.score("representation").values
    pairs = [(name, f"{name}_pca") for name in found if not name.endswith("_pca")]
    assert len(pairs) == 8 and 0.3 < found["probe"].value < 0.95
    for own, other in pairs:
        assert found[own] == found[other], own
    assert not component.score("representation").warnings


def test_the_probe_is_tuned_on_validation_codes_and_judged_on_test_codes(component, hard):
    found = component.score("representation")
    a, b, c = (component.encode(part.x) for part in (hard.train, hard.validation, hard.test))
    mean, spread = a.mean(axis=0), a.std(axis=0)
    fits = [LogisticRegression(C=v, max_iter=1000).fit((a - mean) / spread, hard.train.y) for v in (0.01, 0.1, 1, 10)]
    held = [f.score((b - mean) / spread, hard.validation.y) for f in fits]
    chosen = fits[int(np.argmax(held))].predict((c - mean) / spread)
    assert numbers(found)["probe"] == pytest.approx((chosen == hard.test.y).mean(), abs=0.01)
    assert np.abs(found.arrays["confusion"] - confusion_matrix(hard.test.y, chosen)).sum() <= 2
    assert found.arrays["confusion"].sum(axis=1).tolist() == np.bincount(hard.test.y).tolist()
    for name in ("probe", "probe_knn"):
        assert len(found.each(name)) == 120 and found.each(name).mean() == numbers(found)[name]


def test_no_label_of_the_test_part_tunes_anything(component, hard):
    mixed = dataclasses.replace(hard.test, y=np.random.default_rng(0).permutation(hard.test.y))
    other = bare(dataclasses.replace(hard, test=mixed), encode=component.encode).score("representation")
    first = component.score("representation")
    said = first.arrays["confusion"].sum(axis=0)
    assert np.array_equal(other.arrays["confusion"].sum(axis=0), said)  # the same predictions, and chance to be right
    assert numbers(other)["probe"] < 0.45
    # Where the validation part is judged, a fifth of the training part tunes.
    mixed = dataclasses.replace(hard.validation, y=np.random.default_rng(0).permutation(hard.validation.y))
    runs = [bare(d, encode=component.encode) for d in (hard, dataclasses.replace(hard, validation=mixed))]
    judged = [r.score("representation", "validation").arrays["confusion"].sum(axis=0) for r in runs]
    assert np.array_equal(*judged)
    told = component.score("representation", "train").warnings
    assert told == ("the probes learnt from the examples that they are judged on; take the test part",)


def test_fewer_examples_are_drawn_by_the_seed_and_named(component):
    table = {"name": "representation", "examples": 60, "neighbours": 40}
    made = scores.make(table)
    found = component.score(made)
    assert made.key() == "representation_examples60_neighbours40" and set(found.values) <= set(made.columns())
    assert len(found.arrays["judged"]) == 60 == found.arrays["confusion"].sum()
    assert found.arrays["judged"].tolist() == sorted(np.random.default_rng(0).choice(120, 60, replace=False).tolist())


def test_without_labels_neighbourhoods_are_left_and_conditional_models_are_refused(component, hard):
    plain = split_source(make_source("plain", np.concatenate([p.x for p in (hard.train, hard.validation, hard.test)])))
    found = bare(plain, encode=component.encode).score("representation")
    assert set(found.values) == {"trustworthiness", "trustworthiness_pca", "overlap", "overlap_pca"}
    assert found.warnings == ("the data has no labels of two classes or more: no probes and no clusters",)
    told = bare(hard, latente.preset("CVAE", 2, hidden=(8,)))
    assert told.score("representation") is None and "given the label" in scores.make("representation").why_not(told)


def test_other_baselines_are_optional_and_refused_in_one_line(component, hard):
    found = component.score({"name": "representation", "against": ["tsne"], "examples": 100})
    assert {n for n in found.values if n.endswith("_tsne_examples100")} and not any("pca" in n for n in found.values)
    wide = bare(hard, latente.VAE(5, hidden=(8,)), encode=lambda x, **_: np.tile(component.encode(x), (1, 3))[:, :5])
    found = wide.score({"name": "representation", "against": ["pca", "tsne"], "examples": 100})
    assert found.warnings[0].startswith("tsne has no codes of this size: size: got 5")
    with pytest.raises(SpecError, match='unknown baseline of representation "pcaa"; did you mean "pca"'):
        component.score({"name": "representation", "against": ["pcaa"]})
    if importlib.util.find_spec("umap") is None:
        found = component.score({"name": "representation", "against": ["umap"]})
        assert found.warnings == ("umap is not installed: there are no numbers of it",)
        assert found.values["probe"] == component.score("representation").values["probe"]
    with pytest.raises(SpecError, match="against: got 'pca'; allowed: a list"):
        scores.make({"name": "representation", "against": "pca"})
    few = split_source(make_source("few", *blobs(60)))
    made = scores.make("representation")
    assert made.why_not(bare(few)) == "the validation part has 10 examples, and at least 30 are needed"
    broken = bare(hard, encode=lambda x, **_: np.full((len(x), 2), np.nan)).score(made)
    assert not broken.values and "codes hold NaN or infinity" in broken.warnings[0]


# disentanglement


@pytest.fixture(scope="module")
def grid():
    """Every combination of five factors ten times, in each part."""
    source = draw(16, counts=(3, 2, 2, 3, 3))
    data = split_source(source)
    every = Split(np.tile(source.x, (10, 1, 1)), np.tile(source.y, 10), np.tile(source.factors, (10, 1)))
    return dataclasses.replace(data, train=every, validation=every, test=every)


def coded(grid, code):
    """A run with codes of five numbers that `code` makes of the factors."""
    values = grid.values(grid.test.x)
    known = {x.tobytes(): f for x, f in zip(values, grid.test.factors, strict=True)}
    return bare(
        grid,
        latente.VAE(5, hidden=(4,)),
        encode=lambda x, **_: code(np.array([known[i.tobytes()] for i in x], float)),
        decode=lambda z, **_: np.repeat(z.sum(axis=1)[:, None, None], 16, axis=1).repeat(16, axis=2),
    )


def test_a_code_of_the_factors_is_perfectly_disentangled(grid):
    found = coded(grid, lambda f: f).score("disentanglement")
    value = numbers(found)
    for name in ("mig", "dci_disentanglement", "dci_completeness", "dci_informativeness", "factor_vae", "modularity"):
        assert value[name] == pytest.approx(1, abs=1e-9), name
    # Four ordered factors have a gap of 1 in R²; of three shapes noise is right on one in three.
    assert value["sap"] == pytest.approx((4 + 2 / 3) / 5, abs=0.02)
    assert value["irs"] == pytest.approx(1, abs=1e-9)
    assert found.arrays["information"] == pytest.approx(np.eye(5), abs=1e-9)
    # A score that has no valid error says none.
    assert found.values["mig"].standard_error < 0.02 and found.values["dci_completeness"].standard_error == 0


def test_permuted_and_scaled_codes_are_as_good_and_rotated_ones_are_not(grid):
    perfect = numbers(coded(grid, lambda f: f).score("disentanglement"))
    permuted = coded(grid, lambda f: 3 - 2 * f[:, [4, 2, 0, 1, 3]]).score("disentanglement")
    assert numbers(permuted)["mig"] == pytest.approx(perfect["mig"], abs=1e-9)
    assert permuted.arrays["information"].argmax(axis=0).tolist() == [2, 3, 1, 4, 0]
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(5, 5)))[0]
    turned = numbers(coded(grid, lambda f: (f / f.std(axis=0)) @ turn).score("disentanglement"))
    assert turned["mig"] < 0.2 and turned["dci_disentanglement"] < 0.4 < turned["dci_informativeness"]


def test_the_traversal_moves_one_latent_through_its_quantiles(grid):
    scale = np.array([1, 5, 2, 3, 0.5])
    found = coded(grid, lambda f: f * scale).score("disentanglement").arrays
    codes = grid.test.factors * scale
    assert found["traversal_latents"].tolist() == [0, 1, 2, 3, 4]
    levels = np.linspace(0.01, 0.99, 9)
    assert found["traversal_at"] == pytest.approx(np.quantile(codes, levels, axis=0).T, abs=1e-5)
    base = codes[((codes - codes.mean(axis=0)) ** 2).sum(axis=1).argmin()]
    moved = base.sum() - base[1] + found["traversal_at"][1]
    assert found["traversal"][1, :, 0, 0] == pytest.approx(moved, abs=1e-4)
    spread = np.quantile(codes, levels, axis=0).std(axis=0)
    assert found["traversal_change"] == pytest.approx(spread, rel=1e-5)


def test_without_factors_there_is_a_reason(tiny, grid):
    made = scores.make("disentanglement")
    assert bare(tiny).score(made) is None and "factors" in made.why_not(bare(tiny))
    assert made.why_not(bare(grid, latente.VAE(1, hidden=(4,)))).startswith("its codes are one number")
    assert "given the label" in made.why_not(bare(grid, latente.preset("CVAE", 2, hidden=(4,))))
    small = split_source(draw(16, counts=(3, 2, 2, 3, 3)))
    assert made.why_not(bare(small)) == "the validation part has 18 examples, and at least 100 are needed"


# reconstruction


@pytest.fixture(scope="module")
def noisy(tiny):
    """A run that adds known noise, and its reconstructions of the test part."""
    rebuilt = tiny.values(tiny.test.x) + np.float32(0.1 * np.random.default_rng(0).normal(size=tiny.test.x.shape))
    rebuilt[17] = 1 - tiny.values(tiny.test.x[17])
    return bare(tiny, reconstruct=lambda x, **_: rebuilt), rebuilt


def test_reconstructions_have_numpys_error_and_scikit_images_similarity(noisy, tiny):
    run, rebuilt = noisy
    found, x = run.score("reconstruction"), tiny.values(tiny.test.x).astype(float)
    error = ((rebuilt - x) ** 2).mean(axis=(1, 2))
    assert numbers(found)["reconstruction_mse"] == pytest.approx(error.mean(), rel=1e-6)
    assert found.values["reconstruction_mse"].standard_error == pytest.approx(error.std(ddof=1) / 60**0.5, rel=1e-6)
    assert numbers(found)["reconstruction_psnr"] == pytest.approx((-10 * np.log10(error)).mean(), rel=1e-6)
    theirs = [
        structural_similarity(a, b, win_size=5, data_range=1, gaussian_weights=False, use_sample_covariance=False)
        for a, b in zip(x, rebuilt, strict=True)
    ]
    # Theirs with a flat window, ours with a Gaussian one as wide: the same to a few hundredths.
    assert numbers(found)["reconstruction_ssim"] == pytest.approx(np.mean(theirs), abs=0.05)
    assert found.arrays["per_pixel"] == pytest.approx(((rebuilt - x) ** 2).mean(axis=0), rel=1e-6)
    assert found.arrays["worst"][0] == 17 and np.array_equal(found.arrays["worst_rebuilt"][0], rebuilt[17])
    assert np.array_equal(found.arrays["worst"], np.argsort(-error)[:8])
    means = [error[tiny.test.y == c].mean() for c in range(3)]
    assert found.arrays["class_mse"][:, 0] == pytest.approx(means, rel=1e-6)
    assert (found.arrays["class_mse"][:, 1] < means).all() and (found.arrays["class_mse"][:, 2] > means).all()


def test_what_is_rebuilt_exactly_is_told_and_left_out_of_the_psnr(tiny, noisy):
    x = tiny.values(tiny.test.x)
    half = noisy[1].copy()
    half[:20] = x[:20]
    found = bare(tiny, reconstruct=lambda v, **_: half).score("reconstruction")
    error = ((half[20:] - x[20:]).astype(float) ** 2).mean(axis=(1, 2))
    assert numbers(found)["reconstruction_psnr"] == pytest.approx((-10 * np.log10(error)).mean(), rel=1e-6)
    assert found.warnings == ("20 of 60 examples are rebuilt exactly: their PSNR is infinite and not in the mean",)
    whole = bare(tiny, reconstruct=lambda v, **_: x).score("reconstruction")
    assert numbers(whole) == {"reconstruction_mse": 0, "reconstruction_ssim": 1}


def test_tables_have_an_error_and_no_images_numbers():
    x = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    table = split_source(make_source("table", x))
    run = bare(table, latente.VAE(2, hidden=(4,), likelihood="gaussian"), reconstruct=lambda v, **_: 0 * v)
    found = run.score("reconstruction")
    assert set(found.values) == {"reconstruction_mse"} and "psnr" not in found.arrays
    assert numbers(found)["reconstruction_mse"] == pytest.approx((table.test.x.astype(float) ** 2).mean(), rel=1e-6)
