"""Whole files of arrays, beside each other in a folder and in a zip."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from PIL import Image

from geosemimtl.errors import SceneError
from geosemimtl.files import inside
from geosemimtl.raster.arrays import read_bands, read_exr, read_npy, read_png8, read_png16

VALUES = np.array([[0, 1, 256, 65535], [7, 8, 9, 10]], np.uint16)
METRES = np.array([[0.5, 1e10, np.inf], [-1, 2, 3]], np.float32)


def write_exr(path: Path, **channels: NDArray[Any]) -> Path:
    OpenEXR.File({"type": OpenEXR.scanlineimage}, channels).write(str(path))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Image.fromarray(VALUES).save(tmp_path / "a16.png")
    Image.fromarray(np.array([[0, 255], [3, 4]], np.uint8)).save(tmp_path / "a8.png")
    Image.fromarray(np.full((2, 2, 3), 9, np.uint8)).save(tmp_path / "rgb.png")
    write_exr(tmp_path / "z.exr", Z=METRES)
    np.save(tmp_path / "a.npy", VALUES)
    return tmp_path


@pytest.fixture(params=[False, True], ids=["folder", "zip"])
def place(request: pytest.FixtureRequest, folder: Path) -> Callable[[str], Path]:
    """Return a function that gives a file's path, in the folder or in a zip of all."""
    archive = folder / "all.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(folder.iterdir()):
            if path != archive:
                packed.write(path, f"deep/{path.name}")
    return (lambda n: inside(archive, f"deep/{n}")) if request.param else (lambda n: folder / n)


def test_values_come_as_they_are(place: Callable[[str], Path]) -> None:
    sixteen, eight = read_png16(place("a16.png")), read_png8(place("a8.png"))
    assert (sixteen.dtype.name, sixteen.tolist()) == ("uint16", VALUES.tolist())
    assert (eight.dtype.name, eight.tolist()) == ("uint8", [[0, 255], [3, 4]])
    assert read_bands(place("rgb.png"), bands=(3, 4), dtype="uint8").shape == (3, 2, 2)
    metres = read_exr(place("z.exr"))
    assert (metres.dtype.name, metres.tolist()) == ("float32", METRES.tolist())
    assert read_npy(place("a.npy")).tolist() == VALUES.tolist()


def test_a_palette_gives_its_indices(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8)).convert("P")
    image.putpalette([9, 9, 9, 200, 0, 0, 0, 0, 200])
    image.save(tmp_path / "p.png")
    assert read_png8(tmp_path / "p.png").tolist() == [[0, 1], [2, 1]]


def test_half_floats_become_floats(tmp_path: Path) -> None:
    path = write_exr(tmp_path / "h.exr", Z=np.array([[0.5, 2048]], np.float16))
    assert read_exr(path).dtype == np.float32
    assert read_exr(path).tolist() == [[0.5, 2048]]


def test_one_of_several_channels_is_named(tmp_path: Path) -> None:
    path = write_exr(tmp_path / "c.exr", R=METRES, G=METRES + 1, B=METRES)
    assert read_exr(path, "G")[1].tolist() == [0, 3, 4]
    for channel in (None, "Z"):
        with pytest.raises(SceneError, match="has the channels B, G, R; name one of them"):
            read_exr(path, channel)


@pytest.mark.parametrize(
    ("read", "file", "message"),
    [
        (read_png16, "a8.png", r"a8\.png: has 1 band\(s\) of uint8, not 1 of uint16; take the"),
        (read_png8, "a16.png", r"has 1 band\(s\) of uint16, not 1 of uint8"),
        (read_png8, "rgb.png", r"has 3 band\(s\) of uint8, not 1 of uint8"),
        (read_exr, "a8.png", r"a8\.png: is no OpenEXR file, or damaged; copy it again"),
        (read_npy, "a8.png", r"a8\.png: is no array of NumPy, or damaged; copy it again"),
    ],
)
def test_other_files_are_refused(
    place: Callable[[str], Path],
    one_line: Callable[[BaseException], str],
    read: Callable[[Path], Any],
    file: str,
    message: str,
) -> None:
    with pytest.raises(SceneError, match=message) as caught:
        read(place(file))
    one_line(caught.value)


@pytest.mark.parametrize("read", [read_png8, read_png16, read_exr, read_npy])
def test_a_missing_file(
    place: Callable[[str], Path],
    one_line: Callable[[BaseException], str],
    read: Callable[[Path], Any],
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SceneError, match="none") as caught:
        read(place("none"))
    one_line(caught.value)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("read", "file"),
    [(read_png16, "a16.png"), (read_exr, "z.exr"), (read_npy, "a.npy")],
)
def test_a_torn_file(folder: Path, read: Callable[[Path], Any], file: str) -> None:
    path = folder / file
    path.write_bytes(path.read_bytes()[:-12])
    if file == "a16.png":  # without its end, it is whole to GDAL
        path.write_bytes(path.read_bytes()[:-25])
    with pytest.raises(SceneError, match=r"damaged.*(copy)"):
        read(path)


@pytest.mark.parametrize("bands", [1, 3, 4])
def test_a_torn_png_of_8_bit_is_no_picture_of_memory(tmp_path: Path, bands: int) -> None:
    """GDAL 3.10, decoding it at once, gives what is left of earlier files and no error."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, bands), np.uint8)
    path = tmp_path / "a.png"
    Image.fromarray(noise.squeeze()).save(path)
    assert_array_equal(read_bands(path, bands=(bands,), dtype="uint8"), noise.transpose(2, 0, 1))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(SceneError, match="damaged"):
        read_bands(path, bands=(bands,), dtype="uint8")


def test_objects_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "o.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(SceneError, match="is no array of NumPy"):
        read_npy(tmp_path / "o.npy")
    np.save(tmp_path / "s.npy", np.array(["a"]))
    with pytest.raises(SceneError, match="holds no array of numbers"):
        read_npy(tmp_path / "s.npy")
    np.savez(tmp_path / "z.npz", a=VALUES)
    with pytest.raises(SceneError, match="holds no array of numbers"):
        read_npy(tmp_path / "z.npz")


def test_a_torn_zip(folder: Path) -> None:
    archive = folder / "b.zip"
    archive.write_bytes(b"PK\x03\x04 no zip")
    with pytest.raises(SceneError, match=r"b\.zip.*cannot be read .*copy it again"):
        read_npy(inside(archive, "a.npy"))
