"""Fixtures of the tests of tiles: polygons as somebody drew them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pytest
import shapely
from shapely.geometry.base import BaseGeometry


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
