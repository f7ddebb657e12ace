"""Arrays on disk come back as they were, and writes are all or nothing."""

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from latente.errors import StoreError
from latente.model.build import build
from latente.objective.presets import VAE
from latente.training import store


def test_arrays_that_are_not_contiguous_come_back_right(tmp_path):
    a = np.arange(24, dtype=np.float32).reshape(4, 6)
    arrays = {"plain": a, "transposed": a.T, "every other": a[::2, 1::3], "fortran": np.asfortranarray(a)}
    store.save_arrays(tmp_path / "a.safetensors", arrays, {"x": 1})
    found, about = store.load_arrays(tmp_path / "a.safetensors")
    assert about == {"x": 1}
    for name, value in arrays.items():
        assert np.array_equal(found[name], value) and found[name].dtype == value.dtype


@pytest.mark.slow
def test_a_model_comes_back_and_another_is_refused(tmp_path):
    model = build(VAE(2, hidden=(5,)), (3, 3), key=jr.key(0))
    arrays = store.flatten(model, "m.")
    assert "m.encoder.layers.0.weight" in arrays
    blank = build(VAE(2, hidden=(5,)), (3, 3), key=jr.key(1))
    assert bool(eqx.tree_equal(store.unflatten(blank, arrays, "m.", "here"), model))
    with pytest.raises(StoreError, match=r'"m.encoder.layers.0.weight" is float32\[9, 5\], but .* float32\[9, 6\]'):
        store.unflatten(build(VAE(2, hidden=(6,)), (3, 3), key=jr.key(1)), arrays, "m.", "here")
    del arrays["m.decoder.layers.1.bias"]
    with pytest.raises(StoreError, match=r'has no array "m.decoder.layers.1.bias"'):
        store.unflatten(blank, arrays, "m.", "here")


def test_a_foreign_safetensors_file_is_refused(tmp_path):
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(2)}, tmp_path / "f.safetensors")
    with pytest.raises(StoreError, match="not one that latente wrote"):
        store.load_arrays(tmp_path / "f.safetensors")
    with pytest.raises(StoreError, match="no such file"):
        store.load_arrays(tmp_path / "none.safetensors")


def test_differences_say_where():
    assert store.differences({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}, "d": 4}) == [
        "a.c is 3 there and 2 here",
        "d is 4 there and None here",
    ]
    # Runs of a study are a list: only what differs in them is said.
    assert store.differences({"runs": [{"n": 1, "m": 2}, {"n": 3}]}, {"runs": [{"n": 1, "m": 5}, {"n": 3}]}) == [
        "runs[0].m is 5 there and 2 here"
    ]
    # What is written by a version that did not know an option has its default, an empty list or "auto".
    assert store.differences({"layout": "auto"}, {}) == [] != store.differences({"layout": "channels-last"}, {})
    assert store.differences({"without": []}, {}) == [] != store.differences({"without": ["3"]}, {})


def test_dtypes_survive(tmp_path):
    arrays = {k: np.asarray(jnp.arange(3).astype(k)) for k in ("uint8", "int32", "float32", "bool")}
    store.save_arrays(tmp_path / "d.safetensors", arrays, {})
    found, _ = store.load_arrays(tmp_path / "d.safetensors")
    assert {k: str(v.dtype) for k, v in found.items()} == {k: k for k in arrays}
