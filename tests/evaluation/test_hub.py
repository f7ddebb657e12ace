"""Runs of the hub, from a folder that stands for it: what is fetched, what is refused, and the cache offline."""

import shutil
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from made import untrained

import latente
from latente.cli.main import main
from latente.errors import SpecError, StoreError
from latente.evaluation.hub import check_files, check_license, is_hub, repository
from latente.objective.presets import VAE


class Hub:
    """Repositories in a folder, and the cache in another, as huggingface_hub has them."""

    def __init__(self, there, cache):
        self.there, self.cache, self.down = there, cache, False
        self.HfApi = lambda: self

    def model_info(self, repo, files_metadata):
        if self.down:
            raise OSError("no network")
        if not (self.there / repo).is_dir():
            raise ValueError("404 Repository Not Found")
        files = [p for p in (self.there / repo).rglob("*") if p.is_file()]
        names = [(str(p.relative_to(self.there / repo)), p.stat().st_size) for p in files]
        return SimpleNamespace(sha="1", siblings=[SimpleNamespace(rfilename=n, size=s) for n, s in names])

    def snapshot_download(self, repo, revision=None, allow_patterns=(), local_files_only=False):
        if local_files_only:
            if not (self.cache / repo).is_dir():
                raise OSError("not in the cache")
            return str(self.cache / repo)
        for name in allow_patterns:
            (self.cache / repo / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.there / repo / name, self.cache / repo / name)
        return str(self.cache / repo)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    found = Hub(tmp_path / "there", tmp_path / "cache")
    monkeypatch.setitem(sys.modules, "huggingface_hub", found)
    return found


@pytest.fixture
def published(hub, tiny):
    run = untrained(tiny, VAE(2, hidden=(8,)))
    run.save(hub.there / "user" / "name")
    return run


def test_a_run_is_read_and_nothing_but_a_run(hub, published, tiny, tmp_path):
    for hostile in ("evil.py", "pytorch_model.bin", "model.pkl", "scores/x.py", "README.md"):
        path = hub.there / "user" / "name" / hostile
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"raise SystemExit(1)")
    read = latente.load("hf://user/name")
    assert read.fingerprint == published.fingerprint
    np.testing.assert_array_equal(read.encode(tiny.test.x[:3]), published.encode(tiny.test.x[:3]))
    kept = {p.name for p in (hub.cache / "user" / "name").iterdir()}
    assert not kept & {"evil.py", "pytorch_model.bin", "model.pkl", "scores", "README.md"} and "spec.json" in kept
    np.save(tmp_path / "rows.npy", tiny.test.x[:3])
    assert main(["encode", "hf://user/name", str(tmp_path / "rows.npy"), "-o", str(tmp_path / "codes.npy")]) == 0
    np.testing.assert_allclose(np.load(tmp_path / "codes.npy"), published.encode(tiny.test.x[:3]), atol=1e-6)


def test_without_a_network_the_cache_is_read(hub, published):
    hub.down = True
    with pytest.raises(
        StoreError, match=r"^hf://user/name: cannot be fetched, and is not in the cache \(no network\)$"
    ):
        latente.load("hf://user/name")
    hub.down = False
    latente.load("hf://user/name")
    hub.down = True
    assert latente.load("hf://user/name").fingerprint == published.fingerprint


def test_what_is_no_run_is_refused_in_one_line(hub, published):
    (hub.there / "user" / "name" / "weights.safetensors").rename(hub.there / "user" / "name" / "weights.pkl")
    with pytest.raises(StoreError, match="holds no run of latente \\(it has no weights.safetensors\\)"):
        latente.load("hf://user/name")
    with pytest.raises(StoreError, match="404 Repository Not Found"):
        latente.load("hf://user/nothing")
    sizes = dict.fromkeys(["spec.json", "data.json", "history.csv", "metrics.json", "times.json", "manifest.json"], 1)
    with pytest.raises(StoreError, match="allowed: at most 17,179,869,184"):
        check_files("hf://a/b", {**sizes, "weights.safetensors": 2**40})
    assert check_files("hf://a/b", {**sizes, "weights.safetensors": 1, "../x.json": 1}) == [
        *sizes,
        "weights.safetensors",
    ]


def test_a_damaged_file_is_named(hub, published):
    path = hub.there / "user" / "name" / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(StoreError, match="weights.safetensors: is not what was written"):
        latente.load("hf://user/name")


@pytest.mark.parametrize("place", ["hf://user", "hf://a/b/c", "hf://../b", "hf://a/..", "hf://a b/c"])
def test_another_form_of_address_is_refused(place):
    assert is_hub(place)
    with pytest.raises(SpecError, match="is no repository; allowed: hf://user/name"):
        repository(place)


def test_licences_and_the_package_that_is_needed(monkeypatch):
    assert check_license("cc-by-4.0") == "cc-by-4.0"
    with pytest.raises(SpecError, match='unknown license "MIT"; did you mean "mit"'):
        check_license("MIT")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(SpecError, match=r"pip install 'latente\[hub\]'"):
        latente.load("hf://user/name")
