"""Probes, clusters and neighbourhoods against scikit-learn and codes whose scores are known."""

import numpy as np
import pytest
from clusters import clusters
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import trustworthiness
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from latente.errors import DataError, SpecError
from latente.evaluation.metrics import embedding, representation
from latente.evaluation.metrics.representation import cluster_agreement, few_label_probe, knn_probe, linear_probe

RNG, codes = clusters()
TRAIN, TRAIN_Y = codes(300, 2.0)
TEST, TEST_Y = codes(200, 2.0)


def test_probes_agree_with_scikit_learn():
    scaler = StandardScaler().fit(TRAIN)
    theirs = LogisticRegression(max_iter=1000).fit(scaler.transform(TRAIN), TRAIN_Y).predict(scaler.transform(TEST))
    found = linear_probe(TRAIN, TRAIN_Y, TEST, TEST_Y)
    assert (found.predicted == theirs).all() and 0.3 < found.accuracy.value < 1
    assert found.accuracy.value == pytest.approx((theirs == TEST_Y).mean(), abs=1e-12)
    for k in (1, 4, 10):  # an even k has ties
        theirs = KNeighborsClassifier(k).fit(TRAIN, TRAIN_Y).predict(TEST)
        assert (knn_probe(TRAIN, TRAIN_Y, TEST, TEST_Y, k).predicted == theirs).all()


def test_probes_of_codes_that_say_all_and_nothing():
    perfect = np.eye(4)
    for probe in (linear_probe, knn_probe):
        assert probe(perfect[TRAIN_Y], TRAIN_Y, perfect[TEST_Y], TEST_Y).accuracy.value == 1
        random = probe(RNG.normal(size=(300, 6)), TRAIN_Y, RNG.normal(size=(200, 6)), TEST_Y).accuracy
        assert random.low < 0.25 + 0.05 and random.value < 0.4
    dead = np.zeros((300, 3))
    share = (np.bincount(TRAIN_Y).argmax() == TEST_Y).mean()
    assert linear_probe(dead, TRAIN_Y, dead[:200], TEST_Y).accuracy.value == pytest.approx(share)


def test_a_linear_probe_does_not_see_rotation_or_scale_and_knows_no_circles():
    turn = np.linalg.qr(RNG.normal(size=(6, 6)))[0]
    plain = linear_probe(TRAIN, TRAIN_Y, TEST, TEST_Y, c=1e4).accuracy.value
    turned = linear_probe(TRAIN @ turn * 7 + 3, TRAIN_Y, TEST @ turn * 7 + 3, TEST_Y, c=1e4).accuracy.value
    assert turned == pytest.approx(plain, abs=0.03)
    angle, radius = RNG.uniform(0, 2 * np.pi, 600), np.repeat([1.0, 3.0], 300)
    rings, y = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1), np.repeat([0, 1], 300)
    order = RNG.permutation(600)
    rings, y = rings[order], y[order]
    assert linear_probe(rings[:400], y[:400], rings[400:], y[400:]).accuracy.value < 0.65
    assert knn_probe(rings[:400], y[:400], rings[400:], y[400:]).accuracy.value == 1


@pytest.mark.slow
def test_few_labels_say_more_the_more_they_are():
    found = few_label_probe(TRAIN, TRAIN_Y, TEST, TEST_Y, per_class=(1, 5, 40, 10_000), draws=8)
    assert list(found) == [1, 5, 40]  # no class has ten thousand
    assert found[1].value < found[5].value < found[40].value
    full = linear_probe(TRAIN, TRAIN_Y, TEST, TEST_Y).accuracy.value
    assert found[40].value == pytest.approx(full, abs=0.08)
    assert found == few_label_probe(TRAIN, TRAIN_Y, TEST, TEST_Y, per_class=(1, 5, 40), draws=8)
    assert found[1] != few_label_probe(TRAIN, TRAIN_Y, TEST, TEST_Y, per_class=(1,), draws=8, seed=1)[1]
    # Both which labels are drawn and the 200 examples that are judged.
    value, examples = found[5].value, np.sqrt(found[5].value * (1 - found[5].value) / 200) * 1.96
    many = few_label_probe(TRAIN, TRAIN_Y, np.repeat(TEST, 50, 0), np.repeat(TEST_Y, 50), per_class=(5,), draws=8)[5]
    assert many.value == pytest.approx(value)
    assert value - found[5].low == pytest.approx(np.hypot(value - many.low, examples), rel=0.1)


def test_cluster_scores_agree_with_scikit_learn():
    for _ in range(5):
        a, b = RNG.integers(0, 4, 80), RNG.integers(0, 3, 80)
        b[a == 1] = 2
        table = np.zeros((4, 3))
        np.add.at(table, (a, b), 1)
        assert representation.adjusted_rand(table) == pytest.approx(adjusted_rand_score(a, b), abs=1e-12)
        theirs = normalized_mutual_info_score(a, b)
        assert representation.normalised_information(table) == pytest.approx(theirs, abs=1e-12)
    found = cluster_agreement(TRAIN, TRAIN_Y, refits=0)
    assert found.ari.value == pytest.approx(adjusted_rand_score(TRAIN_Y, found.assigned), abs=1e-6)
    assert found.nmi.value == pytest.approx(normalized_mutual_info_score(TRAIN_Y, found.assigned), abs=1e-6)
    left = []
    for i in range(300):
        rest = np.arange(300) != i
        left.append(adjusted_rand_score(TRAIN_Y[rest], found.assigned[rest]))
    error = np.sqrt(299 / 300 * ((np.array(left) - np.mean(left)) ** 2).sum())
    assert (found.ari.high - found.ari.low) / 2 == pytest.approx(1.959964 * error, rel=1e-6)


@pytest.mark.slow
def test_the_error_of_clusters_holds_the_luck_of_k_means():
    # Ten clusters of codes of which nothing says where they are: every start ends elsewhere.
    rng = np.random.default_rng(1)
    z, y = rng.normal(size=(600, 2)), np.zeros(600, int)
    y = (np.arctan2(z[:, 1], z[:, 0]) * 5 / np.pi).astype(int) + 5
    found = [cluster_agreement(z, y, restarts=1, seed=s) for s in range(20)]
    for name in ("ari", "nmi"):
        luck = np.std([getattr(f, name).value for f in found], ddof=1)
        error = np.median([getattr(f, name).high - getattr(f, name).value for f in found]) / 1.96
        given = getattr(cluster_agreement(z, y, restarts=1, refits=0), name)
        assert error > luck > 0.3 * (given.high - given.value) / 1.96 and error < 4 * luck
        # Fresh codes, and a fresh start: what the interval speaks of.
        others = []
        for s in range(20):
            fresh = np.random.default_rng(100 + s).normal(size=(600, 2))
            of = (np.arctan2(fresh[:, 1], fresh[:, 0]) * 5 / np.pi).astype(int) + 5
            others.append(getattr(cluster_agreement(fresh, of, restarts=1, refits=0, seed=s), name).value)
        assert 0.7 < error / np.std(others, ddof=1) < 2.5


def test_clusters_of_known_codes():
    y = np.arange(200) % 4
    perfect = cluster_agreement(10 * np.eye(4)[y] + 0.1 * RNG.normal(size=(200, 4)), y)
    assert perfect.ari.value == pytest.approx(1) and perfect.nmi.value == pytest.approx(1)
    permuted = cluster_agreement(10 * np.eye(4)[RNG.permutation(y)] + 0.1 * RNG.normal(size=(200, 4)), y)
    assert abs(permuted.ari.value) < 0.05 and permuted.nmi.value < 0.1
    collapsed = cluster_agreement(np.zeros((200, 2)), y)
    assert collapsed.ari.value == 0 and collapsed.nmi.value == 0


@pytest.mark.parametrize(("n", "k"), [(150, 5), (60, 20), (40, 19)])
def test_trustworthiness_agrees_with_scikit_learn(n, k):
    x = RNG.normal(size=(n, 8))
    z = x[:, :2] + 0.3 * RNG.normal(size=(n, 2))
    if k < n / 2:
        found = embedding.trustworthiness(x, z, k, memory=2**20)
        assert found.value == pytest.approx(trustworthiness(x, z, n_neighbors=k), abs=1e-6)


def test_neighbourhoods_of_known_codes():
    x = RNG.normal(size=(300, 5))
    turn = np.linalg.qr(RNG.normal(size=(5, 5)))[0]
    assert embedding.trustworthiness(x, 3 * x @ turn).value == 1
    assert embedding.neighbourhood_overlap(x, 3 * x @ turn).value == 1
    shuffled = x[RNG.permutation(300)]
    assert embedding.trustworthiness(x, shuffled).value == pytest.approx(0.5, abs=0.05)
    chance = embedding.neighbourhood_overlap(x, shuffled)
    assert chance.low < 10 / 299 < chance.high
    z = x[:, :3]
    near = [np.argsort(((v[:, None] - v[None]) ** 2).sum(axis=2), axis=1)[:, 1:11] for v in (x, z)]
    expected = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(*near, strict=True)])
    assert embedding.neighbourhood_overlap(x, z).value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: linear_probe(TRAIN, TRAIN_Y, TEST[:, :2], TEST_Y),
            DataError,
            "codes: has 2 values an example, but train",
        ),
        (
            lambda: linear_probe(TRAIN, TRAIN_Y[:9], TEST, TEST_Y),
            DataError,
            "train_y: has 9 examples, but train has 300",
        ),
        (
            lambda: linear_probe(TRAIN, 0 * TRAIN_Y, TEST, TEST_Y),
            DataError,
            "all 300 labels are 0; allowed: two classes",
        ),
        (
            lambda: knn_probe(TRAIN, TRAIN_Y, TEST, TEST_Y, 301),
            SpecError,
            "k: got 301; allowed: a whole number from 1 to",
        ),
        (lambda: few_label_probe(TRAIN, TRAIN_Y, TEST, TEST_Y, per_class=(999,)), DataError, "the smallest class has"),
        (lambda: cluster_agreement(TRAIN, TRAIN_Y, 301), SpecError, "clusters: got 301"),
        (lambda: cluster_agreement(TRAIN, TRAIN_Y, refits=1), SpecError, "refits: got 1"),
        (lambda: cluster_agreement(TRAIN, TRAIN_Y - 1), DataError, "y: got labels from -1 to 2; allowed: 0 up"),
        (lambda: embedding.trustworthiness(TRAIN, TEST), DataError, "codes: has 200 examples, but x has 300"),
        (
            lambda: embedding.trustworthiness(TRAIN, TRAIN, 150),
            SpecError,
            "k: got 150; allowed: a whole number from 1 to",
        ),
        (
            lambda: embedding.baseline("pca", TRAIN, TEST, 7),
            SpecError,
            "size: got 7; allowed: a whole number from 1 to 6",
        ),
        (lambda: embedding.baseline("tsne", TRAIN, TEST, 4), SpecError, "size: got 4"),
        (lambda: embedding.baseline("pcaa", TRAIN, TEST, 2), SpecError, 'did you mean "pca"'),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()
