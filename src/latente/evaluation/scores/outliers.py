"""How well a model tells examples of something else from those of its own data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from latente.evaluation.batching import subsample
from latente.evaluation.evaluate import Metric
from latente.evaluation.measured import Measured
from latente.evaluation.metrics.anomaly import Detection, auroc_error, detect
from latente.evaluation.metrics.checks import whole
from latente.evaluation.outliers.anomaly_scores import KINDS, SAMPLES, anomaly_scores, kinds_of
from latente.evaluation.outliers.sources import AUTO, LEFT_OUT, MADE, SEED, choose, outliers, title
from latente.evaluation.run import Run
from latente.evaluation.scores.base import OnBatch, Score, metric, scores
from latente.language.message import Message
from latente.spec import got

EXAMPLES = 1000


@scores.register("outliers", source="Nalisnick et al. 2019, arXiv:1810.09136; Xiao et al. 2020, arXiv:2003.02977")
@dataclass(frozen=True)
class Outliers(Score):
    """AUROC and average precision of three anomaly scores: bound on −log p(x), reconstruction error, regret.

    Attributes:
        against: what the outliers are: a named data set or a path, of the same shape as the run's data; "shuffled"
            values, "inverted" examples or "noise", made of its own; "left-out", the labels that its data was read
            without; "auto" takes those where there are some, else Fashion-MNIST for 28×28 images (or digits for a
            model of clothes), shuffled values for anything else.
        examples: at most so many inliers, of the part that is scored, and as many outliers; by a fixed choice.
        samples: K of the bound.
    """

    against: str = AUTO
    examples: int = EXAMPLES
    samples: int = SAMPLES

    def __post_init__(self) -> None:
        """Refuse options that mean nothing."""
        if not isinstance(self.against, str) or not self.against.strip():
            raise got(
                "outliers: against", self.against, f"a data set, a path, or one of {', '.join((AUTO, LEFT_OUT, *MADE))}"
            )
        for name, low in (("examples", 2), ("samples", 1)):
            whole(f"outliers: {name}", getattr(self, name), low)

    def key(self) -> str:
        """With every option that is not the default."""
        return "outliers" + self._suffix()

    def _suffix(self) -> str:
        name = title(self.against)
        if name != self.against:
            # Two files of one name are two sets.
            name += f"-{crc32(str(Path(self.against).absolute()).encode()):08x}"
        plain = "".join(c if c.isalnum() or c in "-." else "-" for c in name)
        usual = {f.name: f.default for f in dataclasses.fields(self)}
        options = {"against": plain, "examples": self.examples, "samples": self.samples}
        return "".join(f"_{k}{v}" for k, v in options.items() if v != usual[k])

    def columns(self) -> dict[str, bool | None]:
        """Two for each score; models are ranked by the first of them, the regret's first."""
        found: dict[str, bool | None] = {}
        for kind in reversed(KINDS):
            found |= {self.column("auroc", kind): False, self.column("average_precision", kind): None}
        return found

    def column(self, measure: str, kind: str) -> str:
        """The column of a score's "auroc" or "average_precision"."""
        return f"{measure}_{kind}{self._suffix()}"

    def chosen(self, run: Run) -> str:
        """What the outliers of a run are, where that was left open."""
        return choose(str(run.card["name"]), tuple(run.card["shape"]), run.spec.data.without, self.against)

    def _scale(self, run: Run) -> Message:
        return Message("scale.outliers", name=title(self.chosen(run)))

    def unsupported(self, run: Run) -> Message | None:
        """A conditional model needs more than the example."""
        return Message("reason.given_outliers") if run.model.is_conditional else None

    def measure(self, run: Run, split: str, on_batch: OnBatch | None = None) -> Measured:
        """AUROC with DeLong's standard error, average precision with that of a bootstrap; warnings of reversals."""
        data, part, against = run.data, run.data.part(split), self.chosen(run)
        x = data.values(part.x[subsample(len(part), self.examples, SEED, permuted=True)])
        others = outliers(data, part, against, self.examples, run.model.likelihood)
        # Both in one go: every example then is one more of the same batches.
        found = anomaly_scores(run.model, np.concatenate([x, others]), samples=self.samples, on_batch=on_batch)
        arrays: dict[str, NDArray[np.generic]] = {"against": np.frombuffer(title(against).encode(), np.uint8)}
        for kind, values in found.items():
            arrays[f"{kind}.inliers"], arrays[f"{kind}.outliers"] = values[: len(x)], values[len(x) :]
        detections = detected(arrays)
        columns: dict[str, Metric] = {}
        warnings = []
        for kind in reversed(kinds_of(run.model)):
            d = detections[kind]
            error = auroc_error(found[kind][: len(x)], found[kind][len(x) :])
            columns[self.column("auroc", kind)] = Metric(d.auroc.value, error)
            columns[self.column("average_precision", kind)] = metric(d.average_precision)
            if d.reversed:
                warnings.append(warning_of(kind, d, title(against)))
        return Measured(columns, arrays, tuple(warnings))


def detected(arrays: Mapping[str, NDArray[np.generic]], kinds: Sequence[str] = KINDS) -> dict[str, Detection]:
    """How well each of some scores, as far as a `Measured`'s arrays have it, tells outliers from inliers, by name."""
    known = [k for k in kinds if f"{k}.inliers" in arrays]
    return {k: detect(*(np.asarray(arrays[f"{k}.{side}"], float) for side in ("inliers", "outliers"))) for k in known}


def tried(arrays: Mapping[str, NDArray[np.generic]]) -> str:
    """What the outliers of a `Measured`'s arrays were."""
    return np.asarray(arrays["against"], np.uint8).tobytes().decode()


def warning_of(kind: str, d: Detection, name: str) -> Message:
    """What to say of a score that surely ranks outliers below inliers."""
    return Message(f"warning.reversed_{kind}", name=name, auroc=d.auroc.value, low=d.auroc.low, high=d.auroc.high)
