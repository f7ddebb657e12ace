import io
import subprocess
import sys
from xml.dom.minidom import parseString

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from PIL import Image, ImageSequence
from scipy import stats

from latente.data.images import to_bytes
from latente.evaluation.evaluate import Metric
from latente.language.words import Words
from latente.report.figures import animation, classes, codes, curves, images, style
from latente.report.figures.classes import class_means
from latente.report.figures.codes import plane

EN, PT = Words("en"), Words("pt")


def history(epochs=6, seed=0, kl=True):
    rng = np.random.default_rng(seed)
    h = {k: np.float32(100 + rng.uniform(size=epochs).cumsum()[::-1]) for k in ("reconstruction", "val_reconstruction")}
    h |= {k: np.float32(kl * rng.uniform(1, 2, epochs)) for k in ("kl", "val_kl")}
    return h | {f"{v}loss": h[f"{v}reconstruction"] + h[f"{v}kl"] for v in ("", "val_")}


def texts(figure):
    figure.draw_without_rendering()
    return {t.get_text() for t in figure.findobj(matplotlib.text.Text) if t.get_visible() and t.get_text()}


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def lines(ax):
    return [line.get_ydata() for line in ax.get_lines()]


# curves


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


# codes and classes


def test_two_latents_are_drawn_as_they_are():
    z = np.float32(np.random.default_rng(0).normal(size=(50, 2)))
    y = np.arange(50) % 3
    figure = codes.codes(z, y, ["a", "b", "c"], EN)
    points = figure.axes[0].collections[0]
    assert np.array_equal(points.get_offsets(), z) and np.array_equal(points.get_array(), y)
    shown = points.to_rgba(y)[:3]
    assert np.allclose(shown[:, :3], [to_rgba(c)[:3] for c in style.CLASSES[:3]])
    marks = {t.get_text(): t.get_position() for t in figure.axes[0].texts}
    assert set(marks) == {"a", "b", "c"}
    assert {"Latent 1", "Latent 2", "Class"} <= texts(figure)


def test_more_latents_are_projected_on_principal_components():
    rng = np.random.default_rng(1)
    z = rng.normal(size=(200, 5)) * [1, 5, 1, 3, 1] + 7
    points, names = plane(z, PT)
    left, spread, _ = np.linalg.svd(z - z.mean(axis=0), full_matrices=False)
    assert np.allclose(np.abs(points), np.abs(left[:, :2] * spread[:2]))
    share = spread**2 / (spread**2).sum()
    assert names[0] == f"Componente principal 1 ({100 * share[0]:.0f}% da variância)"
    assert np.allclose(plane(-z, PT)[0], -points)


def test_no_labels_means_one_colour():
    figure = codes.codes(np.random.default_rng(0).normal(size=(30, 2)), None, [], EN)
    assert len(figure.axes) == 1
    assert len(np.unique(figure.axes[0].collections[0].get_facecolors(), axis=0)) == 1


def test_one_latent_has_a_row_for_each_class():
    y = np.arange(40) % 4
    offsets = codes.codes(np.arange(40.0)[:, None], y, list("abcd"), EN).axes[0].collections[0].get_offsets()
    assert np.array_equal(offsets[:, 0], np.arange(40)) and np.array_equal(np.round(offsets[:, 1]), y)


def test_class_errors_are_means_with_95_percent_intervals():
    rng = np.random.default_rng(3)
    y, values = np.repeat([0, 1, 3], [40, 1, 9]), np.float32(rng.normal(100, 10, 50))
    figure = classes.class_errors({"vae": values}, y, ["zero", "one", "two", "three"], EN)
    ax = figure.axes[0]
    bars = ax.containers[0]
    groups = [values[:40], values[40:41], values[41:]]
    assert np.allclose(bars.lines[0].get_xdata(), [g.astype(float).mean() for g in groups])
    for segment, g in zip(bars.lines[2][0].get_segments(), groups, strict=True):
        if len(g) == 1:
            assert len(segment) == 0
            continue
        g = g.astype(float)
        mean, half = g.mean(), stats.t.ppf(0.975, len(g) - 1) * g.std(ddof=1) / np.sqrt(len(g))
        assert np.allclose(segment[:, 0], [mean - half, mean + half])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["zero", "one", "three"]
    weights = np.bincount(y)[[0, 1, 3]]
    assert np.isclose((class_means(values, y, [0, 1, 3])[0] * weights).sum() / 50, values.astype(float).mean())


# images


@pytest.mark.parametrize("shape", [(28, 40), (30, 28, 1), (29, 31, 3)])
def test_a_mosaic_holds_every_image_in_its_place(shape):
    given = np.random.default_rng(0).integers(0, 256, (6, *shape)).astype(np.uint8)
    sheet = images.mosaic(to_bytes(given), 3)
    height, width = shape[:2]
    assert sheet.shape == (1 + 2 * (height + 1), 1 + 3 * (width + 1), *((3,) if shape[2:] == (3,) else ()))
    for i in range(6):
        top, left = 1 + (i // 3) * (height + 1), 1 + (i % 3) * (width + 1)
        assert np.array_equal(sheet[top : top + height, left : left + width], given[i].squeeze())
    assert (sheet[0] == images.FRAME).all() and (sheet[:, -1] == images.FRAME).all()


def test_small_images_are_enlarged_by_whole_numbers():
    image = np.uint8([[0, 255]])
    sheet = images.mosaic(image[None], 1)
    assert sheet.shape == (16, 30) and (sheet[1:-1, 1:15] == 0).all() and (sheet[1:-1, 15:-1] == 255).all()


def test_values_become_bytes_by_their_span():
    assert to_bytes(np.array([[[-1.0, 0.0, 0.5, 1.0, 9.0, np.nan]]])).tolist() == [[[0, 0, 128, 255, 255, 0]]]
    assert to_bytes(np.array([[[-2.0, 0.0, 2.0]]]), -2, 2).tolist() == [[[0, 128, 255]]]


def test_reconstructions_show_their_row_labels_and_true_pixels():
    originals = np.zeros((8, 28, 28), np.uint8)
    originals[0] = 255
    figure = images.reconstructions(originals, {"vae": np.full((8, 28, 28), 0.5)}, EN, list("01234567"))
    shown = [t.get_text() for t in figure.axes[0].get_yticklabels() if t.get_visible()]
    assert shown == ["Original", "vae"] and {"0", "7"} <= texts(figure)
    figure.draw_without_rendering()
    assert all(t.get_window_extent().x0 >= 0 for t in figure.axes[0].get_yticklabels())
    page = pixels(style.png(figure))
    box = figure.axes[0].get_position()
    rows, columns = 2 * 29 + 1, 8 * 29 + 1
    scale = round(box.width * page.shape[1]) // columns
    assert scale >= 4
    top, left = round((1 - box.y1) * page.shape[0]), round(box.x0 * page.shape[1])
    sheet = page[top : top + rows * scale, left : left + columns * scale]
    first, second, below = sheet[15 * scale, 15 * scale], sheet[15 * scale, 44 * scale], sheet[44 * scale, 15 * scale]
    assert first.tolist() == [255] * 3 and second.tolist() == [0] * 3
    # 128 greys: within one of them.
    assert np.abs(below.astype(int) - 128).max() <= 1
    # A whole number of dots a pixel: the white image is 28 pixels wide, and its frame one.
    white = (sheet[15 * scale, :, 0] == 255).sum()
    assert white == 28 * scale


def test_the_manifold_lies_as_on_a_map():
    at = np.float32([-1, 0, 1])
    grid = np.zeros((3, 3, 4, 4), np.float32)
    grid[0, 2] = 1.0
    figure = images.manifold(grid, at, PT)
    shown = np.asarray(figure.axes[0].get_images()[0].get_array())
    assert (shown[:4, 8:] == 255).all() and shown.sum() == 16 * 255
    labels = [t.get_text() for t in figure.axes[0].get_xticklabels()]
    assert labels == ["−1,00", "0,00", "1,00"]
    assert {"Latente 1", "Latente 2"} <= texts(figure)


def test_samples_stand_side_by_side():
    drawn = np.random.default_rng(0).uniform(size=(16, 28, 28))
    figure = images.samples({"2 latents": drawn, "8 latents": drawn}, EN)
    assert len(figure.axes) == 2 and {"2 latents", "8 latents"} <= texts(figure)
    sheet = np.asarray(figure.axes[1].get_images()[0].get_array())
    assert np.array_equal(sheet, images.mosaic(to_bytes(drawn), 4))


# film


def test_each_frame_knows_its_epoch():
    assert animation.frame_epochs(3, 3, 3) == [1, 2, 3]
    assert animation.frame_epochs(126, 250, 250) == [*range(1, 250, 2), 250]
    assert animation.frame_epochs(5, 400, 9) == [1, 3, 5, 7, 9]


def test_a_film_shows_every_frame_at_its_size():
    originals = np.zeros((8, 28, 28), np.uint8)
    frames = np.stack([np.full((8, 28, 28), v, np.uint8) for v in (0, 100, 200, 255)])
    moving, still = animation.film(frames, originals, EN, name="vae", planned=4, trained=4)
    with Image.open(io.BytesIO(moving)) as image:
        pages = [np.asarray(page.convert("RGB")) for page in ImageSequence.Iterator(image)]
        assert image.n_frames == 4 and image.info["loop"] == 0 and image.size == animation.size(moving)
    assert pages[0].shape[1] <= animation.WIDE
    for page, value in zip(pages, (0, 100, 200, 255), strict=True):
        row = page[-20, -20]
        assert np.abs(row.astype(int) - value).max() <= 255 / animation.LEVELS / 2 + 1
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(still)).convert("RGB")), pages[-1])
    assert animation.film(frames, originals, EN, name="vae", planned=4, trained=4)[0] == moving


def test_a_film_of_noise_keeps_to_its_size_and_length():
    frames = np.random.default_rng(0).integers(0, 256, (30, 8, 16, 16, 3)).astype(np.uint8)
    moving, _ = animation.film(frames, frames[0], EN, name="x" * 40, planned=200, trained=200)
    with Image.open(io.BytesIO(moving)) as image:
        assert image.n_frames < 30
        times = []
        for page in ImageSequence.Iterator(image):
            page.load()
            times.append(page.info["duration"])
    assert len(moving) <= animation.MOST_BYTES and sum(times) <= animation.LONGEST


def test_what_does_not_move_much_stays():
    frames = np.uint8([[[100]], [[105]], [[109]], [[140]]])
    assert len(set(animation._calm(frames).ravel().tolist())) == 2


# how everything looks


MADE = (
    lambda: curves.curves([history()], EN),
    lambda: codes.codes(np.random.default_rng(0).normal(size=(90, 2)), np.arange(90) % 3, list("abc"), EN),
    lambda: images.samples({"": np.random.default_rng(0).uniform(size=(16, 9, 7, 3))}, EN),
)


@pytest.mark.parametrize("make", MADE)
@pytest.mark.parametrize("how", [style.svg, style.png])
def test_equal_figures_are_equal_bytes_whatever_the_users_settings(make, how):
    before = how(make())
    with matplotlib.rc_context({"font.size": 20, "svg.fonttype": "none", "axes.grid": False, "savefig.dpi": 30}):
        settings = dict(matplotlib.rcParams)
        assert how(make()) == before
        assert dict(matplotlib.rcParams) == settings


def test_no_text_is_below_eight_points_and_nothing_is_cut_off():
    labels, z = np.arange(60) % 3, np.random.default_rng(0).normal(size=(60, 4))
    families = {"VAE": {2: [history()], 16: [history(seed=1)]}, "AE": {2: [history(kl=False)]}}
    for figure in (
        curves.curves([history()], PT),
        curves.sweep_curves(families, PT),
        curves.sweep_parts({"VAE: reconstrução": {2: Metric(3, 1), 9: Metric(4, 1)}}, PT),
        codes.codes(z, labels, ["first", "second", "third"], PT),
        classes.class_errors({"a": z[:, 0], "b": z[:, 1]}, labels, ["first", "second", "third"], PT),
        images.reconstructions(np.zeros((8, 9, 7)), {"a-long-name": np.zeros((8, 9, 7))}, PT, list("01234567")),
    ):
        assert figure.get_size_inches()[0] <= style.WIDTH + 1e-9
        with style.style():
            figure.draw_without_rendering()
            drawn = figure.get_tightbbox()
        width, height = figure.get_size_inches()
        assert drawn.x0 >= -0.01 and drawn.y0 >= -0.01 and drawn.x1 <= width + 0.01 and drawn.y1 <= height + 0.01
        assert all(t.get_fontsize() >= 8 for t in figure.findobj(matplotlib.text.Text) if t.get_text())


def test_png_has_at_most_128_colours_and_keeps_black_and_white():
    z = np.random.default_rng(0).normal(size=(500, 2))
    content = style.png(codes.codes(z, np.arange(500) % 10, [str(i) for i in range(10)], EN))
    with Image.open(io.BytesIO(content)) as image:
        assert image.mode == "P" and len(image.convert("RGB").getcolors(1 << 20)) <= 128
    greys = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    kept = np.asarray(style.few_colours(greys).convert("RGB")).astype(int)
    assert kept[0, 0].tolist() == [0] * 3 and kept[0, 255].tolist() == [255] * 3
    assert np.abs(kept - greys).max() <= 1


def test_numbers_on_axes_have_the_languages_decimal_mark():
    h = history() | {"val_loss": np.float32([1.25, 1.5, 1.75, 1.5, 1.25, 1.5])}
    h["loss"] = h["val_loss"]
    assert any("," in t for t in texts(curves.curves([h], PT)) if t[:1].isdigit())
    assert not any("," in t for t in texts(curves.curves([h], EN)) if t[:1].isdigit())


HOSTILE = ["<script>alert(1)</script>", r"$\frac{1}{0$ & \$", 'a"b\n\x00\x0b]]>-->', "$" * 40]


def test_hostile_labels_are_plain_text():
    y = np.arange(40) % 4
    errors = {"<b>&": np.arange(40.0)}
    svg = style.svg(classes.class_errors(errors, y, HOSTILE, EN))
    assert b"<script" not in svg and b"alert" not in svg and b"<b>" not in svg
    parseString(svg)
    style.png(codes.codes(np.random.default_rng(0).normal(size=(40, 2)), y, HOSTILE, EN))
    style.png(images.reconstructions(np.zeros((4, 9, 7)), {"$x^{": np.zeros((4, 9, 7))}, EN, HOSTILE))
    assert style.plain("$5 to $9\n\x00x") == r"\$5 to \$9  x" and style.plain("a" * 30, 5) == "aaaa…"


def test_pyplot_stays_out():
    assert isinstance(curves.curves([history()], EN), Figure)
    code = (
        "import latente.report.figures.curves, latente.report.figures.animation, sys\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_labels_of_lines_keep_their_order_and_distance():
    at = np.array([5.0, 1.0, 1.1, 1.2])
    placed = style.spread(at, 1.0, low=0.8)
    assert np.array_equal(np.argsort(placed), np.argsort(at))
    assert (np.diff(np.sort(placed)) >= 1 - 1e-6).all() and placed.min() >= 0.8 and placed[0] == 5.0
    assert np.array_equal(style.spread(np.array([1.0, 9.0]), 1.0), [1, 9])


def test_marks_are_moved_apart():
    points = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 0.5], [50.0, 50.0]])
    placed = style.apart(points, np.full(4, 10.0), 8.0)
    for i in range(4):
        for j in range(i):
            step = np.abs(placed[i] - placed[j])
            assert step[0] >= 10 - 1e-4 or step[1] >= 8 - 1e-4
    assert np.array_equal(placed[3], points[3])
