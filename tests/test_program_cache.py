"""Compiled programs on disk: what was cut or changed is compiled again and replaced, without a word."""

import warnings

import jax
import jax.numpy as jnp
import pytest
from jax._src import compilation_cache

from latente import program_cache
from latente.compiling import jit
from latente.program_cache import SUM, ProgramCache

DAMAGES = {
    "cut": lambda raw: raw[: len(raw) // 2],
    "empty": lambda raw: b"",
    "one bit": lambda raw: raw[: len(raw) // 2] + bytes([raw[len(raw) // 2] ^ 16]) + raw[len(raw) // 2 + 1 :],
    "without its checksum": lambda raw: raw[:-SUM],
    "longer": lambda raw: raw + b"\0",
}


def test_an_entry_comes_back_as_it_was_or_not_at_all(tmp_path):
    cache = ProgramCache(tmp_path / "new" / "folder")
    assert cache.get("a") is None
    for value in (b"program", b"", b"another"):
        cache.put("a", value)
        assert cache.get("a") == value
    path = tmp_path / "new" / "folder" / "a-cache"
    whole = path.read_bytes()
    for damage in DAMAGES.values():
        path.write_bytes(damage(whole))
        assert cache.get("a") is None
        cache.put("a", b"whole")
        assert cache.get("a") == b"whole"
    # The entry of another key, under this name.
    (tmp_path / "new" / "folder" / "b-cache").write_bytes(path.read_bytes())
    assert cache.get("b") is None
    assert sorted(p.name for p in path.parent.iterdir()) == ["a-cache", "b-cache"]


def test_a_place_that_cannot_be_written_costs_time_only(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    for cache in (ProgramCache(tmp_path / "file"), ProgramCache(tmp_path / "file" / "below")):
        cache.put("a", b"program")
        assert cache.get("a") is None
    (tmp_path / "a-cache").mkdir()
    cache = ProgramCache(tmp_path)
    cache.put("a", b"program")
    assert cache.get("a") is None and [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A folder in which JAX keeps programs, and how often it compiles."""
    monkeypatch.setattr(compilation_cache, "get_file_cache", compilation_cache.get_file_cache)
    before = {n: getattr(jax.config, n) for n in ("jax_compilation_cache_dir", "jax_enable_compilation_cache")}
    smallest = jax.config.jax_persistent_cache_min_compile_time_secs
    with warnings.catch_warnings():
        program_cache.install()
        jax.config.update("jax_compilation_cache_dir", str(tmp_path))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        compilation_cache.reset_cache()
        yield tmp_path
    for name, value in before.items():
        jax.config.update(name, value)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", smallest)
    compilation_cache.reset_cache()


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_jax_compiles_again_what_was_damaged_and_keeps_it(kept, damage, monkeypatch):
    written = []
    put = ProgramCache.put
    monkeypatch.setattr(ProgramCache, "put", lambda self, key, value: (written.append(key), put(self, key, value)))

    def computed():
        jax.clear_caches()
        with warnings.catch_warnings(record=True) as caught:
            value = float(jit(lambda x: jnp.sum(jnp.sin(x) ** 2))(jnp.arange(5.0)))
        assert [str(w.message) for w in caught] == [] and value == pytest.approx(2.1275601)
        return len(written)

    first = computed()
    assert first >= 1 and computed() == first
    entries = list(kept.glob("*-cache"))
    assert len(entries) == first
    for path in entries:
        path.write_bytes(damage(path.read_bytes()))
    assert computed() == 2 * first
    assert computed() == 2 * first
