"""How codes relate to the factors that made the examples: MIG, SAP, modularity, IRS, FactorVAE, DCI.

Codes are of shape (n, latents), factors whole numbers of shape (n, factors), as `checked` takes them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from latente.errors import DataError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BINS = 20
"""Of equal width between a latent's lowest and highest code, as in Locatello et al. (2019)."""
EXAMPLES = 9_000
"""At most so many are used where a classifier is trained."""
BATCH, VOTES, HELD = 64, 10_000, 5_000
"""The FactorVAE score's examples a vote, votes to learn from and votes to score."""
TREES, LEAF = 50, 5
"""Of DCI's random forests, and the least examples of their leaves."""
_CHUNK = 500
"""Votes worked on at a time."""
NAMES = (
    *("mig", "dci_disentanglement", "dci_completeness", "dci_informativeness"),
    *("sap", "factor_vae", "modularity", "irs"),
)
VOTED = 20
"""Resamplings at most for the FactorVAE score's error: each takes as long as the score."""


@dataclass(frozen=True)
class MetricValue:
    """A score, its parts, and its standard error where one was estimated.

    Attributes:
        value: the score.
        each: what it is made of, one for each factor or for each latent; see the score's own words.
        standard_error: over draws of the examples or of the votes; None where it was not estimated.
        each_error: the same of each part.
    """

    value: float
    each: Floats
    standard_error: float | None = None
    each_error: Floats | None = None


Scorer = Callable[[NDArray[np.floating], NDArray[np.integer]], MetricValue]


def checked(codes: NDArray[np.floating], factors: NDArray[np.integer]) -> tuple[Floats, Integers]:
    """Codes (n, d) in double precision, and factors (n, f) with every column counted 0, 1, ... in order of its values.

    Raises:
        DataError: other shapes or types, codes that are not finite, fewer than two latents or factors (no score says
            anything of one), or a factor of a single value.
    """
    z, factors = np.asarray(codes), np.asarray(factors)
    if z.ndim != 2 or z.shape[1] < 2 or z.dtype.kind not in "buif":
        raise DataError(f"codes: got shape {z.shape} and type {z.dtype}; allowed: (n, latents), two or more latents")
    if factors.ndim != 2 or factors.shape[1] < 2 or factors.dtype.kind not in "bui":
        raise DataError(
            f"factors: got shape {factors.shape} and type {factors.dtype}; allowed: (n, factors) whole numbers, two or "
            f"more factors"
        )
    if len(z) != len(factors):
        raise DataError(f"got {len(z)} codes and {len(factors)} rows of factors; they must agree")
    z = z.astype(np.float64)
    if not np.isfinite(z).all():
        raise DataError(f"codes: {(~np.isfinite(z)).sum()} are NaN or infinite; allowed: finite numbers")
    counted = np.empty(factors.shape, np.int64)
    for j, column in enumerate(factors.T):
        values, counted[:, j] = np.unique(column, return_inverse=True)
        if len(values) < 2:
            raise DataError(f"factors: column {j} has a single value; leave out what does not vary")
    return z, counted


def binned(z: Floats, bins: int = BINS) -> Integers:
    """Codes (n, d) as the numbers of bins of equal width over each latent's range; a constant latent fills one bin.

    Raises:
        DataError: fewer than two bins.
    """
    if bins < 2:
        raise DataError(f"bins: got {bins}; allowed: at least 2")
    found = np.empty(z.shape, np.int64)
    for i, column in enumerate(z.T):
        edges = np.histogram_bin_edges(column, bins)
        # The highest code belongs to the last bin.
        found[:, i] = np.searchsorted(edges[:-1], column, side="right") - 1
    return found


def mutual_information(z: Floats, factors: Integers, *, bins: int = BINS) -> Floats:
    """Mutual information of each binned latent and each factor in nats, shape (d, f).

    The plug-in estimate over the examples given. It is biased upward by some (filled bins − 1)(values − 1) / 2n, so
    that a latent of noise does not get quite zero.
    """
    numbers = binned(z, bins)
    values = factors.max(axis=0) + 1
    found = np.empty((z.shape[1], factors.shape[1]))
    for i, number in enumerate(numbers.T):
        for j, factor in enumerate(factors.T):
            joint = np.bincount(number * values[j] + factor, minlength=bins * values[j]).reshape(bins, values[j])
            found[i, j] = entropy(joint.sum(1)) + entropy(joint.sum(0)) - entropy(joint.ravel())
    return np.maximum(found, 0.0)


def entropy(weights: NDArray[np.number]) -> float:
    """Entropy in nats of weights of any sum, shape (k,)."""
    return float(entr(weights / weights.sum()).sum())


def standard_error(
    score: Scorer,
    codes: NDArray[np.floating],
    factors: NDArray[np.integer],
    *,
    draws: int = 50,
    seed: int = 0,
) -> tuple[float, Floats]:
    """Standard deviation of a score, and of each of its parts, over resampled examples (Efron 1979), as many as there
    are, with replacement.

    In simulations it was 0.7 to 1.3 times the true one for MIG and for SAP's R², and up to 2.4 times where these are
    next to 0. It is not valid for IRS (0.6 to 0.75 times: a largest value is in it) nor for modularity (up to 3.5 times
    near 1, from the bias of the information).
    """
    rng = np.random.default_rng(seed)
    n = len(codes)
    found = [score(codes[rows], factors[rows]) for rows in (rng.integers(n, size=n) for _ in range(draws))]
    each: Floats = np.std([s.each for s in found], axis=0, ddof=1)
    return float(np.std([s.value for s in found], ddof=1)), each


def mig(codes: NDArray[np.floating], factors: NDArray[np.integer], *, bins: int = BINS) -> MetricValue:
    """Mutual information gap (Chen, Li, Grosse, Duvenaud 2018), in 0..1; higher is better.

    For each factor, the gap between the two latents that tell most of it, as a share of the factor's entropy; the mean
    over factors. Information is that of codes in bins of equal width (Locatello et al. 2019); Chen et al. sampled from
    the posterior instead. A factor of more values than ``bins`` cannot reach 1.

    Args:
        bins: a latent's.

    Returns:
        The score; each: the gap of every factor.

    Raises:
        DataError: as `checked`.
    """
    z, f = checked(codes, factors)
    ranked = np.sort(mutual_information(z, f, bins=bins), axis=0)
    gaps = (ranked[-1] - ranked[-2]) / [entropy(np.bincount(column)) for column in f.T]
    return MetricValue(float(gaps.mean()), gaps)


def sap(
    codes: NDArray[np.floating],
    factors: NDArray[np.integer],
    *,
    seed: int,
    categorical: bool | Sequence[bool] = False,
    examples: int = EXAMPLES,
) -> MetricValue:
    """Separated attribute predictability (Kumar, Sattigeri, Balakrishnan 2018, section 3), in 0..1; higher is better.

    For each factor, the gap between the two latents that alone predict it best; the mean over factors. An ordered
    factor is predicted by a line, its values taken as evenly spaced, and scored by R² over all examples. A categorical
    one is predicted by a linear support vector machine (C = 0.01, balanced classes, one against the rest, as Locatello
    et al. 2019) on the standardised latent, and scored by the share predicted right of the third of the examples that
    is held out. There a perfect code of k classes gets 1 − 1/k, as noise is right on one in k; and from six classes
    along one latent on, one against the rest no longer parts them (of eight, a quarter is right), so call only factors
    of few values categorical.

    Args:
        seed: of the held-out third.
        categorical: whether the factors are names without an order: one for all, or one each.
        examples: at most so many are used for a categorical factor, drawn with the seed.

    Returns:
        The score; each: the gap of every factor.

    Raises:
        DataError: as `checked`, fewer than 30 examples where a factor
            is categorical, or ``categorical`` of another length.
    """
    z, f = checked(codes, factors)
    kinds = [categorical] * f.shape[1] if isinstance(categorical, bool | np.bool_) else list(categorical)
    if len(kinds) != f.shape[1]:
        raise DataError(f"categorical: got {len(kinds)} values; allowed: one, or one for each of {f.shape[1]} factors")
    alone = r_squared(z, f)
    if any(kinds):
        train, held = halves(len(z), seed=seed, examples=examples)
        for j in np.flatnonzero(kinds):
            alone[:, j] = _right(z, f[:, j], train, held)
    ranked = np.sort(alone, axis=0)
    gaps = ranked[-1] - ranked[-2]
    return MetricValue(float(gaps.mean()), gaps)


def r_squared(z: Floats, factors: Integers) -> Floats:
    """Squared correlation of each latent and each factor, shape (d, f); 0 for a constant latent."""
    z, f = z - z.mean(axis=0), factors - factors.mean(axis=0)
    products = (z.T @ f) ** 2
    variances = np.outer((z**2).sum(axis=0), (f**2).sum(axis=0))
    # What rounding leaves of a constant latent's variance is not variance.
    varies = (z.std(axis=0) > 1e-9 * (1 + np.abs(z).max(axis=0)))[:, None]
    return np.asarray(np.where(varies, products / np.where(varies, variances, 1), 0.0))


def _right(z: Floats, factor: Integers, train: Integers, held: Integers) -> Floats:
    from sklearn.svm import LinearSVC

    found = []
    for column in z.T:
        mean, spread = column[train].mean(), column[train].std()
        standard = ((column - mean) / (spread if spread > 0 else 1))[:, None]
        machine = LinearSVC(C=0.01, class_weight="balanced", dual=False).fit(standard[train], factor[train])
        found.append((machine.predict(standard[held]) == factor[held]).mean())
    return np.array(found)


def modularity(codes: NDArray[np.floating], factors: NDArray[np.integer], *, bins: int = BINS) -> MetricValue:
    """Modularity (Ridgeway & Mozer 2018), in 0..1; higher is better.

    For each latent, one less the squared information on all factors but its best, over what it would be if all told
    as much as the best; the mean over latents. A latent that tells nothing at all counts 0. One that holds only noise
    gets whatever the estimates' bias gives it (some 0.7 where one factor has many more values than the others): look
    at ``each`` beside the active units.

    Arguments and errors as `mig`; ``each`` of what is returned is that of every latent.
    """
    z, f = checked(codes, factors)
    squares = mutual_information(z, f, bins=bins) ** 2
    best = squares.max(axis=1)
    informative = best > 0
    rest = (squares.sum(axis=1) - best) / (np.where(informative, best, 1) * (f.shape[1] - 1))
    each = np.where(informative, 1 - rest, 0.0)
    return MetricValue(float(each.mean()), each)


def irs(codes: NDArray[np.floating], factors: NDArray[np.integer], *, quantile: float = 0.99) -> MetricValue:
    """Interventional robustness score (Suter, Miladinović, Schölkopf, Bauer 2019), in 0..1; higher is better.

    For each latent and factor, the largest distance of codes from the mean of those with the same value of the factor,
    averaged over its values, over the largest distance from the mean of all codes; one less that. The best factor
    counts for each latent, and latents by their largest distance, so that their scales matter. "Largest" among codes of
    the same value is the given quantile, against outliers, as in Locatello et al. (2019); 1 is the paper's. Factors are
    taken to vary independently. Noise does not get 0 where its largest code is far beyond that quantile: normal noise
    gets some 0.3 to 0.4.

    Args:
        quantile: in (0, 1].

    Returns:
        The score; each: that of every latent, NaN for one that is constant, which does not count.

    Raises:
        DataError: as `checked`, or a quantile out of range.
    """
    if not 0 < quantile <= 1:
        raise DataError(f"quantile: got {quantile}; allowed: above 0 and at most 1")
    z, f = checked(codes, factors)
    reach = np.abs(z - z.mean(axis=0)).max(axis=0)
    active = z.min(axis=0) < z.max(axis=0)
    each = np.full(z.shape[1], np.nan)
    if not active.any():
        return MetricValue(0.0, each)
    z, reach = z[:, active], reach[active]
    moved = np.zeros((z.shape[1], f.shape[1]))
    for j, factor in enumerate(f.T):
        groups = [z[factor == value] for value in range(factor.max() + 1)]
        moved[:, j] = np.mean([np.quantile(np.abs(g - g.mean(axis=0)), quantile, axis=0) for g in groups], axis=0)
    each[active] = (1 - moved / reach[:, None]).max(axis=1)
    return MetricValue(float(np.average(each[active], weights=reach)), each)


def factor_vae(
    codes: NDArray[np.floating],
    factors: NDArray[np.integer],
    *,
    seed: int,
    batch: int = BATCH,
    votes: int = VOTES,
    held: int = HELD,
    least: float = 0.05,
) -> MetricValue:
    """The FactorVAE score (Kim & Mnih 2018), from chance, some 1 / factors, to 1; higher is better.

    A vote: a factor is chosen, and a value of it, that of a random example; ``batch`` examples of that value are
    drawn, with replacement, and of their codes, each latent divided by its standard deviation over all examples, the
    latent of the lowest variance is noted. Each latent then stands for the factor it was noted for most often in
    ``votes`` votes, and the score is the share of ``held`` further votes in which that is right. Sizes are those of
    Locatello et al. (2019). Values must have enough examples in which all else varies: with few, or with factors that
    go together, several latents hardly vary, and the score says little.

    Args:
        seed: of all draws.
        batch: examples a vote, at least 2.
        votes, held: how many votes to learn from, and to score.
        least: latents of a standard deviation below this are left out as collapsed; of use where codes are on the
            scale of a standard normal prior, else say 0.

    Returns:
        The score, 0 where every latent is collapsed; each: that of every factor; and its standard error over votes,
        not over examples (`scores` has both).

    Raises:
        DataError: as `checked`, or a size out of its range.
    """
    z, f = checked(codes, factors)
    if min(batch - 1, votes, held) < 1 or not least >= 0:
        raise DataError(
            f"got batch = {batch}, votes = {votes}, held = {held}, least = {least}; allowed: at least 2, 1, 1, 0"
        )
    spread = z.std(axis=0, ddof=1)
    # A latent that does not vary at all would always win.
    active = (spread >= least) & (spread > 0)
    if not active.any():
        return MetricValue(0.0, np.zeros(f.shape[1]), 0.0)
    z = z[:, active] / spread[active]
    rng = np.random.default_rng(seed)
    stands_for = _table(z, f, votes, batch, rng).argmax(axis=0)
    table = _table(z, f, held, batch, rng)
    right = np.where(stands_for[None, :] == np.arange(f.shape[1])[:, None], table, 0).sum(axis=1)
    value = float(right.sum() / held)
    each = right / np.maximum(table.sum(axis=1), 1)
    return MetricValue(value, each, math.sqrt(value * (1 - value) / held))


def _table(z: Floats, factors: Integers, votes: int, batch: int, rng: np.random.Generator) -> Integers:
    """How often each latent varied least while each factor was fixed, shape (factors, latents)."""
    orders = np.argsort(factors, axis=0, kind="stable")
    counts = [np.bincount(column) for column in factors.T]
    starts = [np.cumsum(c) - c for c in counts]
    table = np.zeros((factors.shape[1], z.shape[1]), np.int64)
    for j, of in enumerate(np.bincount(rng.integers(factors.shape[1], size=votes), minlength=factors.shape[1])):
        values = factors[rng.integers(len(z), size=of), j]
        for at in range(0, of, _CHUNK):
            value = values[at : at + _CHUNK]
            within = (rng.random((len(value), batch)) * counts[j][value][:, None]).astype(np.int64)
            group = z[orders[starts[j][value][:, None] + within, j]]
            table[j] += np.bincount(group.var(axis=1).argmin(axis=1), minlength=z.shape[1])
    return table


@dataclass(frozen=True)
class DCI:
    """The three scores, all higher for better.

    Attributes:
        disentanglement: whether each latent serves one factor, in 0..1.
        completeness: whether each factor is served by one latent, in 0..1.
        informativeness: share of held-out factors predicted right, in 0..1, the mean over factors.
        chance: that share for always saying the most frequent value of the training part.
        importance: of every latent for every factor, shape (latents, factors); each column sums to 1.
        of_latents: disentanglement of each latent.
        of_factors: completeness of each factor.
        right: held-out accuracy of each factor.
    """

    disentanglement: float
    completeness: float
    informativeness: float
    chance: float
    importance: Floats
    of_latents: Floats
    of_factors: Floats
    right: Floats


def dci(
    codes: NDArray[np.floating],
    factors: NDArray[np.integer],
    *,
    seed: int,
    trees: int = TREES,
    examples: int = EXAMPLES,
) -> DCI:
    """Disentanglement, completeness and informativeness (Eastwood & Williams 2018).

    Each factor is predicted as a class. Importances are the impurity decreases of scikit-learn's random forest
    classifier, one forest a factor, of ``trees`` trees with leaves of at least 5 examples. Every split looks at all
    latents: with the usual random subset, the splits that cannot see the right latent spread importance over the
    others, and a perfect code does not get 1. Two thirds of the examples train, one third is held out. Scores of other
    kinds of trees are not comparable with these.

    Args:
        seed: of the split and the forests.
        trees: of each forest.
        examples: at most so many are used, drawn with the seed.

    Raises:
        DataError: as `checked`, or fewer than 30 examples.
    """
    from sklearn.ensemble import RandomForestClassifier

    z, f = checked(codes, factors)
    train, held = halves(len(z), seed=seed, examples=examples)
    importance, right, chance = np.empty((z.shape[1], f.shape[1])), np.empty(f.shape[1]), np.empty(f.shape[1])
    for j, factor in enumerate(f.T):
        forest = RandomForestClassifier(trees, max_features=None, min_samples_leaf=LEAF, n_jobs=-1, random_state=seed)
        forest.fit(z[train], factor[train])
        importance[:, j] = forest.feature_importances_
        # In one thread: several would add the trees' votes in any order, and near ties could fall either way.
        right[j] = (forest.set_params(n_jobs=1).predict(z[held]) == factor[held]).mean()
        chance[j] = (factor[held] == np.bincount(factor[train]).argmax()).mean()
    of_latents, of_factors = purity(importance), purity(importance.T)
    weights = importance.sum(axis=1)
    # A forest that found nothing to split has no importances at all.
    disentanglement = float(weights @ of_latents / weights.sum()) if weights.sum() > 0 else 0.0
    return DCI(
        disentanglement,
        float(of_factors.mean()),
        float(right.mean()),
        float(chance.mean()),
        importance,
        of_latents,
        of_factors,
        right,
    )


def purity(importance: Floats) -> Floats:
    """One less each row's entropy over that of equal shares, shape (rows,); 0 for a row of zeros."""
    full = math.log(importance.shape[1])
    return np.array([1 - entropy(row) / full if row.sum() > 0 else 0.0 for row in importance])


def halves(n: int, *, seed: int, examples: int) -> tuple[Integers, Integers]:
    """Two thirds and one third of at most ``examples`` of n rows, shuffled.

    Raises:
        DataError: fewer than 30.
    """
    n_used = min(n, examples)
    if n_used < 30:
        raise DataError(f"got {n_used} examples; at least 30 are needed to train on some and test on others")
    rows = np.random.default_rng(seed).permutation(n)[:n_used]
    cut = 2 * n_used // 3
    return rows[:cut], rows[cut:]


def scores(
    codes: NDArray[np.floating],
    factors: NDArray[np.integer],
    *,
    seed: int,
    categorical: bool | Sequence[bool] = False,
    draws: int = 50,
    least: float = 0.05,
) -> dict[str, MetricValue]:
    """Every score of `NAMES`, all in 0..1 and higher for better; see each one's own function for what it means.

    MIG has a standard error over resampled examples, and so has SAP where no factor is categorical; FactorVAE's is over
    resampled examples with votes of their own (of `VOTED` resamplings at most), and never below that over votes alone.
    For modularity and IRS resampling is not valid, and for DCI it would take too long.

    Args:
        seed: of every draw.
        categorical: whether the factors are names without an order: one for all, or one each.
        draws: resamplings for a standard error; 0 for none, and the FactorVAE score's over votes alone.
        least: see `factor_vae`.

    Raises:
        DataError: as `checked`.
    """
    forest = dci(codes, factors, seed=seed)
    found = {
        "mig": mig(codes, factors),
        "dci_disentanglement": MetricValue(forest.disentanglement, forest.of_latents),
        "dci_completeness": MetricValue(forest.completeness, forest.of_factors),
        "dci_informativeness": MetricValue(forest.informativeness, forest.right),
        "sap": sap(codes, factors, seed=seed, categorical=categorical),
        "factor_vae": factor_vae(codes, factors, seed=seed, least=least),
        "modularity": modularity(codes, factors),
        "irs": irs(codes, factors),
    }
    seeds = itertools.count(seed + 1)
    resampled: dict[str, Scorer] = {
        "mig": mig,
        # A new seed each time: both kinds of votes, those learnt from and those scored, are drawn anew.
        "factor_vae": lambda z, f: factor_vae(z, f, seed=next(seeds), least=least),
    }
    if not np.any(categorical):
        resampled["sap"] = partial(sap, seed=seed)
    for name, score in resampled.items() if draws > 1 else ():
        times = min(draws, VOTED) if name == "factor_vae" else draws
        error, each = standard_error(score, codes, factors, draws=times, seed=seed)
        found[name] = replace(
            found[name], standard_error=max(error, found[name].standard_error or 0.0), each_error=each
        )
    return found
