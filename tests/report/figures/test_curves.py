"""Curves are the histories themselves."""

import numpy as np
from figures import history, texts

from latente.evaluation.evaluate import Metric
from latente.language.words import Words
from latente.report.figures import curves, style

EN, PT = Words("en"), Words("pt")


def lines(ax):
    return [line.get_ydata() for line in ax.get_lines()]


def test_curves_draw_the_history_itself():
    h = history()
    figure = curves.curves([h], EN)
    for ax, part in zip(figure.axes, ("loss", "reconstruction", "kl"), strict=True):
        training, validation = ax.get_lines()
        assert np.array_equal(training.get_xdata(), [1, 2, 3, 4, 5, 6])
        assert np.array_equal(training.get_ydata(), h[part]) and training.get_linestyle() == "--"
        assert np.array_equal(validation.get_ydata(), h[f"val_{part}"]) and validation.get_linestyle() == "-"
    assert {"Epoch", "nats per image", "Training", "Validation", "Loss", "KL divergence"} <= texts(figure)
    assert {"Época", "nats por exemplo", "Treino"} <= texts(curves.curves([h], PT, unit="example"))


def test_without_a_kl_only_the_loss_is_drawn():
    assert len(curves.curves([history(kl=False)], EN).axes) == 1


def test_several_seeds_are_a_mean_and_a_band_as_far_as_all_were_trained():
    histories = [history(6, 0), history(4, 1), history(5, 2)]
    ax = curves.curves(histories, EN).axes[0]
    values = np.stack([h["val_loss"][:4] for h in histories]).astype(float)
    assert np.allclose(lines(ax)[1], values.mean(axis=0), rtol=1e-12)
    band = ax.collections[1].get_paths()[0].vertices
    for epoch in range(1, 5):
        at = band[band[:, 0] == epoch, 1]
        assert (at.min(), at.max()) == (values[:, epoch - 1].min(), values[:, epoch - 1].max())


def test_a_first_epoch_far_above_leaves_the_panel_and_is_told():
    h = history()
    assert not curves.is_cut([h]) and not [t for t in texts(curves.curves([h], EN)) if "↑" in t]
    h["loss"] = np.float32([500, 103, 102, 101, 100, 99])
    figure = curves.curves([h], PT)
    assert curves.is_cut([h]) and "↑ 500,0" in texts(figure)
    assert figure.axes[0].get_ylim()[1] < 120 and lines(figure.axes[0])[0][0] == 500


def test_one_epoch_is_a_mark():
    assert all(line.get_marker() == "o" for line in curves.curves([history(1)], EN).axes[0].get_lines())


def test_sweep_curves_are_solid_for_validation_and_dashed_for_training():
    families = {"VAE": {2: [history(seed=2)], 8: [history(seed=8)]}, "AE": {2: [history(kl=False)]}}
    figure = curves.sweep_curves(families, EN)
    drawn = {(line.get_linestyle(), line.get_color()): line.get_ydata() for line in figure.axes[0].get_lines()}
    assert np.array_equal(drawn["-", style.SERIES[1]], families["VAE"][8][0]["val_loss"])
    assert np.array_equal(drawn["--", style.SERIES[0]], families["VAE"][2][0]["loss"])
    assert {"VAE", "AE", "2 latents", "8 latents"} <= texts(figure)
    assert "1 latente" in texts(curves.sweep_curves({"VAE": {1: [history()], 2: [history()]}}, PT))


def test_sweep_parts_have_95_percent_intervals():
    line = {2: Metric(150.0, 2.0), 8: Metric(110.0, 1.0)}
    figure = curves.sweep_parts({"VAE: KL": line}, EN)
    bars = figure.axes[0].containers[0]
    assert np.array_equal(bars.lines[0].get_xydata(), [[2, 150], [8, 110]])
    ends = [segment[:, 1] for segment in bars.lines[2][0].get_segments()]
    assert np.allclose(ends, [[150 - 3.92, 150 + 3.92], [110 - 1.96, 110 + 1.96]])
    # Over three seeds Student's with two degrees of freedom: 1.96 would hold the truth in 81% of cases.
    few = curves.sweep_parts({"VAE: KL": line}, EN, seeds=3).axes[0].containers[0]
    ends = [segment[:, 1] for segment in few.lines[2][0].get_segments()]
    assert np.allclose(ends, [[150 - 8.605, 150 + 8.605], [110 - 4.303, 110 + 4.303]], atol=1e-3)
    assert {"2", "8", "VAE: KL"} <= texts(figure)
