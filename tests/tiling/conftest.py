"""Fixtures of the tests of tiles: polygons as somebody drew them, a town and streets to cut."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pytest
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning
from shapely.geometry.base import BaseGeometry

from geosemimtl.classes import ClassMap, MappedClass
from geosemimtl.errors import GeoSemiMTLError
from geosemimtl.tasks import NODATA
from geosemimtl.tiling.cutting import tile
from geosemimtl.tiling.data_set import DataSet
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.scenes import SceneFiles


@pytest.fixture
def make_polygons(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a vector file and returns its path.

    Arguments: name, shapes (``None`` for a feature without), values of the class column; by
    keyword ``column``, ``crs``, ``layer``, ``append``. Values are whole numbers, or text and
    ``None``.
    """

    def make(
        name: str,
        shapes: Sequence[BaseGeometry | None],
        values: Sequence[Any],
        *,
        column: str = "class",
        crs: str | None = "EPSG:25833",
        layer: str | None = None,
        append: bool = False,
    ) -> Path:
        path = tmp_path / name
        numeric = all(isinstance(value, int | float) for value in values)
        field = np.array(values) if numeric else np.array(values, dtype=object)
        kinds = {shape.geom_type for shape in shapes if shape is not None}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "'crs' was not provided")
            pyogrio.raw.write(
                path,
                shapely.to_wkb(np.array(shapes, dtype=object)),
                [field],
                [column],
                layer=layer or path.stem,
                geometry_type=kinds.pop() if len(kinds) == 1 else "Unknown",
                crs=crs,
                append=append,
                driver="GeoJSON" if path.suffix == ".json" else None,
            )
        return path

    return make


RGB = ("red", "green", "blue")


@dataclass(frozen=True)
class Town:
    """An image with a hole, labels and heights of one place, and what is in them."""

    image: Path
    label: Path
    ndsm: Path
    pixels: NDArray[Any]
    valid: NDArray[np.bool_]
    classes: NDArray[Any]
    heights: NDArray[Any]

    @property
    def layers(self) -> dict[str, list[Path]]:
        """The arguments of ``tile`` that name the files."""
        return {"scenes": [self.image], "labels": [self.label], "heights": [self.ndsm]}


@pytest.fixture
def make_town(make_raster: Callable[..., Path], noise: Callable[..., Any]) -> Callable[..., Town]:
    """Return a function that writes a town of 120 x 150 px of 0.05 m.

    Arguments: prefix of the files' names, and how often each pixel is repeated down and across.
    """

    def make(prefix: str = "", times: int = 1) -> Town:
        random = np.random.default_rng(5)
        pixels = noise(3, 120, 150)
        valid = np.ones((120, 150), bool)
        valid[:40, :30] = False
        classes = random.integers(0, 6, (1, 24, 30), dtype=np.uint8).repeat(5, 1).repeat(5, 2)
        classes[0, 60:70, 60:90] = 255
        heights = random.gamma(2, 3, (1, 120, 150)).astype(np.float32)
        heights[0, 100:, 100:] = -9999
        arrays: list[NDArray[Any]] = [
            array.repeat(times, -2).repeat(times, -1) for array in (pixels, valid, classes, heights)
        ]
        return Town(
            make_raster(f"{prefix}image.tif", arrays[0], mask=arrays[1], colours=RGB),
            make_raster(f"{prefix}label.tif", arrays[2]),
            make_raster(f"{prefix}ndsm.tif", arrays[3], nodata=-9999),
            *arrays,
        )

    return make


@pytest.fixture
def town(make_town: Callable[..., Town]) -> Town:
    """Return one town."""
    return make_town()


#: Of the images below: label files write a road as 7 and a car as 26, 255 where nobody looked.
STREET_CLASSES = ClassMap(
    entries=(
        MappedClass(name="road", color="#804080", written=(7,)),
        MappedClass(name="car", color="#00008e", written=(26,)),
    ),
    ignore=(255,),
)
STREET_NAMES = ("aachen_1", "bremen_1", "bremen_2")
STREET_PX = (4, 6)


def sixteen_bits(path: Path) -> NDArray[np.float32]:
    """Read metres from a PNG of 256ths, in which 0 is nothing."""
    with rasterio.open(path) as source:
        levels = source.read(1).astype(np.float32)
    return np.where(levels > 0, levels / 256, np.nan).astype(np.float32)


def vectors(path: Path) -> NDArray[np.float32]:
    """Read unit vectors from numpy's file, channels last; a vector of 0 is nothing."""
    array = np.moveaxis(np.load(path), -1, 0).astype(np.float32)
    known = np.square(array).sum(axis=0) > 0
    return np.where(known, array, np.float32(np.nan))


def png(path: Path, array: NDArray[Any]) -> Path:
    """Write an image without any place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bands = array if array.ndim == 3 else array[None]
    size = dict(zip(("count", "height", "width"), bands.shape, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", driver="PNG", dtype=str(bands.dtype), **size) as target:
            target.write(bands)
    path.with_name(path.name + ".aux.xml").unlink(missing_ok=True)
    return path


class Street:
    """A scene's arrays as they are meant, and its files."""

    def __init__(self, folder: Path, name: str, seed: int) -> None:
        random = np.random.default_rng(seed)
        shape = STREET_PX
        self.pixels = random.integers(0, 256, (3, *shape), dtype=np.uint8)
        self.classes = random.integers(0, 2, shape, dtype=np.uint8)
        self.classes[0, 0] = 255
        self.levels = random.integers(1, 65536, shape).astype(np.uint16)
        self.levels[0, 1] = 0
        self.normals = np.zeros((3, *shape), np.float32)
        choice = random.integers(0, 3, shape)
        for axis in range(3):
            self.normals[axis][choice == axis] = -1
        self.normals[:, 0, 2] = 0
        self.salient = random.integers(0, 2, shape, dtype=np.uint8)
        written = np.select([self.classes == 0, self.classes == 1], [7, 26], 255).astype(np.uint8)
        (folder / "normals").mkdir(parents=True, exist_ok=True)
        np.save(folder / "normals" / f"{name}.npy", np.moveaxis(self.normals, 0, -1))
        self.files = SceneFiles(
            name,
            (png(folder / "image" / f"{name}.png", self.pixels),),
            {
                "segmentation": (png(folder / "label" / f"{name}.png", written),),
                "depth": (png(folder / "depth" / f"{name}.png", self.levels),),
                "normals": (folder / "normals" / f"{name}.npy",),
                "saliency": (png(folder / "saliency" / f"{name}.png", self.salient),),
            },
        )

    @property
    def depth(self) -> NDArray[np.float32]:
        """Metres, nodata where nothing is known."""
        return np.where(self.levels > 0, self.levels / np.float32(256), NODATA).astype(np.float32)

    @property
    def facing(self) -> NDArray[np.float32]:
        """Unit vectors, nodata where nothing is known."""
        known = np.square(self.normals).sum(axis=0) > 0
        return np.where(known, self.normals, np.float32(NODATA))


@pytest.fixture
def write_png() -> Callable[[Path, NDArray[Any]], Path]:
    """Return a function that writes an image without any place, and returns its path."""
    return png


@pytest.fixture
def streets(tmp_path: Path) -> dict[str, Street]:
    """Return three images of 4 x 6 px with labels for four tasks, by name."""
    return {name: Street(tmp_path / "in", name, seed) for seed, name in enumerate(STREET_NAMES)}


@pytest.fixture
def street_data(streets: dict[str, Street]) -> Callable[..., DataSet]:
    """Return a function that gives them as a data set, options by keyword."""

    def data(**changed: Any) -> DataSet:
        usual: dict[str, Any] = {"resize": STREET_PX, "classes": STREET_CLASSES}
        options = TileOptions(**(usual | changed))
        scenes = tuple(street.files for street in streets.values())
        return DataSet(scenes, options, {"depth": sixteen_bits, "normals": vectors})

    return data


@pytest.fixture
def read_tile() -> Callable[[Path, str], dict[str, NDArray[Any]]]:
    """Return a function that reads the layers of a scene's only tile, which lies nowhere."""

    def read(folder: Path, name: str) -> dict[str, NDArray[Any]]:
        layers = {}
        for path in folder.glob(f"*/{name}_r000_c000.tif"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
                source = rasterio.open(path)
            with source:
                assert source.crs is None
                assert source.transform == Affine.identity()
                assert not source.gcps[0]
                layers[path.parent.name] = source.read()
        return layers

    return read


@pytest.fixture
def contents() -> Callable[[Path], dict[str, bytes]]:
    """Return a function that gives the bytes of every file below a folder by its path there."""

    def read(folder: Path) -> dict[str, bytes]:
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }

    return read


@pytest.fixture
def refused(one_line: Callable[[BaseException], str]) -> Callable[..., str]:
    """Return a function that gives the message with which ``tile`` refuses; nothing may be left.

    Arguments: the error's class, the output, and by keyword those of ``tile``.
    """

    def message(error: type[GeoSemiMTLError], output: Path, **wanted: Any) -> str:
        before = set(output.parent.iterdir())
        with pytest.raises(error) as caught:
            tile(output=output, **wanted)
        assert set(output.parent.iterdir()) == before
        return one_line(caught.value)

    return message
