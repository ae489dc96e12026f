"""The autoencoder learns to keep what matters, and reads MNIST's files or says what is wrong."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from click.testing import CliRunner

from models import autoencoder
from models.autoencoder import (
    KINDS,
    Images,
    correlation,
    digits,
    enlarged,
    fit,
    mnist,
    read_idx,
    split,
    through,
    through_pca,
)


@pytest.fixture
def run():
    return lambda *args: CliRunner().invoke(autoencoder.main, [*map(str, args)])


def settings(**more):
    return {"kind": "dense", "code": 10, "hidden": 48, "epochs": 1, "lr": 3e-3, "batch": 64,
            "seed": 0, **more}  # fmt: skip


def error(images, again):
    return np.mean(np.square(images.pixels - again))


def idx(array):
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return head + array.astype(np.uint8).tobytes()


@pytest.mark.parametrize(("kind", "epochs", "lr"), [
    ("dense", 10, 6e-3), ("stacked", 10, 6e-3), ("recurrent", 16, 1e-2),
    ("convolutional", 30, 3e-3),
])  # fmt: skip
def test_on_real_digits_it_soon_keeps_more_than_the_mean_image(kind, epochs, lr):
    known, held_out = split(digits(), 0)
    model, history = fit(known, settings(kind=kind, epochs=epochs, lr=lr))
    seen = through(model, known, held_out)
    assert seen.held_out.shape == (len(held_out), 10)
    assert history.losses[-1] < 0.6 * history.losses[0]
    assert error(held_out, seen.again) < 0.8 * error(held_out, known.pixels.mean(0))


def test_with_time_a_stack_keeps_more_than_pca():
    known, held_out = split(digits(), 0)
    model, _ = fit(known, settings(kind="stacked", epochs=60, hidden=96))
    ours, pca = through(model, known, held_out), through_pca(10, known, held_out)
    assert error(held_out, ours.again) < 0.9 * error(held_out, pca.again)


def test_pca_is_the_singular_vectors(rng):
    known = Images(rng.random((50, 2, 3)), np.zeros(50, int))
    held_out = Images(rng.random((9, 2, 3)), np.zeros(9, int))
    mean = known.pixels.reshape(50, 6).mean(0)
    axes = np.linalg.svd(known.pixels.reshape(50, 6) - mean)[2][:2]
    rows = held_out.pixels.reshape(9, 6) - mean
    again = (rows @ axes.T @ axes + mean).reshape(9, 2, 3)
    assert through_pca(2, known, held_out).again == pytest.approx(again, abs=1e-6)


def test_correlation_is_the_mean_of_all_pairs(rng):
    a, b = rng.normal(size=(2, 2000))
    codes = np.stack([a, -2 * a, b, np.ones(2000)], axis=1)
    assert correlation(codes) == pytest.approx(1 / 3, abs=0.05)
    assert correlation(codes[:, :1]) == 0


def test_an_enlarged_image_has_each_pixel_four_times():
    image = np.array([[1, 2], [3, 4]])
    assert enlarged(image).tolist() == np.kron(image, np.ones((2, 2))).tolist()


def test_nothing_that_is_held_out_is_learned_from():
    data = digits()
    known, held_out = split(data, 0)
    assert len(known) == 1437
    assert len(held_out) == 360
    rows = np.concatenate([known.pixels, held_out.pixels]).reshape(1797, 64)
    assert sorted(map(tuple, rows)) == sorted(map(tuple, data.pixels.reshape(1797, 64)))


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_files_of_mnist_are_read(tmp_path, rng, pack):
    images, labels = rng.integers(0, 256, (12, 4, 8)), rng.integers(0, 10, 12)
    (tmp_path / "images").write_bytes(pack(idx(images)))
    (tmp_path / "labels").write_bytes(pack(idx(labels)))
    found = mnist(tmp_path / "images", tmp_path / "labels", 11)
    assert found.pixels == pytest.approx(images[:11] / 255, rel=1e-6)
    assert np.array_equal(found.digit, labels[:11])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no idx file"),
        (b"\x89PNG and so on and on", "no idx file"),
        (idx(np.zeros((12, 4, 8)))[:-1], "383 bytes behind the head"),
        (idx(np.zeros((0, 4, 8))), "expected (0, 4, 8)"),
        (b"\x1f\x8b cut", "damaged"),
        (gzip.compress(idx(np.zeros((12, 4, 8))), mtime=0)[:-9], "damaged"),
    ],
)
def test_damaged_files_of_images_are_refused_by_name(tmp_path, data, message):
    (tmp_path / "images").write_bytes(data)
    with pytest.raises(ValueError, match="images: ") as caught:
        read_idx(tmp_path / "images", 3)
    assert message in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_saved_does_the_same_when_loaded(run, tmp_path, kind):
    path, picture = tmp_path / "run.safetensors", tmp_path / "digits.png"
    small = ["--kind", kind, "--hidden", 8, "--code", 3, "--epochs", 1]
    first = run(*small, "--save", path, "--picture", picture)
    again = run("--load", path)
    assert first.exit_code == again.exit_code == 0, first.output
    assert first.stdout.splitlines()[1:-1] == again.stdout.splitlines()
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--images", "{tmp}/empty"], "expected both, or none"),
        (["--images", "{tmp}/nowhere", "--labels", "{tmp}/empty"], "No such file"),
        (["--images", "{tmp}/binary", "--labels", "{tmp}/empty"], "binary: no idx file"),
        (["--images", "{tmp}/images", "--labels", "{tmp}/labels"], "3 labels for 12 images"),
        (["--images", "{tmp}/images", "--labels", "{tmp}/odd"], "each 0 to 9"),
        (["--images", "{tmp}/images", "--labels", "{tmp}/zeros", "--kind", "convolutional",
          "--code", "2"], "multiples of 4"),
        (["--code", "64"], "expected less than 64 pixels"),
        (["--load", "{tmp}/words.safetensors"], "not a whole .safetensors file"),
        (["--picture", "{tmp}/digits.txt"], "unknown ending"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_bad_input_gets_one_line_and_status_2(args, message, bad_files, refuses):
    (bad_files / "images").write_bytes(idx(np.zeros((12, 3, 5))))
    (bad_files / "labels").write_bytes(idx(np.zeros(3)))
    (bad_files / "zeros").write_bytes(idx(np.zeros(12)))
    (bad_files / "odd").write_bytes(idx(np.full(12, 11)))
    refuses(autoencoder.main, args, message)
