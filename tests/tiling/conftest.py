"""Fixtures of the tests of tiles: polygons as somebody drew them, and a town to cut."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pytest
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geosemimtl.errors import GeoSemiMTLError
from geosemimtl.tiling.cutting import tile


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
