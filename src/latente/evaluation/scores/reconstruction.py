"""How near the decoded mean codes are to the examples: error, PSNR, SSIM; by class, by pixel, the worst."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latente.data.units import span_of
from latente.evaluation.evaluate import mean_and_error
from latente.evaluation.measured import EACH, Measured
from latente.evaluation.metrics.checks import whole
from latente.evaluation.metrics.reconstruction import mse, per_class, per_pixel, psnr, ssim, worst
from latente.evaluation.run import Run
from latente.evaluation.scores.base import (
    OnBatch,
    ScoreWithOptions,
    conditioned,
    conditions_of,
    ends,
    not_finite,
    scores,
)
from latente.language.message import Message


@scores.register("reconstruction", source="SSIM: Wang et al. 2004, eq. 13")
@dataclass(frozen=True)
class ReconstructionQuality(ScoreWithOptions):
    """Squared error a value, PSNR and SSIM of the decoded mean codes, over all examples of the part.

    Arrays: each example's error, PSNR and SSIM, shape (n,) (see `Measured.each`); ``per_pixel``, of an example's shape;
    ``class_mse`` and ``class_ssim``, shape (classes, 3): mean, and ends of its 95% interval (NaN for a class without
    examples); ``worst``, indices of the examples of the greatest error, and ``worst_rebuilt``, what became of them.

    Attributes:
        worst: how many of the worst examples are kept to be shown.
    """

    worst: int = 8

    def __post_init__(self) -> None:
        whole("worst", self.worst, 1)

    def columns(self) -> dict[str, bool | None]:
        """PSNR and SSIM of images only."""
        return {"reconstruction_mse": True, "reconstruction_psnr": False, "reconstruction_ssim": False}

    def _scale(self, run: Run) -> Message:
        # Any two models of one data set compare; not those that are told the label.
        low, high = span_of(*run.card["range"])
        return conditioned(run, Message("scale.reconstruction", low=low, high=high))

    def unsupported(self, run: Run) -> Message | None:
        """Where values are missing there is nothing to compare with; columns of unlike kinds have "mean-mse"."""
        if run.model.likelihood.standardises:
            return Message("reason.unlike_columns")
        return Message("reason.missing_values_mse") if run.data.missing else None

    def measure(self, run: Run, split: str, on_batch: OnBatch | None = None) -> Measured:
        """See `latente.evaluation.metrics.reconstruction`; no code is drawn, and nothing is binarised.

        Where a reconstruction is not finite there are no numbers, and a warning.
        """
        data, part = run.data, run.data.part(split)
        x = data.values(part.x)
        rebuilt = run.reconstruct(x, given=conditions_of(run, part), scaled=True)
        if warning := not_finite("reconstructions", rebuilt):
            return Measured({}, {}, (warning,))
        low, high = span_of(*run.card["range"])
        each = {"mse": mse(x, rebuilt)}
        if data.is_image:
            colours = x.ndim == 4 and x.shape[-1] == 1
            flat = (x[..., 0], rebuilt[..., 0]) if colours else (x, rebuilt)
            each |= {"psnr": psnr(x, rebuilt, data_range=high - low), "ssim": ssim(*flat, data_range=high - low)}
        values = {}
        exact = 0
        for name, value in each.items():
            known = value[np.isfinite(value)]
            exact = max(exact, len(value) - len(known))
            if len(known):
                values[f"reconstruction_{name}"] = mean_and_error(known)
        warnings = (Message("warning.rebuilt_exactly", exact=exact, n=len(x)),) if exact else ()
        arrays: dict[str, NDArray[np.generic]] = {"per_pixel": per_pixel(x, rebuilt)}
        # An infinite PSNR is no part of the mean, so that its values do not pair.
        arrays |= {(EACH + f"reconstruction_{k}" if np.isfinite(v).all() else k): v for k, v in each.items()}
        if part.y is not None:
            for name in ("mse", "ssim"):
                if name in each:
                    classes = per_class(each[name], part.y, len(data.classes))
                    arrays[f"class_{name}"] = np.array([(np.nan,) * 3 if c is None else ends(c) for c in classes])
        arrays["worst"] = worst(each["mse"], self.worst)
        arrays["worst_rebuilt"] = rebuilt[arrays["worst"]].astype(np.float32)
        return Measured(values, arrays, warnings)
