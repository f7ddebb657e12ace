"""How far codes keep the neighbourhoods of the examples, and baselines of the same size to compare with."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latente.errors import DataError, SpecError, unknown
from latente.evaluation.metrics.checks import rows, whole
from latente.evaluation.metrics.intervals import LEVEL, Estimate, bounded, check_level, mean_interval
from latente.evaluation.metrics.neighbours import MEMORY, blocks, nearest, squared_distances

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]


@dataclass(frozen=True)
class Baseline:
    """Codes of another method of the same size.

    Attributes:
        train, test: codes, shapes (n, size) and (m, size).
        reconstructions: of the test examples from their codes, flattened, shape (m, values); None where the method
            has no way back.
        transductive: whether the method had to see the test examples (never their labels) to give them codes.
    """

    train: Floats
    test: Floats
    reconstructions: Floats | None
    transductive: bool


def trustworthiness(
    x: ArrayLike, codes: ArrayLike, k: int = 10, *, level: float = LEVEL, memory: int = MEMORY
) -> Estimate:
    """Whether neighbours among codes are neighbours among examples, 0..1 (Venna & Kaski 2001).

    1 where all k nearest codes belong to the k nearest examples; the more a false neighbour is far away among the
    examples, the less. With the arguments exchanged it is the continuity. The interval is over examples.

    Args:
        x: examples, shape (n, ...).
        codes: shape (n, d).
        k: neighbours, below n / 2.
        level: of the interval.
        memory: bytes that a block of distances may take.

    Raises:
        DataError: empty, different numbers of examples, or not finite.
        SpecError: k too large, or a level out of range.
    """
    check_level(level)
    a, z = _same(x, codes, k)
    near = nearest(z, z, k, same=True, memory=memory).index
    a = a - a.mean(axis=0)
    squared = (a**2).sum(axis=1)
    lost = np.empty(len(a))
    for part in blocks(len(a), 2 * len(a), memory):
        apart = squared_distances(a[part], a, squared)
        here = np.arange(len(apart))
        apart[here, np.arange(part.start, part.stop)] = np.inf
        ranks = [np.count_nonzero(apart < apart[here, j][:, None], axis=1) + 1 for j in near[part].T]
        lost[part] = np.maximum(np.stack(ranks) - k, 0).sum(axis=0)
    return bounded(mean_interval(1 - 2 * lost / (k * (2 * len(a) - 3 * k - 1)), level=level), 0, 1)


def neighbourhood_overlap(
    x: ArrayLike, codes: ArrayLike, k: int = 10, *, level: float = LEVEL, memory: int = MEMORY
) -> Estimate:
    """Mean share of the k nearest examples that are among the k nearest codes, 0..1; k/(n − 1) by chance.

    The arguments and errors are those of `trustworthiness`.
    """
    check_level(level)
    a, z = _same(x, codes, k)
    first, second = (nearest(v, v, k, same=True, memory=memory).index for v in (a, z))
    shared = (first[:, :, None] == second[:, None, :]).sum(axis=(1, 2)) / k
    return bounded(mean_interval(shared, level=level), 0, 1)


def principal_axes(codes: NDArray[np.floating]) -> tuple[Singles, Singles, Singles]:
    """The codes' centre (d,), principal axes (d, d) as rows by falling variance, and their shares of it (d,).

    An axis points to where its largest entry is positive, so that equal codes give equal maps.
    """
    centred = codes.astype(np.float64)
    centre = centred.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(centred - centre, rowvar=False).reshape(codes.shape[1], -1))
    axes = vectors[:, ::-1].T
    axes *= np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]
    variance = np.maximum(values[::-1], 0)
    share = variance / variance.sum() if variance.sum() > 0 else np.ones_like(variance) / len(variance)
    return centre.astype(np.float32), axes.astype(np.float32), share.astype(np.float32)


def baselines() -> tuple[str, ...]:
    """Names that `baseline` takes here: "pca", "tsne", and "umap" where umap-learn is installed."""
    return tuple(name for name in _BASELINES if name != "umap" or importlib.util.find_spec("umap") is not None)


def baseline(name: str, train: ArrayLike, test: ArrayLike, size: int, *, seed: int = 0) -> Baseline:
    """Codes of the same size from another method.

    "pca" and "umap" are fitted to the training part. "tsne" has no way to new examples: both parts are embedded
    together, without labels, which is said in the result.

    Args:
        name: one of `baselines`.
        train, test: examples, shapes (n, ...) and (m, ...).
        size: how many numbers a code has; at most 3 for t-SNE.
        seed: of the method.

    Raises:
        SpecError: a name that is not known or not installed, or a size that the method cannot give.
        DataError: empty, of different widths, or not finite.
    """
    if name not in baselines():
        hint = " umap needs the package umap-learn." if name == "umap" else ""
        raise SpecError(unknown("baseline", name, baselines()) + hint)
    a = rows("train", train, least=2, kind=np.float32)
    b = rows("test", test, width=("train", a.shape[1]), kind=np.float32)
    return _BASELINES[name](a, b, size, seed)


def _pca(train: NDArray[Any], test: NDArray[Any], size: int, seed: int) -> Baseline:
    from sklearn.decomposition import PCA

    most = min(train.shape)
    whole("size", size, 1, most, f"for {len(train)} examples of {train.shape[1]} values have no more components")
    fitted = PCA(size, random_state=seed).fit(train)
    codes = fitted.transform(test)
    return Baseline(_double(fitted.transform(train)), _double(codes), _double(fitted.inverse_transform(codes)), False)


def _tsne(train: NDArray[Any], test: NDArray[Any], size: int, seed: int) -> Baseline:
    from sklearn.manifold import TSNE

    whole("size", size, 1, 3, "for t-SNE is for maps")
    both = np.concatenate([train, test])
    perplexity = min(30.0, (len(both) - 1) / 3)
    codes = TSNE(size, perplexity=perplexity, random_state=seed).fit_transform(both)
    return Baseline(_double(codes[: len(train)]), _double(codes[len(train) :]), None, True)


def _umap(train: NDArray[Any], test: NDArray[Any], size: int, seed: int) -> Baseline:
    umap: Any = importlib.import_module("umap")
    whole("size", size, 1, len(train) - 2, f"for there are {len(train)} training examples")
    fitted = umap.UMAP(n_components=size, random_state=seed, n_jobs=1).fit(train)
    return Baseline(_double(fitted.embedding_), _double(fitted.transform(test)), None, False)


_BASELINES: dict[str, Callable[[NDArray[Any], NDArray[Any], int, int], Baseline]] = {
    "pca": _pca,
    "tsne": _tsne,
    "umap": _umap,
}


def _double(x: NDArray[Any]) -> Floats:
    return np.asarray(x, np.float64)


def _same(x: ArrayLike, codes: ArrayLike, k: int) -> tuple[Floats, Floats]:
    a, z = rows("x", x, least=4), rows("codes", codes)
    if len(a) != len(z):
        raise DataError(f"codes: has {len(z)} examples, but x has {len(a)}; give the codes of x")
    whole("k", k, 1, (len(a) - 1) // 2, f"for there are {len(a)} examples")
    return a, z
