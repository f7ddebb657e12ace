"""A run published on the Hugging Face Hub, with a model card made of its own numbers and findings."""

from __future__ import annotations

import dataclasses
import math
import tempfile
from pathlib import Path
from typing import Any

from latente._version import __version__
from latente.atomic import write_text
from latente.errors import SpecError, StoreError
from latente.evaluation.hub import PREFIX, check_license, repository
from latente.evaluation.run import Run
from latente.language.words import Words
from latente.plain import markdown, one_line, portable
from latente.report.conclusions import findings_of_scores, lines


def push(run: Run, repo: str, *, license: str, private: bool = False) -> str:
    """Publish a run's folder with a model card; gives the address of the repository.

    Only JSON, CSV, safetensors and the card are sent. Folders of this machine are left out of what they say.

    Args:
        run: a trained model.
        repo: ``user/name``.
        license: of the model, as the hub writes it: "mit", "apache-2.0", "cc-by-4.0", "other", …
        private: whether a new repository is private.

    Raises:
        SpecError: another form of name or licence, or the extra ``latente[hub]`` is not installed.
        StoreError: the hub refuses, or cannot be reached.
    """
    name, licence = repository(repo), check_license(license)
    try:
        from huggingface_hub import HfApi
    except ModuleNotFoundError as error:
        raise SpecError(f"push: needs {error.name}, which is not installed; pip install 'latente[hub]'") from None
    with tempfile.TemporaryDirectory() as made:
        folder = prepared(run, Path(made) / "run", name, licence)
        try:
            api = HfApi()
            api.create_repo(name, private=private, exist_ok=True)
            api.upload_folder(repo_id=name, folder_path=folder, commit_message=f"A run of latente {__version__}")
        except Exception as error:  # of the library and of those below it, which are many
            why = " ".join(str(error).split())[:200] or type(error).__name__
            raise StoreError(f"{PREFIX}{name}: cannot be published ({why})") from None
    return f"{PREFIX}{name}"


def prepared(run: Run, folder: Path, name: str, license: str) -> Path:
    """What `push` sends, in a new folder: the run, without folders of this machine, and README.md."""
    source = run.spec.data.source
    data = dataclasses.replace(run.spec.data, source=Path(source).name if Path(source).is_absolute() else source)
    start = run.spec.start
    if start is not None and Path(start.run).is_absolute():
        start = dataclasses.replace(start, run=Path(start.run).name)
    accesses = [dataclasses.replace(one, by=portable(one.by)) for one in run.test_accesses]
    spec = dataclasses.replace(run.spec, data=data, start=start)
    dataclasses.replace(run, spec=spec, test_accesses=accesses, _access=None).save(folder)
    write_text(folder / "README.md", card_of(run, name, license))
    return folder


def card_of(run: Run, name: str, license: str) -> str:
    """The model card: its head of `ModelCardData` and `EvalResult`, the numbers of the run, and what rules say."""
    from huggingface_hub import EvalResult, ModelCardData

    card, spec, words = run.card, run.spec.model, Words("en")
    rows = [(part, key, m) for part, of in run.metrics.items() for key, m in of.items() if math.isfinite(m.value)]
    dataset = one_line(str(card["name"]))
    results = [
        EvalResult(
            task_type="feature-extraction", dataset_type="other", dataset_name=dataset, dataset_split=part,
            metric_type=key, metric_value=round(m.value, 6), metric_name=f"{part} {key}",
        )
        for part, key, m in rows
        if part == "test"
    ]  # fmt: skip
    about: dict[str, Any] = {"model_name": run.spec.name, "eval_results": results} if results else {}
    head = ModelCardData(license=license, library_name="latente", tags=["autoencoder", "latente"], **about).to_yaml()
    said = [f"- {markdown(line)}" for line in lines(findings_of_scores([run]), words)]
    table = [f"| {part} | {markdown(key)} | {m.value:.6g} | {m.standard_error:.2g} |" for part, key, m in rows]
    parts = {k: str(getattr(spec, k)) for k in ("network", "posterior", "prior", "likelihood", "objective")}
    told = "; ".join(f"{k} {markdown(v)}" for k, v in parts.items())
    return "\n".join([
        "---", head, "---", "", f"# {markdown(run.spec.name)}", "",
        f"An autoencoder of {spec.latent_dim} latents, trained with latente {__version__} on {markdown(dataset)}: "
        f"{told}",
        "", "```python", "import latente", "", f'run = latente.load("{PREFIX}{name}")',
        "run.encode(x)                   # in the data's own units; the data itself is not needed",
        "run.unscaled(run.sample(16))", "```", "",
        "| part | number | value | standard error over examples |", "|---|---|---|---|", *table, "",
        *(["What rules say of its scores:", "", *said, ""] if said else []),
        f"Data: {markdown(dataset)}, examples of {' × '.join(map(str, card['shape']))}, "
        f"{', '.join(f'{n:,} {p}' for p, n in card['counts'].items())}; fingerprint `{card['fingerprint']}`. "
        f"Weights: fingerprint `{run.fingerprint}`.", "",
    ])  # fmt: skip
