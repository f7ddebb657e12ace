"""Rules about the use of latents, and a figure of it."""

from __future__ import annotations

from collections.abc import Iterator

from latente.analysis.conclusions.claims import Facts, Verdict, above, below
from latente.analysis.conclusions.registry import builtin
from latente.evaluation.likelihood.collapse import diagnose
from latente.evaluation.measured import Measured
from latente.evaluation.metrics.intervals import Estimate, corrected, normal_interval
from latente.evaluation.scores import scores
from latente.evaluation.scores.collapse import Collapse
from latente.language.message import phrase
from latente.report.figures import latents
from latente.report.figures.figure_file import FigureFile, as_svg
from latente.report.scores.base import Scored, draws


def _used(found: Measured) -> Facts | None:
    values, errors, limit = map(found.array, ("variance_of_means", "variance_error", "threshold"))
    if values is None or errors is None or limit is None:
        return None
    each = [normal_interval(v, e) for v, e in zip(values.tolist(), errors.tolist(), strict=True)]
    sure = [below(corrected(e, len(each)), float(limit)) for e in each]
    used = [below(e, float(limit)) for e in each].count("fails")
    unused = sure.count("holds")
    return {"unused": unused, "latents": len(each), "unsure": max(0, len(each) - unused - used), "limit": float(limit)}


@builtin(
    "LT201", "unused", "collapse", _used, severity="warning", found="holds",
    holds={"unused": 12, "latents": 16, "unsure": 1, "limit": 0.01},
    fails={"unused": 0, "latents": 16, "unsure": 0, "limit": 0.01},
)  # fmt: skip
def unused(f: Facts) -> Verdict:
    """Some latents are unused: their posterior means hardly vary over the part, by intervals that hold together."""
    return "holds" if f["unused"] else "unknown" if f["unsure"] else "fails"


def _aggregate(found: Measured) -> Facts | None:
    distance, wider = found.estimate("aggregate-mmd"), found.array("mmd_of_wider")
    return None if distance is None or wider is None else {"distance": distance, "limit": float(wider)}


@builtin(
    "LT202", "holes", "collapse", _aggregate, severity="warning", found="holds",
    holds={"distance": Estimate(0.02, 0.01, 0.03), "limit": 0.006},
    fails={"distance": Estimate(0.001, 0.0005, 0.0015), "limit": 0.006},
)  # fmt: skip
def holes(f: Facts) -> Verdict:
    """The codes are distributed differently from the prior, by more than draws that are a fifth wider would be."""
    return above(f["distance"], f["limit"])


@draws("collapse", 5)
def collapse(shown: Scored) -> Iterator[FigureFile]:
    """One figure for each model."""
    w = shown.words
    for model, kept in shown.kept:
        made = scores.make(kept.score or "collapse")
        assert isinstance(made, Collapse)
        variances = kept.array("variance_of_means")
        keys = ("kl_per_dimension", "kl_per_dimension_error", "information_per_dimension")
        kl, error, information = map(kept.array, keys)
        diagnosis = phrase(diagnose(variances, model.spec, made.threshold).summary, w)
        caption = w("figure.usage.caption", name=model.name, part=shown.part, diagnosis=diagnosis)
        alt = w("figure.usage.alt", name=model.name, diagnosis=diagnosis)
        if kl is not None:
            caption += " " + w("figure.usage.caption_kl")
            total, most = shown.number(kl.sum()), shown.number(kl.max())
            alt += " " + w("figure.usage.alt_kl", total=total, number=int(kl.argmax()) + 1, most=most)
        if information is not None:
            caption += " " + w("figure.usage.caption_information")
        figure = latents.usage(variances, w, kl=kl, error=error, information=information, threshold=made.threshold)
        wide = len(variances) > latents.WIDE
        yield as_svg(f"latents-{model.name}", figure, caption + shown.seed(model), alt, group=shown.name, wide=wide)
