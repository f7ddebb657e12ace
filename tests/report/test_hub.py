"""What is published of a run: its folder without this machine's own, and a card that the hub's own reader takes."""

import dataclasses

import pytest
from made import untrained

import latente
from latente.errors import SpecError, StoreError
from latente.evaluation.evaluate import Metric
from latente.objective.presets import VAE
from latente.report.hub import prepared, push

hub = pytest.importorskip("huggingface_hub")


@pytest.fixture
def run(tiny):
    made = untrained(tiny, VAE(2, hidden=(8,)))
    made.metrics = {"test": {"loss": Metric(20.5, 0.1)}}
    data = dataclasses.replace(made.spec.data, source="/home/me/secret/a.npz")
    return dataclasses.replace(
        made, spec=dataclasses.replace(made.spec, data=data), card={**made.card, "name": "a|<b>"}
    )


def test_the_card_is_read_by_the_hubs_own_reader(run, tmp_path, tiny):
    folder = prepared(run, tmp_path / "sent", "user/name", "mit")
    card = hub.ModelCard.load(folder / "README.md")
    assert (card.data.license, card.data.library_name) == ("mit", "latente")
    (result,) = card.data.eval_results
    assert (result.metric_type, result.metric_value, result.dataset_split) == ("loss", 20.5, "test")
    text = (folder / "README.md").read_text()
    assert "| test | loss | 20.5 | 0.1 |" in text and 'latente.load("hf://user/name")' in text
    assert "a\\|\\<b\\>" in text and run.fingerprint in text
    assert not [p for p in folder.rglob("*") if p.is_file() and b"/home/me" in p.read_bytes()]
    assert {p.suffix for p in folder.iterdir() if p.is_file()} == {".json", ".csv", ".safetensors", ".md"}
    assert latente.load(folder).fingerprint == run.fingerprint


def test_it_is_sent_in_one_commit_and_what_the_hub_says_is_one_line(run, monkeypatch):
    asked = []
    monkeypatch.setattr(hub.HfApi, "create_repo", lambda self, name, **more: asked.append((name, more)))
    monkeypatch.setattr(hub.HfApi, "upload_folder", lambda self, **more: asked.append(more["repo_id"]))
    assert push(run, "user/name", license="mit", private=True) == "hf://user/name"
    assert asked == [("user/name", {"private": True, "exist_ok": True}), "user/name"]

    def refuse(self, name, **more):
        raise OSError("401\n Unauthorized")

    monkeypatch.setattr(hub.HfApi, "create_repo", refuse)
    with pytest.raises(StoreError, match=r"^hf://user/name: cannot be published \(401 Unauthorized\)$"):
        push(run, "user/name", license="mit")
    with pytest.raises(SpecError, match="is no repository"):
        push(run, "name", license="mit")
