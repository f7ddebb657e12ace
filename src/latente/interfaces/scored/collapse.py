"""Which latents are used, and what each one's share of the rate is."""

from __future__ import annotations

from collections.abc import Iterator

from latente.evaluation.collapse import diagnose
from latente.evaluation.scores import scores
from latente.evaluation.scores.collapse import Collapse
from latente.interfaces import rates
from latente.interfaces.picture import Picture, as_svg
from latente.interfaces.scored.base import Kept, Scored, draws
from latente.interfaces.warned import in_language


@draws("collapse", 5)
def collapse(shown: Scored) -> Iterator[Picture]:
    """A figure a model."""
    for kept in shown.kept:
        yield _usage(shown, kept)


def _usage(shown: Scored, kept: Kept) -> Picture:
    w = shown.words
    made = scores.make(kept.measured.score or "collapse")
    assert isinstance(made, Collapse)
    variances = kept.array("variance_of_means")
    kl, error, information = (
        kept.array(k) if k in kept else None
        for k in ("kl_per_dimension", "kl_per_dimension_error", "information_per_dimension")
    )
    told = diagnose(variances, kept.model.first.spec.model, made.threshold)
    sentence = in_language(told.plain, w)
    caption = w("figure.usage.caption", name=kept.name, part=shown.part, diagnosis=sentence)
    if kl is not None:
        caption += " " + w("figure.usage.caption_kl")
    if information is not None:
        caption += " " + w("figure.usage.caption_information")
    alt = w("figure.usage.alt", name=kept.name, diagnosis=sentence)
    if kl is not None:
        most = int(kl.argmax())
        alt += " " + w(
            "figure.usage.alt_kl", total=shown.number(kl.sum()), number=most + 1, most=shown.number(kl[most])
        )
    figure = rates.usage(variances, w, kl=kl, error=error, information=information, threshold=made.threshold)
    wide = len(variances) > rates.WIDE
    return as_svg(f"latents-{kept.name}", figure, caption + shown.seed(kept.model), alt, group=shown.name, wide=wide)
