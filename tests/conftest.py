"""Fixtures for every test: tiny rasters, and the independent judges."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import warnings
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import pytest
import rasterio
from affine import Affine
from hypothesis import settings
from numpy.typing import NDArray
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning

from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.resample import axis_taps

# Tiny networks wait for threads longer than they compute, the more so beside another worker: the
# suite takes eight times as long with two threads a worker on two cores. Set before torch starts,
# and for the programs that tests run.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The same examples in every run, and no deadline: shared machines are slow now and then.
settings.register_profile("house", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("house")

#: The Python for which Debian's python3-gdal and python3-qgis are installed.
SYSTEM_PYTHON = "/usr/bin/python3"
#: What a judge needs beyond being installed: modules that the system's Python must import.
JUDGE_MODULES = {"gdal": "osgeo.gdal", "qgis": "qgis.core"}


#: Real scenes that are lent beside the checkout. The project must work where they are not.
SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is marked ``shared`` where the real scenes were not lent."""
    reason = f"the real scenes are not lent here: {SHARED_DATA}"
    for item in items:
        if item.get_closest_marker("shared") and not SHARED_DATA.is_dir():
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of the real scenes, for tests that are marked ``shared``."""
    return SHARED_DATA


@pytest.fixture(scope="session")
def judge() -> Callable[[str], str]:
    """Return a function that finds a judge's program, and skips where it is absent.

    ``gdal`` and ``qgis`` are the system's Python with these modules; other names are programs. In
    CI an absent judge is a failure: there nothing may be skipped unseen.
    """

    def find(name: str) -> str:
        module = JUDGE_MODULES.get(name)
        program = shutil.which(SYSTEM_PYTHON if module else name)
        if program and module:
            command = [program, "-c", f"import {module}"]
            if subprocess.run(command, capture_output=True, check=False).returncode:
                program = None
        if program is None:
            reason = f"the judge {name} is absent: apt-get install gdal-bin python3-qgis chromium"
            (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
        return program

    return find


class Page(HTMLParser):
    """A web page's elements, each closed by its own end.

    Attributes:
        elements: Names and attributes, in their order.
        texts: What is written in elements of each name.
    """

    _EMPTY = frozenset({"meta", "link", "img", "input", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element, and that it is open."""
        assert len(dict(attrs)) == len(attrs), f"<{tag}> has an attribute twice"
        self.elements.append((tag, dict(attrs)))
        if tag not in self._EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element that has nothing in it, as SVG's have."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep what is written."""
        if self._open and data.strip():
            self.texts.setdefault(self._open[-1], []).append(data.strip())

    def all(self, name: str) -> list[str | None]:
        """Return an attribute of all elements that have it."""
        return [attributes[name] for _, attributes in self.elements if name in attributes]


@pytest.fixture
def read_page() -> Callable[[str], Page]:
    """Return a function that takes a web page apart, and refuses one that is not well formed."""
    return Page


@pytest.fixture
def make_raster(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a small GeoTIFF and returns its path.

    Arguments: name, pixels (bands, rows, columns); by keyword ``gsd`` (map units, one number or
    x and y), ``transform``, ``crs``, ``nodata``, ``mask`` (rows, columns), ``colours`` (names of
    the bands' colour interpretations), ``names`` (band descriptions).
    """

    def make(
        name: str,
        pixels: NDArray[Any],
        *,
        gsd: float | tuple[float, float] = 0.05,
        transform: Affine | None = None,
        crs: str | None = "EPSG:25833",
        nodata: float | None = None,
        mask: NDArray[np.bool_] | None = None,
        colours: Sequence[str] | None = None,
        names: Sequence[str] | None = None,
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        across, down = gsd if isinstance(gsd, tuple) else (gsd, gsd)
        profile = {
            "driver": "GTiff",
            "count": pixels.shape[0],
            "height": pixels.shape[1],
            "width": pixels.shape[2],
            "dtype": str(pixels.dtype),
            "crs": crs,
            "nodata": nodata,
            "transform": transform or Affine(across, 0, 368000, 0, -down, 5806000),
        }
        with (
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
            rasterio.open(path, "w", **profile) as target,
        ):
            if colours is not None:
                target.colorinterp = [ColorInterp[colour] for colour in colours]
            target.write(pixels)
            if names is not None:
                target.descriptions = tuple(names)
            if mask is not None:
                target.write_mask(mask)
        return path

    return make


@pytest.fixture
def noise() -> Callable[..., NDArray[Any]]:
    """Return a function that draws seeded pixels from 1 up: shape, and by keyword dtype, high."""

    def draw(*shape: int, dtype: str = "uint8", high: int = 256, seed: int = 0) -> NDArray[Any]:
        return np.random.default_rng(seed).integers(1, high, shape).astype(dtype)

    return draw


@pytest.fixture
def make_grid() -> Callable[..., PixelGrid]:
    """Return a function that makes a grid: shape; by keyword gsd (x, y), degrees, crs."""

    def make(
        shape: tuple[int, int],
        *,
        gsd: tuple[float, float] = (0.05, 0.05),
        degrees: float = 0.0,
        crs: str = "EPSG:25833",
        origin: tuple[float, float] = (368000.0, 5806000.0),
    ) -> PixelGrid:
        turned = Affine.translation(*origin) @ Affine.rotation(degrees)
        transform = turned @ Affine.scale(gsd[0], -gsd[1])
        return PixelGrid(transform, shape, rasterio.crs.CRS.from_user_input(crs))

    return make


@pytest.fixture(scope="session")
def axis_matrix() -> Callable[[int, int, float], NDArray[np.float64]]:
    """Return a function that gives an axis's taps as a matrix of (output, input) pixels."""

    def dense(n_in: int, n_out: int, step: float) -> NDArray[np.float64]:
        taps = axis_taps(n_in, n_out, step)
        matrix = np.zeros((n_out, n_in))
        np.add.at(matrix, (np.arange(n_out), taps.places(n_in)), taps.weights)
        return matrix

    return dense


@pytest.fixture
def stac_item(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """Return a function that reads a STAC item, and refuses one that is none by pystac's schemas.

    The core's come with pystac; extensions' need a network, which is not asked for.
    """
    validator = JsonSchemaSTACValidator()

    def offline(_: object, source: object, *__: object, **___: object) -> str:
        raise AssertionError(f"asks for {source}")

    monkeypatch.setattr(pystac.stac_io.DefaultStacIO, "read_text", offline)

    def checked(text: str) -> dict[str, Any]:
        item: dict[str, Any] = json.loads(text)
        assert text.endswith("}\n")
        validator.validate_core(item, pystac.STACObjectType.ITEM, item["stac_version"])
        return item

    return checked


@pytest.fixture
def one_line() -> Callable[[BaseException], str]:
    """Return a function that gives an error's message, which must be one line."""

    def message(error: BaseException) -> str:
        text = str(error)
        assert text
        assert "\n" not in text
        return text

    return message


#: The benchmark's colours in the order of this project's indices.
ISPRS_COLOURS = np.array(
    [(255, 255, 255), (0, 0, 255), (0, 255, 255), (0, 255, 0), (255, 255, 0), (255, 0, 0)], np.uint8
)
#: Values of the fakes' bands.
ISPRS_BANDS = {"nir": 200, "red": 120, "green": 80, "blue": 40}


def _fake_labels(shape: tuple[int, int], name: str) -> NDArray[np.uint8]:
    """Return six stripes of classes as colours (3, rows, columns), with the slips of two files."""
    stripes = np.broadcast_to(np.arange(shape[1]) * 6 // shape[1], shape)
    colours = np.moveaxis(ISPRS_COLOURS[stripes], -1, 0).copy()
    if "noBoundary" in name:
        colours[:, :, ::12] = 0
    if "_4_12_" in name:  # a lossy copy
        offsets = np.random.default_rng(0).integers(0, 60, colours.shape)
        return np.where(colours > 127, 255 - offsets, offsets).astype(np.uint8)
    if "_6_7_" in name:
        colours[0][stripes == 4] = 252
    return colours


def _fake_raster(path: Path, pixels: NDArray[Any], place: Affine | None, colours: str = "") -> None:
    """Write what ISPRS ships: no CRS, the place in a world file; a JPEG has none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"count": len(pixels), "height": pixels.shape[1], "width": pixels.shape[2]}
    options |= {"dtype": str(pixels.dtype)}
    is_jpeg = path.suffix == ".jpg"
    if is_jpeg:
        options |= {"driver": "JPEG", "quality": 100}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", **({"driver": "GTiff"} | options)) as target:
            target.write(pixels)
            if colours:
                target.colorinterp = [ColorInterp[colour] for colour in colours.split()]
    path.with_name(path.name + ".aux.xml").unlink(missing_ok=True)
    if place is not None and not is_jpeg:
        _fake_world(path.with_suffix(".tfw"), place)


def _fake_greys(shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Return ground, and 55 from column 24 on: whole blocks of a JPEG, so that both are exact."""
    return np.broadcast_to(np.where(np.arange(shape[1]) < 24, 0, 55), (1, *shape)).astype(np.uint8)


def _fake_world(path: Path, place: Affine) -> None:
    x, y = place @ (0.5, 0.5)
    path.write_text(f"{place.a!r}\n0.0\n0.0\n{place.e!r}\n{x!r}\n{y!r}\n")


def _fake_potsdam(root: Path, patches: Sequence[tuple[int, int]]) -> None:
    shape = (72, 72)
    for row, col in patches:
        name, padded = f"top_potsdam_{row}_{col}", f"dsm_potsdam_{row:02}_{col:02}"
        place = Affine(0.05, 0, 366000 + col * 3.6, 0, -0.05, 5808000 - row * 3.6)
        for folder, variant, bands in (
            ("2_Ortho_RGB", "RGB", ("red", "green", "blue")),
            ("3_Ortho_IRRG", "IRRG", ("nir", "red", "green")),
            ("4_Ortho_RGBIR", "RGBIR", ("red", "green", "blue", "nir")),
        ):
            image = np.stack([np.full(shape, ISPRS_BANDS[band], np.uint8) for band in bands])
            colours = "red green blue" + " alpha" * (len(bands) == 4)
            _fake_raster(root / folder / f"{name}_{variant}.tif", image, place, colours)
        for folder, end in (("all", "label"), ("all_noBoundary", "label_noBoundary")):
            file = root / f"5_Labels_{folder}" / f"{name}_{end}.tif"
            _fake_raster(file, _fake_labels(shape, file.name), place)
        width = 71 if (row, col) == (3, 13) else 72  # as shipped: a column is missing
        greys = _fake_greys((72, width))
        metres = np.full((1, 72, width), 40.5, np.float32)
        _fake_raster(root / "1_DSM" / f"{padded}.tif", metres, place)
        for way, values in (("lastools", greys), ("ownapproach", 0 * greys)):
            file = root / "1_DSM_normalisation" / f"{padded}_normalized_{way}.jpg"
            _fake_raster(file, values, None)


def _fake_vaihingen(root: Path, areas: Sequence[tuple[int, int]]) -> None:
    shape, zipped = (40, 48), "ISPRS_semantic_labeling_Vaihingen"
    for number, shipped in areas:
        place = Affine(0.09, 0, 497000 + number * 10, 0, -0.09, 5419000)
        top, dsm = f"top_mosaic_09cm_area{number}", f"dsm_09cm_matching_area{number}"
        image = np.stack([np.full(shape, v, np.uint8) for v in list(ISPRS_BANDS.values())[:3]])
        labels = _fake_labels(shape, f"{top}.tif")
        eroded = _fake_labels(shape, f"{top}_noBoundary.tif")
        _fake_raster(root / zipped / "top" / f"{top}.tif", image, None)
        _fake_raster(root / zipped / "dsm" / f"{dsm}.tif", labels[:1] + np.float32(250.5), None)
        if shipped:  # with the images; the complete ones came later
            _fake_raster(root / zipped / "gts_for_participants" / f"{top}.tif", labels, None)
        _fake_raster(root / f"{zipped}_ground_truth_COMPLETE" / f"{top}.tif", labels, None)
        file = root / f"{zipped}_ground_truth_eroded_COMPLETE" / f"{top}_noBoundary.tif"
        _fake_raster(file, eroded, None)
        _fake_raster(root / "ndsm" / f"{dsm}_normalized.jpg", _fake_greys(shape), None)
        geo = root / "Vaihingen_dsm_tiles_geoinfo"
        geo.mkdir(exist_ok=True)
        _fake_world(geo / f"{dsm}.tfw", place)


@pytest.fixture(scope="session")
def write_isprs() -> Callable[[Path, str, Sequence[tuple[int, int]]], None]:
    """Return a function that writes a fake of an ISPRS data set into a folder.

    Names, folders, colours and encodings are ISPRS's; scenes are of 72 x 72 and 40 x 48 px, in six
    stripes of classes, heights of grey 0, and 55 from column 24 on. Arguments: the folder,
    ``potsdam`` or ``vaihingen``, and its scenes (row and column of a patch; number of an area, and
    whether its labels were released at first).
    """

    def write(root: Path, name: str, scenes: Sequence[tuple[int, int]]) -> None:
        {"potsdam": _fake_potsdam, "vaihingen": _fake_vaihingen}[name](root, scenes)

    return write


@pytest.fixture
def make_isprs(
    tmp_path: Path, write_isprs: Callable[[Path, str, Sequence[tuple[int, int]]], None]
) -> Callable[..., Path]:
    """Return a function that writes a fake of ``write_isprs`` and returns its folder.

    Arguments: name and scenes as there; by keyword ``zips`` for a zip in place of each folder.
    """

    def make(name: str, scenes: Sequence[tuple[int, int]], *, zips: bool = False) -> Path:
        root = tmp_path / name
        write_isprs(root, name, scenes)
        for folder in sorted(root.iterdir()) if zips else ():
            # those of the complete ground truth hold no folder
            inner = None if "COMPLETE" in folder.name else folder.name
            shutil.make_archive(str(folder), "zip", root if inner else folder, inner)
            shutil.rmtree(folder)
        return root

    return make


@pytest.fixture(autouse=True)
def _heard() -> None:
    """Undo the -q that a test or its fixtures gave the command line: it holds for the process."""
    logging.getLogger("geosemimtl").setLevel(logging.NOTSET)
