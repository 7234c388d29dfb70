"""City models as others read them: cjio, and whoever asks whether a solid is one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from geosemimtl.vectors.options import VectorOptions
from geosemimtl.vectors.vectorization import vectorize

Write = Callable[..., Path]
CJIO_CHECK = Path(__file__).parents[1] / "judges" / "cjio_check.py"


@pytest.fixture
def ragged(tmp_path: Path, write: Write) -> Callable[[int, float | None], Path]:
    """Return a function that writes the model of buildings of any shape, courts and all."""

    def model(seed: int, simplify_m: float | None) -> Path:
        noise = np.random.default_rng(seed).random((60, 90))
        found = ndimage.gaussian_filter(noise, 1.2) > 0.5
        classes = write(tmp_path / "a_classes.tif", found.astype(np.uint8))
        heights = write(tmp_path / "a_height.tif", (4 + 9 * noise).astype(np.float32))
        options = VectorOptions(min_area_m2=0, simplify_m=simplify_m)
        path = tmp_path / "a.city.json"
        vectorize(classes, tmp_path / "a.gpkg", heights=heights, cityjson=path, options=options)
        return path

    return model


def solids(city: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[Any]]]:
    """Yield each building and the surfaces of its only solid."""
    for building in city["CityObjects"].values():
        (solid,) = building["geometry"]
        (shell,) = solid["boundaries"]
        yield building, shell


def newell(corners: NDArray[np.int64], surface: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """Return twice the area of a surface, as a vector that stands on its outside."""
    rings = [corners[ring] for ring in surface]
    doubled: NDArray[np.int64] = np.sum(
        [np.cross(ring, np.roll(ring, -1, axis=0)).sum(axis=0) for ring in rings], axis=0
    )
    return doubled


def length_m(ring: NDArray[np.int64]) -> float:
    """Return the length of a ring of thousandths of a metre."""
    return float(np.linalg.norm(ring - np.roll(ring, -1, axis=0), axis=1).sum()) / 1000


def test_cjio_reads_it(classes: Path, heights: Path, tmp_path: Path) -> None:
    model = tmp_path / "town.city.json"
    vectorize(classes, tmp_path / "x.gpkg", heights=heights, cityjson=model)
    done = subprocess.run(
        [sys.executable, str(CJIO_CHECK), str(model)], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert (found["version"], found["epsg"]) == ("2.0", 25833)
    assert found["box"] == [368002, 5805965, 0, 368045, 5805998, 9]
    assert found["parts"] == [1, 1, 1]
    assert (found["twice"], found["unused"]) == (0, 0)
    about = dict(line.split(" = ") for line in found["about"] if " = " in line)
    assert about["geom primitives"] == "['Solid']"
    assert about["LoD"] == "['1.2']"
    assert about["semantics surfaces"] == "['GroundSurface', 'RoofSurface', 'WallSurface']"
    assert "|-- Building (3)" in found["about"]


@pytest.mark.parametrize("simplify_m", [0, None])
@pytest.mark.parametrize("seed", range(5))
def test_every_solid_is_closed_and_looks_outside(
    ragged: Callable[[int, float | None], Path], seed: int, simplify_m: float | None
) -> None:
    """In whole steps, as the file has them: nothing is closed or flat only by rounding."""
    city = json.loads(ragged(seed, simplify_m).read_text())
    corners = np.array(city["vertices"], np.int64)
    corners -= corners.min(axis=0)  # keeps products small
    seen = 0
    for building, shell in solids(city):
        seen += 1
        rings = [ring for surface in shell for ring in surface]
        edges = Counter(pair for ring in rings for pair in pairwise([*ring, ring[0]]))
        assert set(edges.values()) == {1}
        assert all((end, start) in edges for start, end in edges)
        volume = 0
        for surface in shell:
            normal = newell(corners, surface)
            points = corners[np.concatenate(surface)]
            assert not ((points - points[0]) @ normal).any(), "not flat"
            volume += int(points[0] @ normal)
        # a sixth of the sum of point by doubled area, in thousandths of a metre; the floor is 0
        height_m = building["attributes"]["height_median_m"]
        area_m2 = building["attributes"]["area_m2"]
        # a court that touches the street costs a centimetre all round
        lost = 0.011 * sum(length_m(corners[ring]) for ring in shell[0]) + 0.01
        assert area_m2 - lost < volume / 6e9 / height_m < area_m2 + 0.01
    assert seen > 5
    rings = [ring for _, shell in solids(city) for surface in shell for ring in surface]
    assert {corner for ring in rings for corner in ring} == set(range(len(corners)))


def test_surfaces_are_what_they_say(ragged: Callable[[int, float | None], Path]) -> None:
    city = json.loads(ragged(0, None).read_text())
    corners = np.array(city["vertices"], np.int64)
    corners -= corners.min(axis=0)
    for building, shell in solids(city):
        semantics = building["geometry"][0]["semantics"]
        (values,) = semantics["values"]
        assert len(values) == len(shell)
        for value, surface in zip(values, shell, strict=True):
            up = np.sign(newell(corners, surface)[2])
            kind = {-1: "GroundSurface", 0: "WallSurface", 1: "RoofSurface"}[int(up)]
            assert semantics["surfaces"][value]["type"] == kind
