"""TensorBoard reads what is written for it: by its own reader of event files and by its own server of the projector."""

import io
import json
import time
import zipfile

import numpy as np
import pytest
from PIL import Image

from latente.evaluation import latent
from latente.studies.trackers.base import end_numbers
from latente.studies.trackers.tensorboard import _sheet

pytest.importorskip("tensorboard", reason="tensorboard is not installed")


def accumulated(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder), {"scalars": 0, "images": 0, "tensors": 0})
    found.Reload()
    return found


def points(found, tag):
    return [(s.step, s.value) for s in found.Scalars(tag)]


def test_scalars_and_images_are_read_back(made):
    made.follow("tensorboard", epochs=3)
    for run in made.runs:
        found = accumulated(made.folder / "tensorboard" / run.spec.name / "seed-0")
        for name, values in run.history.items():
            assert points(found, name) == list(enumerate(values.tolist(), 1)), name
        for name, value in end_numbers(run).items():
            assert points(found, name) == [(3, pytest.approx(value, rel=1e-6))], name
        pictures = found.Images("reconstructions")
        assert [p.step for p in pictures] == [1, 2, 3]
        last = np.asarray(Image.open(io.BytesIO(pictures[-1].encoded_image_string)))
        assert (pictures[-1].width, pictures[-1].height) == last.shape[::-1]
        # Enlarged four times, with a frame of one pixel: the first original above its first reconstruction.
        assert np.array_equal(last[1:25:4, 1:21:4], made.data.validation.x[0])
        assert np.array_equal(last[26:50:4, 1:21:4], run.frames[-1][0])
    whole = accumulated(made.folder / "tensorboard")
    assert Image.open(io.BytesIO(whole.Images("figures/grid")[0].encoded_image_string)).size == (8, 6)


def test_going_on_doubles_no_point_and_leaves_none_out(made):
    made.follow("tensorboard", epochs=2, finish=False)
    folder = made.folder / "tensorboard" / "vae" / "seed-0"
    assert [s for s, _ in points(accumulated(folder), "loss")] == [1, 2]
    # The last epochs are trained again where the checkpoint was older, then all of it ends.
    made.follow("tensorboard", epochs=3)
    made.follow("tensorboard")
    assert [s for s, _ in points(accumulated(folder), "loss")] == [1, 2, 3]
    assert [s for s, _ in points(accumulated(folder), "test/loss")] == [3]
    assert len(accumulated(folder).Images("reconstructions")) == 3


def test_settings_are_those_of_the_page(made):
    from tensorboard.plugins.hparams import metadata

    made.follow("tensorboard")
    found = accumulated(made.folder / "tensorboard" / "ae" / "seed-0").SummaryMetadata
    start = metadata.parse_session_start_info_plugin_data(
        found(metadata.SESSION_START_INFO_TAG).plugin_data.content
    ).hparams
    assert start["model.latent_dim"].number_value == 3 and start["model.prior"].string_value == "none"
    assert start["model.output_bias"].WhichOneof("kind") == "bool_value"
    assert start["model.hidden"].string_value == "[8]"


def test_the_projector_serves_codes_labels_and_thumbnails(made):
    """Asked as its page asks: through the program's own server."""
    from tensorboard import default, program
    from werkzeug.test import Client

    made.follow("tensorboard")
    board = program.TensorBoard(plugins=default.get_plugins(), assets_zip_provider=no_page)
    board.configure(argv=["", "--logdir", str(made.folder / "tensorboard"), "--load_fast=false", "--reload_interval=0"])
    client = Client(wsgi(board))
    at = "/data/plugin/projector/"
    # It reads the folder in a thread of its own.
    until = time.monotonic() + 60
    while not {"vae/seed-0", "ae/seed-0"} <= set(json.loads(client.get(f"{at}runs").data)):
        assert time.monotonic() < until
        time.sleep(0.1)
    run, part = made.runs[0], made.data.validation
    info = json.loads(client.get(f"{at}info?run=vae/seed-0").data)["embeddings"][0]
    assert info["tensorShape"] == [48, 2] and info["sprite"]["singleImageDim"] == [5, 6]
    codes = np.frombuffer(client.get(f"{at}tensor?run=vae/seed-0&name=codes").data, np.float32).reshape(48, 2)
    np.testing.assert_allclose(codes, latent.encode(run.model, made.data.values(part.x)), rtol=1e-5, atol=1e-6)
    labels = client.get(f"{at}metadata?run=vae/seed-0&name=codes").data.decode().splitlines()
    assert labels == [made.data.classes[c] for c in part.y]
    sheet = np.asarray(Image.open(io.BytesIO(client.get(f"{at}sprite_image?run=vae/seed-0&name=codes").data)))
    assert sheet.shape == (7 * 6, 7 * 5)
    assert np.array_equal(sheet[6:12, 5:10], part.x[8]) and (sheet[-6:, -5:] == 255).all()


def no_page():
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as page:
        page.writestr("index.html", "")
    return io.BytesIO(made.getvalue())


def wsgi(board):
    from tensorboard.backend import application
    from tensorboard.backend.event_processing.data_ingester import LocalDataIngester

    ingester = LocalDataIngester(board.flags)
    ingester.start()
    return application.TensorBoardWSGIApp(
        board.flags, board.plugin_loaders, ingester.data_provider, board.assets_zip_provider,
        ingester.deprecated_multiplexer,
    )  # fmt: skip


def test_large_images_are_shrunk_and_many_fit():
    sheet, size = _sheet(np.zeros((10, 100, 50, 3), np.uint8))
    assert size == (32, 64) and Image.open(io.BytesIO(sheet)).size == (4 * 32, 4 * 64)
