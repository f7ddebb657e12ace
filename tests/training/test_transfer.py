"""What a model takes from another by shape and by meaning, and that what is held fixed stays to the bit."""

import dataclasses
import re

import equinox as eqx
import jax
import jax.random as jr
import numpy as np
import pytest
from made import blobs, untrained

import latente
from latente.data.source import DataColumn, make_source
from latente.data.split import split_source
from latente.errors import SpecError, StoreError
from latente.evaluation.run import IN_MEMORY, train_run, with_parent
from latente.objective.objectives import objectives
from latente.objective.presets import AE, VAE, preset
from latente.spec import StartSpec, TrainSpec
from latente.training import store
from latente.training.transfer import transferred

SMALL = VAE(2, hidden=(8,))
TRAIN = {"epochs": 3, "batch_size": 50}


def weights(run):
    return store.flatten(run.model, "")


def images(names, seed=0):
    x, y = blobs(120, classes=len(names), seed=seed)
    return split_source(dataclasses.replace(make_source("images", x, y), classes=tuple(names)))


def table(names):
    """Rows of columns by name, the same numbers whatever the order."""
    rng = np.random.default_rng(0)
    numbers = {name: rng.normal(size=200).astype(np.float32) for name in "abcn"}
    source = make_source("table", np.stack([numbers[name[0]] for name in names], axis=1))
    return split_source(dataclasses.replace(source, features=tuple(map(DataColumn, names))), scale="none")


def begun(parent, model, data, *, seed=1, **start):
    """A run as it is before its first step, with its parent's weights."""
    spec = dataclasses.replace(untrained(data, model, seed=seed).spec, start=StartSpec(IN_MEMORY, **start))
    spec = with_parent(spec, data, parent)
    still = dataclasses.replace(spec, train=TrainSpec(epochs=1, batch_size=50))
    object.__setattr__(still.train, "learning_rate", 0.0)
    return train_run(still, data, parent=parent)


@pytest.fixture(scope="module")
def parent(tiny):
    return latente.fit(SMALL, tiny, seed=4, progress=False, **TRAIN)


def test_at_learning_rate_zero_the_parents_numbers_come_back(parent, tiny):
    child = begun(parent, SMALL, tiny)
    ours, theirs = weights(child), weights(parent)
    assert ours.keys() == theirs.keys() and all(np.array_equal(ours[k], theirs[k]) for k in ours)
    assert child.evaluate("validation") == parent.evaluate("validation")
    assert child.spec.start == StartSpec(IN_MEMORY, fingerprint=parent.fingerprint, name="run, seed 4")


def test_what_is_held_fixed_stays_to_the_bit_and_a_broken_off_training_goes_on_to_the_same_bits(parent, tiny, tmp_path):
    asked = {"start": parent, "freeze": ["encoder", "decoder.layers.0.bias"], "progress": False, "patience": 5, **TRAIN}
    whole = latente.fit(SMALL, tiny, **asked)
    ours, theirs = weights(whole), weights(parent)
    same = {name for name in ours if np.array_equal(ours[name], theirs[name])}
    assert same == {name for name in ours if name.startswith("encoder.")} | {"decoder.layers.0.bias"}

    class Stop(Exception):
        pass

    def stop(epoch):
        if epoch.number == 2:
            raise Stop

    place = tmp_path / "checkpoint.safetensors"
    with pytest.raises(Stop):
        latente.fit(SMALL, tiny, checkpoint=place, on_epoch=stop, **asked)
    seen = []
    resumed = latente.fit(SMALL, tiny, checkpoint=place, on_epoch=lambda e: seen.append(e.number), **asked)
    assert seen == [3]
    assert all(np.array_equal(ours[name], found) for name, found in weights(resumed).items())
    # The optimizer begins anew: the same as a model that had the parent's weights and was never trained.
    assert resumed.history["loss"].tolist() == whole.history["loss"].tolist()


def test_a_saved_run_says_its_parent_and_needs_it_no_more(parent, tiny, tmp_path):
    folder = parent.save(tmp_path / "parent")
    child = latente.fit(SMALL, tiny, epochs=1, batch_size=50, start=folder, freeze="decoder", progress=False)
    child.save(tmp_path / "child")
    # Of a run that began with new weights nothing is said, as before.
    assert '"start"' not in (folder / "spec.json").read_text()
    for file in folder.iterdir():
        file.unlink()
    read = latente.load(tmp_path / "child", data=tiny)
    said = StartSpec(str(folder), ("decoder",), False, parent.fingerprint, "run, seed 4")
    assert read.spec.start == said == child.spec.start
    assert f"from run, seed 4, fingerprint {parent.fingerprint[:12]}, decoder held fixed" in repr(read)
    with pytest.raises(StoreError, match="not a run folder"):
        latente.fit(SMALL, tiny, epochs=1, start=folder)


def test_columns_are_found_by_their_names_in_whatever_order():
    model = VAE(2, hidden=(8,), likelihood="gaussian")
    old = untrained(table(["a", "b", "c"]), model)
    moved = begun(old, model, table(["c", "a", "b"]))
    assert moved.spec.start.anew == ()
    # The same function of the same table.
    rows = np.random.default_rng(1).normal(size=(7, 3)).astype(np.float32)
    np.testing.assert_allclose(moved.encode(rows[:, [2, 0, 1]]), old.encode(rows), rtol=1e-5, atol=1e-6)
    means = moved.reconstruct(rows[:, [2, 0, 1]])
    np.testing.assert_allclose(means, old.reconstruct(rows)[:, [2, 0, 1]], rtol=1e-5, atol=1e-6)


def test_of_new_columns_and_classes_only_their_own_rows_are_made_anew():
    model = VAE(2, hidden=(8,), likelihood="gaussian")
    old = untrained(table(["a", "b", "c"]), model)
    wider = begun(old, model, table(["b", "new", "a"]))
    assert wider.spec.start.anew == (
        "encoder.layers.0.weight (2 of 3 kept)",
        "decoder.layers.1.weight (2 of 3 kept)",
        "decoder.layers.1.bias (2 of 3 kept)",
    )
    ours, theirs = weights(wider), weights(old)
    np.testing.assert_array_equal(ours["encoder.layers.0.weight"][[2, 0]], theirs["encoder.layers.0.weight"][[0, 1]])
    np.testing.assert_array_equal(
        ours["decoder.layers.1.weight"][:, [2, 0]], theirs["decoder.layers.1.weight"][:, [0, 1]]
    )
    conditional = preset("CVAE", 2, hidden=(8,))
    known = untrained(images(["x", "y", "z"]), conditional)
    other = begun(known, conditional, images(["z", "w"]))
    assert other.spec.start.anew == ("encoder.layers.0.weight (31 of 32 kept)", "decoder.layers.0.weight (3 of 4 kept)")
    ours, theirs = weights(other), weights(known)
    rows = [*range(30), 30]
    np.testing.assert_array_equal(
        ours["encoder.layers.0.weight"][rows], theirs["encoder.layers.0.weight"][[*range(30), 32]]
    )
    np.testing.assert_array_equal(
        ours["decoder.layers.0.weight"][[0, 1, 2]], theirs["decoder.layers.0.weight"][[0, 1, 4]]
    )


def shapes_of(run, model, data):
    """What would be made anew, known from shapes alone."""
    spec = dataclasses.replace(untrained(data, model).spec, start=StartSpec(IN_MEMORY))
    return with_parent(spec, data, run).start.anew


@pytest.mark.parametrize(
    ("before", "after", "anew"),
    [
        # Four numbers at the head either way: two means and two spreads, or four codes.
        (VAE(2, hidden=(8,)), AE(4, hidden=(8,)), ("encoder.layers.1.weight", "encoder.layers.1.bias",
                                                   "decoder.layers.0.weight")),
        (VAE(2, hidden=(8,)), VAE(2, hidden=(8,), posterior="dirac", prior="none", objective="reconstruction"),
         ("encoder.layers.1.weight", "encoder.layers.1.bias")),
        (VAE(2, hidden=(8,)), VAE(2, hidden=(8,), likelihood="gaussian"),
         ("decoder.layers.1.weight", "decoder.layers.1.bias")),
        (preset("VampVAE", 2, hidden=(8,), pseudo_inputs=5), VAE(2, hidden=(8,)), ()),
        (VAE(2, hidden=(8,)), preset("VampVAE", 2, hidden=(8,), pseudo_inputs=5), ("prior.inputs",)),
    ],
)  # fmt: skip
def test_other_parts_make_anew_what_they_give_a_meaning(tiny, before, after, anew):
    found = shapes_of(untrained(tiny, before), after, tiny)
    assert tuple(name for name in found if not name.startswith("prior.weights")) == anew


def test_convolutions_take_other_sizes_of_images_and_other_classes(tiny):
    conv = VAE(2, network="conv", hidden=(4, 8))
    small = untrained(tiny, conv)
    large = split_source(make_source("large", *blobs(80, (12, 10))))
    assert shapes_of(small, conv, large) == ("encoder.last.weight", "decoder.first.weight", "decoder.first.bias")


def test_what_is_measured_from_the_data_is_measured_from_the_new_data(caplog):
    mixed = VAE(2, hidden=(8,), likelihood={"name": "mixed", "columns": ["real", "real"]})
    near, far = table(["a", "b"]), table(["a", "b"])
    far = dataclasses.replace(far, train=dataclasses.replace(far.train, x=10 + 5 * far.train.x))
    old = latente.fit(mixed, near, epochs=1, progress=False)
    caplog.clear()
    moved = begun(old, mixed, far)
    assert moved.spec.start.anew == ()
    np.testing.assert_allclose(moved.model.likelihood.center, far.train.x.mean(axis=0), rtol=1e-4)
    np.testing.assert_array_equal(moved.model.encoder.layers[0].weight, old.model.encoder.layers[0].weight)
    assert "scaled by its own training part, otherwise than for run, seed 0" in caplog.text


def test_an_opponent_comes_along_where_it_sees_the_same(tiny):
    def with_opponent(model, seed):
        run = untrained(tiny, model, seed=seed)
        return dataclasses.replace(run, opponent=objectives.make("factor-vae").opponent(run.model, key=jr.key(seed)))

    def arrays(opponent):
        return jax.tree.leaves(eqx.filter(opponent, eqx.is_array))

    old, new, wide = (with_opponent(preset("FactorVAE", n, hidden=(8,)), s) for n, s in ((2, 0), (2, 1), (3, 2)))
    start = StartSpec(IN_MEMORY)
    of = [dataclasses.replace(run.spec, start=start) for run in (new, wide)]
    found = transferred(of[0], new.model, new.opponent, tiny.card(), old._as_parent())
    assert found.anew == () and found.kept[-1] == "opponent"
    assert all(np.array_equal(a, b) for a, b in zip(arrays(found.opponent), arrays(old.opponent), strict=True))
    found = transferred(of[1], wide.model, wide.opponent, tiny.card(), old._as_parent())
    assert found.anew[-1] == "opponent" and found.opponent is wide.opponent


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ({"freeze": "encodr"}, 'freeze: unknown part "encodr"; did you mean "encoder"? Allowed: encoder, decoder.'),
        ({"freeze": ["encoder", "decoder"]},
         "freeze: got encoder, decoder; allowed: less than all, so that something is learnt"),
        ({"fingerprint": "0" * 64}, "start: the weights of run, seed 4 are not those that were asked for"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_one_line(parent, tiny, start, message):
    with pytest.raises(SpecError, match=re.escape(message)):
        begun(parent, SMALL, tiny, **start)


def test_what_does_not_fit_is_refused_where_it_must(parent, tiny):
    said = "start: require_all = true, and of run, seed 4 these do not fit by shape or meaning: encoder.layers.1.weight"
    with pytest.raises(SpecError, match=re.escape(said)):
        begun(parent, VAE(3, hidden=(8,)), tiny, require_all=True)
    said = "freeze: encoder.layers.1.weight, encoder.layers.1.bias would be held fixed at random"
    with pytest.raises(SpecError, match=said):
        begun(parent, VAE(3, hidden=(8,)), tiny, freeze="encoder")
    with pytest.raises(
        SpecError, match=r"nothing of run, seed 4 fits this model; .* \(hidden = \[8\], latent_dim = 2\)"
    ):
        begun(parent, VAE(2, hidden=(8,), activation="tanh"), tiny)
    with pytest.raises(SpecError, match="freeze: got no start"):
        latente.fit(SMALL, tiny, freeze="encoder")
