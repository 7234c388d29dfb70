"""Rasters as pictures and arrays: what other programs read is what was written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from PIL import Image

from geosemimtl.classes import ISPRS_CLASSES, Classes, LandClass
from geosemimtl.errors import ConfigError, OutputError
from geosemimtl.raster import formats
from geosemimtl.raster.cog import RawRaster
from geosemimtl.raster.declared import declared_classes, predicted_by
from geosemimtl.raster.environment import unplaced
from geosemimtl.raster.formats import ENDINGS, FORMATS, FileForm, file_forms
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.scene import NOWHERE, open_scene
from geosemimtl.raster.styles import (
    CONFIDENCE_STYLE,
    NORMALS_STYLE,
    PROBABILITY_STYLE,
    Ramp,
    Style,
    disagreement_ramp,
)
from geosemimtl.raster.writing import RasterKind

GridMaker = Callable[..., PixelGrid]
TAGS = {"GEOSEMIMTL_MODEL": "töy 模型"}
CLASSES = RasterKind("uint8", 255, ("classes",), classes=ISPRS_CLASSES, tags=TAGS)
PER_CENT = RasterKind("uint8", 255, ("confidence",), "%", tags=TAGS)
NUMBERS = RasterKind("float32", -9999, ("disparity",), "px", tags=TAGS)
VECTORS = RasterKind("float32", -9999, ("x", "y", "z"), tags=TAGS)
SHARES = RasterKind("uint8", 255, ("a", "b"), "share", scale=0.004, tags=TAGS)
BLACK_TO_RED = Ramp(("#000000", "#fe0000"), (0, 127), "px")


@pytest.fixture
def write(tmp_path: Path, make_grid: GridMaker) -> Callable[..., list[Path]]:
    """Return a function that writes pixels (bands, rows, columns) in the plain format."""

    def write(pixels: NDArray[Any], kind: RasterKind, style: Style) -> list[Path]:
        paths = []
        numbers = tmp_path / "a.raw"
        with RawRaster(numbers, make_grid(pixels.shape[1:]), kind) as raw:
            raw.write(0, pixels)
            for form in file_forms("png", kind, style):
                paths.append(tmp_path / f"a{form.ending}")
                form.write(raw, style, paths[-1], "zstd")
                assert form.texts(kind, style) == {}
        numbers.unlink()
        assert {path.name for path in tmp_path.iterdir()} == {path.name for path in paths}
        return paths

    return write


@pytest.mark.parametrize(
    ("kind", "style", "endings"),
    [
        (CLASSES, ISPRS_CLASSES, (".png",)),
        (PER_CENT, CONFIDENCE_STYLE, (".png",)),
        (NUMBERS, BLACK_TO_RED, ("_preview.png", ".npy")),
        (VECTORS, NORMALS_STYLE, ("_preview.png", ".npy")),
        (SHARES, PROBABILITY_STYLE, (".npy",)),
        (RasterKind("float32", -9999, ("a", "b")), disagreement_ramp("share"), (".npy",)),
        (RasterKind("float32", -9999, ("a", "b", "c")), disagreement_ramp("m"), (".npy",)),
    ],
)
def test_each_raster_has_its_files(
    kind: RasterKind, style: Style, endings: tuple[str, ...]
) -> None:
    assert tuple(form.ending for form in file_forms("png", kind, style)) == endings
    assert set(endings) <= set(ENDINGS["png"])
    (form,) = file_forms("tif", kind, style)
    assert (form.ending,) == ENDINGS["tif"]
    texts = {".qml", ".tif.aux.xml"} if kind is CLASSES else {".qml"}
    assert set(form.texts(kind, style)) == texts


def test_formats_are_named() -> None:
    assert set(FORMATS) == set(ENDINGS)
    with pytest.raises(ConfigError, match="--format jpg: choose from tif, png"):
        file_forms("jpg", CLASSES, ISPRS_CLASSES)


def test_classes_are_indices_in_their_colours(write: Callable[..., list[Path]]) -> None:
    pixels = np.arange(6 * 9, dtype=np.uint8).reshape(1, 6, 9) % 6
    pixels[0, 0, :4] = 255
    (path,) = write(pixels, CLASSES, ISPRS_CLASSES)
    with Image.open(path) as picture:
        assert picture.mode == "P"
        np.testing.assert_array_equal(np.asarray(picture), pixels[0])
        seen = np.asarray(picture.convert("RGBA"))
    assert not seen[0, :4, 3].any()
    for index, entry in enumerate(ISPRS_CLASSES.entries):
        assert {tuple(pixel) for pixel in seen[pixels[0] == index]} == {(*entry.rgb, 255)}


def test_a_picture_says_what_it_is(write: Callable[..., list[Path]]) -> None:
    names = ("straße", "道路")
    classes = Classes(entries=tuple(LandClass(name=name, color="#123456") for name in names))
    kind = RasterKind("uint8", 255, ("classes",), classes=classes, tags=TAGS)
    (path,) = write(np.zeros((1, 4, 4), np.uint8), kind, classes)
    assert predicted_by(path) == TAGS["GEOSEMIMTL_MODEL"]
    assert declared_classes(open_scene(path, fallback=NOWHERE)) == classes
    with unplaced():
        opened = rasterio.open(path)
    with opened as source:
        assert source.nodata == 255
        assert source.crs is None


def test_per_cent_stay_per_cent(write: Callable[..., list[Path]]) -> None:
    pixels = np.array([[[0, 50, 100, 255]]], np.uint8)
    (path,) = write(pixels, PER_CENT, CONFIDENCE_STYLE)
    with Image.open(path) as picture:
        np.testing.assert_array_equal(np.asarray(picture), pixels[0])
        seen = np.asarray(picture.convert("RGBA"))[0]
    first, middle, last = (CONFIDENCE_STYLE.colors[place] for place in (0, 2, 4))
    assert ["#{:02x}{:02x}{:02x}".format(*pixel[:3]) for pixel in seen[:3]] == [first, middle, last]
    assert seen[3, 3] == 0


def test_numbers_are_numpys(write: Callable[..., list[Path]]) -> None:
    pixels = np.linspace(-3, 200, 35, dtype=np.float32).reshape(1, 5, 7)
    pixels[0, 2, 3] = -9999
    preview, path = write(pixels, NUMBERS, BLACK_TO_RED)
    numbers = np.load(path)
    assert (numbers.dtype, numbers.shape) == (np.float32, (5, 7))
    assert np.isnan(numbers[2, 3])
    pixels[0, 2, 3] = np.nan
    np.testing.assert_array_equal(numbers, pixels[0])
    with Image.open(preview) as picture:
        seen = np.asarray(picture.convert("RGBA"))
    assert seen[2, 3, 3] == 0
    shown = np.isfinite(numbers)
    expected = numbers[shown].clip(0, 127) * 2
    np.testing.assert_allclose(seen[shown][:, 0], expected, atol=1)
    assert not seen[shown][:, 1:3].any()
    assert (seen[shown][:, 3] == 255).all()
    assert predicted_by(preview) == TAGS["GEOSEMIMTL_MODEL"]


def test_vectors_are_bands_and_three_colours(write: Callable[..., list[Path]]) -> None:
    pixels = np.array([[[-1, 0, 1, -9999]], [[0, 0, 0, -9999]], [[0, 1, 0, -9999]]], np.float32)
    preview, path = write(pixels, VECTORS, NORMALS_STYLE)
    numbers = np.load(path)
    assert numbers.shape == (3, 1, 4)
    np.testing.assert_array_equal(numbers[..., :3], pixels[..., :3])
    assert np.isnan(numbers[..., 3]).all()
    with Image.open(preview) as picture:
        assert picture.mode == "RGB"
        seen = np.asarray(picture.convert("RGBA"))[0].tolist()
    assert seen == [[0, 128, 128, 255], [128, 128, 255, 255], [255, 128, 128, 255], [0, 0, 0, 0]]


def test_shares_stay_bytes(write: Callable[..., list[Path]]) -> None:
    pixels = np.array([[[0, 255]], [[250, 255]]], np.uint8)
    (path,) = write(pixels, SHARES, PROBABILITY_STYLE)
    np.testing.assert_array_equal(np.load(path), pixels)
    assert np.load(path).dtype == np.uint8


def test_large_arrays_are_written_piece_by_piece(
    write: Callable[..., list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pieces end within rows, and within bands."""
    monkeypatch.setattr("geosemimtl.raster.cog._CHUNK", 5)
    pixels = np.arange(3 * 4 * 7, dtype=np.float32).reshape(3, 4, 7)
    _, path = write(pixels, VECTORS, NORMALS_STYLE)
    np.testing.assert_array_equal(np.load(path), pixels)


def test_what_was_never_written_is_zero(tmp_path: Path, make_grid: GridMaker) -> None:
    with RawRaster(tmp_path / "a.raw", make_grid((3, 4)), NUMBERS) as raw:
        raw.write(0, np.ones((1, 1, 4), np.float32))
        formats.write_npy(raw, BLACK_TO_RED, tmp_path / "a.npy")
    assert np.load(tmp_path / "a.npy").sum() == 4


@pytest.mark.parametrize("ending", ENDINGS["png"])
def test_an_error_leaves_nothing(
    tmp_path: Path, make_grid: GridMaker, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    """Of a PNG that GDAL says it wrote, and of an array."""

    def cut(_: Path, path: Path, **__: Any) -> None:
        path.write_bytes(b"PNG")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rasterio.shutil.copy", cut)
    monkeypatch.setattr(formats, "write_all", full)
    kind, style = (PER_CENT, CONFIDENCE_STYLE) if ending == ".png" else (NUMBERS, BLACK_TO_RED)
    forms: dict[str, FileForm] = {form.ending: form for form in file_forms("png", kind, style)}
    with RawRaster(tmp_path / "a.raw", make_grid((3, 4)), kind) as raw, pytest.raises(OutputError):
        forms[ending].write(raw, style, tmp_path / f"a{ending}", "")
    assert [path.name for path in tmp_path.iterdir()] == ["a.raw"]


def test_classes_have_no_preview(tmp_path: Path, make_grid: GridMaker) -> None:
    with RawRaster(tmp_path / "a.raw", make_grid((3, 4)), NUMBERS) as raw, pytest.raises(TypeError):
        formats.write_preview(raw, ISPRS_CLASSES, tmp_path / "a.png")
