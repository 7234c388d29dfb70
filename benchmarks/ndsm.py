"""Measure how well the ground is found beneath a surface model, and what it takes.

Run with ``python benchmarks/ndsm.py``.
Puts synthetic cities and single buildings on terrain (a plane and relief of 100 to 300 m
wavelength, slopes to 15 %, noise of 3 cm), writes the surface as a GeoTIFF, runs
``geosemimtl.ndsm`` and prints the mean absolute error against the true heights over ground,
buildings and trees. Then where it fails, and the time and peak memory of a surface model of
12,000 x 12,000 px.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

import geosemimtl
from geosemimtl.data.city.presets import preset
from geosemimtl.data.city.truth import make_truth
from geosemimtl.machine import peak_memory_mb
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.writing import write_raster

Float = NDArray[np.float64]
SIDE_M = 400.0
GSD_M = 0.5
BUILDING, TREE = 1, 3


def terrain(
    shape: tuple[int, int], seed: int, waves_m: tuple[float, float], plane: float, slope: float
) -> Float:
    """Return a plane plus six waves of random length and direction; its steepest place is given.

    Args:
        shape: Rows and columns of ``GSD_M``.
        seed: Of the waves.
        waves_m: Shortest and longest wave.
        plane: The plane's share of the slope.
        slope: Metres a metre at the steepest place.
    """
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]] * GSD_M
    relief = np.zeros(shape)
    for _ in range(6 if plane < 1 else 0):
        length, angle, phase = random.uniform(*waves_m), *random.uniform(0, 2 * np.pi, 2)
        across = x * np.cos(angle) + y * np.sin(angle)
        relief += length * np.cos(2 * np.pi * across / length + phase)
    angle = random.uniform(0, 2 * np.pi)
    steepest = np.hypot(*np.gradient(relief, GSD_M)).max()
    relief *= (1 - plane) / max(steepest, 1e-9)
    made = plane * (x * np.cos(angle) + y * np.sin(angle)) + relief
    return np.asarray(made * slope / np.hypot(*np.gradient(made, GSD_M)).max() + 100)


def buildings(width_m: float, height_m: float) -> tuple[Float, NDArray[np.uint8]]:
    """Return heights and classes of four square buildings, turned by 17 degrees."""
    count = round(SIDE_M / GSD_M)
    y, x = np.mgrid[0:count, 0:count] * GSD_M
    x, y = x % (SIDE_M / 2) - SIDE_M / 4, y % (SIDE_M / 2) - SIDE_M / 4
    u, v = x * np.cos(0.3) + y * np.sin(0.3), y * np.cos(0.3) - x * np.sin(0.3)
    inside = (np.abs(u) <= width_m / 2) & (np.abs(v) <= width_m / 2)
    return inside * float(height_m), (inside * BUILDING).astype(np.uint8)


def errors(ndsm_m: Float, classes: NDArray[np.uint8], ground_m: Float, folder: Path) -> list[float]:
    """Return the mean absolute error over ground, buildings and trees; NaN for what is absent."""
    noise = np.random.default_rng(0).normal(0, 0.03, ndsm_m.shape)
    surface = (ndsm_m + ground_m + noise).astype(np.float32)
    grid = PixelGrid(
        Affine(GSD_M, 0, 368000, 0, -GSD_M, 5806000), ndsm_m.shape, CRS.from_epsg(25833)
    )
    write_raster(folder / "dsm.tif", surface[None], grid, nodata=-9999)
    geosemimtl.ndsm(folder / "dsm.tif", folder / "ndsm.tif", overwrite=True)
    with rasterio.open(folder / "ndsm.tif") as source:
        wrong = np.abs(source.read(1) - ndsm_m)
    parts = ndsm_m <= 0, classes == BUILDING, classes == TREE
    return [float(wrong[part].mean()) if part.any() else float("nan") for part in parts]


def scenes() -> Iterator[tuple[str, Float, NDArray[np.uint8], Float]]:
    """Yield name, true heights, classes and ground of each scene."""
    count = round(SIDE_M / GSD_M)
    shape = count, count
    for name in ("potsdam", "vaihingen"):
        for seed in (1, 2, 3):
            truth = make_truth(preset(name).style, SIDE_M, SIDE_M, GSD_M, seed)
            ground = terrain(shape, seed, (100, 300), 0.5, 0.15)
            yield f"{name} {seed}", truth.ndsm_m.astype(np.float64), truth.classes, ground
    kinds = {
        "plane": ((100, 300), 1, 0.15),
        "relief": ((100, 300), 0, 0.15),
        "waves of 100 m": ((100, 100), 0, 0.15),
        "relief, 40 %": ((100, 300), 0, 0.4),
    }
    for width, height in ((60, 4), (60, 30), (75, 10)):
        for kind, arguments in kinds.items():
            made = buildings(width, height)
            yield f"{width} m wide, {height} m high: {kind}", *made, terrain(shape, 1, *arguments)
    yield from hard_scenes(shape)


def hard_scenes(
    shape: tuple[int, int],
) -> Iterator[tuple[str, Float, NDArray[np.uint8], Float]]:
    """Yield scenes at and beyond the filter's limits."""
    count = shape[0]
    for seed in (2, 3, 4):
        ground = terrain(shape, seed, (100, 100), 0, 0.15)
        yield f"60 m wide, 4 m: waves of 100 m, {seed}", *buildings(60, 4), ground
    heights, classes = buildings(50, 15)
    yard, _ = buildings(12, 1)
    heights, classes = heights * (yard == 0), (classes * (yard == 0)).astype(np.uint8)
    yield "courtyards of 12 m", heights, classes, terrain(shape, 1, (100, 300), 0.5, 0.15)
    empty = np.zeros(shape), np.zeros(shape, np.uint8)
    cliff = terrain(shape, 1, (100, 300), 0.5, 0.15) + 8.0 * (np.arange(count) > count / 2)
    yield "a cliff of 8 m", *empty, cliff
    for cover in (0.9, 0.99):
        trees = np.random.default_rng(0).uniform(size=(count // 8, count // 8)) < cover
        forest: Float = np.kron(trees, np.ones((8, 8))).astype(np.float64)
        ground = terrain(shape, 1, (100, 300), 0.5, 0.15)
        yield f"forest, {cover:.0%} covered", forest * 15, (forest * TREE).astype(np.uint8), ground
    for depth in (25, 45):
        edge: Float = np.zeros(shape)
        edge[300:420, : round(depth / GSD_M)] = 10
        classes = (edge > 0).astype(np.uint8)
        yield f"{depth} m deep at the edge", edge, classes, terrain(shape, 1, (100, 300), 0.5, 0.15)


def measure_large(folder: Path, side: int = 12000) -> None:
    """Print time and peak memory of a large surface model, in a process of its own."""
    grid = PixelGrid(Affine(0.1, 0, 368000, 0, -0.1, 5806000), (side, side), CRS.from_epsg(25833))
    truth = make_truth(preset("potsdam").style, SIDE_M, SIDE_M, 0.4, 1).ndsm_m
    repeats = -(-side // (truth.shape[0] * 4))
    surface = np.tile(np.kron(truth, np.ones((4, 4), np.float32)), (repeats, repeats))
    write_raster(folder / "large.tif", surface[None, :side, :side], grid, nodata=-9999)
    command = [sys.executable, __file__, str(folder / "large.tif")]
    print(subprocess.run(command, check=True, capture_output=True, text=True).stdout, end="")


def measure(surface: Path) -> None:
    """Run on one surface model and print what it took."""
    started = time.perf_counter()
    geosemimtl.ndsm(surface, surface.with_name("out.tif"))
    seconds = time.perf_counter() - started
    print(f"{surface.name}: {seconds:.0f} s, peak memory {peak_memory_mb():.0f} MB")


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"{'mean absolute error, m':40s} ground  buildings  trees")
        for scene, heights, classes, ground in scenes():
            found = errors(heights, classes, ground, folder)
            print(f"{scene:40s}" + "".join(f"{value:9.2f}" for value in found), flush=True)
        measure_large(folder)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(Path(sys.argv[1]))
    else:
        main()
