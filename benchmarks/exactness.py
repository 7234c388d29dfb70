"""Compare tiles, put back together, with what ``gdalwarp`` makes of the same scene.

Run with ``python benchmarks/exactness.py`` (needs gdal-bin; two minutes).
Draws the synthetic city (1200 x 1200 px of 0.05 m, EPSG:25833, a hole and specks without data),
cuts image, labels and heights at GSDs up and down, in the same CRS and in others, and prints how
many values differ by how much from ``gdalwarp -et 0`` on the same grid. In the same CRS it also
says how many of the values that differ are undecided: means exactly half between two levels, or
two classes of as many source pixels. There GDAL's own versions differ from each other. The last row
and column are left out where the grid hangs over the scene: GDAL counts the last source pixel for
what is not there, too.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS

from geosemimtl.classes import IGNORE
from geosemimtl.data.city.presets import preset
from geosemimtl.data.city.scene import draw_city
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.reading import height_filter, image_filter, label_filter
from geosemimtl.raster.scene import open_scene
from geosemimtl.raster.writing import write_raster
from geosemimtl.tasks import NODATA
from geosemimtl.tiling.cutting import tile
from geosemimtl.tiling.layers import tile_grid
from geosemimtl.tiling.options import TileOptions

GSD_M, SIDE_M, SEED = 0.05, 60.0, 1
SAME_CRS_M = (0.06, 0.08, 0.09, 0.1, 0.11, 0.2, 0.03)
OTHER_M = (0.09, 0.2, 0.03)
OTHER_CRS = ("EPSG:25832", "EPSG:4326", "EPSG:3035")
FILTERS = {"image": image_filter, "segmentation": label_filter, "height": height_filter}
NODATA_OF = {"segmentation": IGNORE, "height": NODATA}
#: Upper ends of the columns: levels of an image, metres of heights.
LEVELS = (0.0, 1.0, 2.0)
METRES = (1e-5, 1e-3, 1e-1)

Values = NDArray[Any]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class City:
    """The scene: its files by kind, and its pixels."""

    files: dict[str, Path]
    pixels: dict[str, Values]
    grid: PixelGrid


def make_city(folder: Path) -> City:
    """Draw the city and write its layers."""
    city = draw_city(preset("potsdam"), SIDE_M, SIDE_M, SEED, GSD_M)
    grid = PixelGrid(city.transform, city.image.shape[1:], CRS.from_epsg(city.epsg))
    valid = np.random.default_rng(SEED).random(grid.shape) > 0.001
    valid[300:500, 200:600] = False
    heights = np.where(valid, city.ndsm_m, NODATA).astype(np.float32)
    pixels: dict[str, Values] = {
        "image": city.image,
        "segmentation": city.classes.astype(np.uint8)[None],
        "height": heights[None],
    }
    files = {kind: folder / f"{kind}.tif" for kind in pixels}
    for kind, values in pixels.items():
        mask = valid if kind == "image" else None
        write_raster(files[kind], values, grid, nodata=NODATA_OF.get(kind), valid=mask)
    return City(files, pixels | {"valid": valid[None]}, grid)


def put_together(folder: Path, grid: PixelGrid) -> tuple[Values, Mask]:
    """Return what the tiles of a folder show on their grid, and where they are valid."""
    rows, cols = grid.shape
    values, valid = np.zeros((0, 0, 0)), np.zeros((rows, cols), bool)
    for path in sorted(folder.iterdir()):
        with rasterio.open(path) as source:
            col, row = (
                round(place) for place in ~grid.transform @ (source.transform.c, source.transform.f)
            )
            tile_values, mask = source.read(), source.dataset_mask() > 0
        if not values.size:
            values = np.zeros((len(tile_values), rows, cols), tile_values.dtype)
        height, width = min(rows - row, len(mask)), min(cols - col, len(mask))
        values[:, row : row + height, col : col + width] = tile_values[:, :height, :width]
        valid[row : row + height, col : col + width] = mask[:height, :width]
    return values, valid


def by_gdal(city: City, kind: str, grid: PixelGrid, out: Path) -> tuple[Values, Mask]:
    """Return what gdalwarp gives on a grid."""
    (left, bottom, right, top), (rows, cols) = grid.bounds, grid.shape
    resampling = FILTERS[kind](city.grid, grid).name
    where = ["-te", repr(left), repr(bottom), repr(right), repr(top), "-ts", str(cols), str(rows)]
    crs = ["-t_srs", grid.ground_crs.to_wkt(), *(["-dstalpha"] if kind == "image" else [])]
    how = ["-q", "-overwrite", "-et", "0", "-r", resampling]
    subprocess.run(
        [str(shutil.which("gdalwarp")), *how, *crs, *where, city.files[kind], out], check=True
    )
    with rasterio.open(out) as source:
        values, valid = source.read(), source.dataset_mask() > 0
    return (values[:-1] if kind == "image" else values), valid


def area_sums(values: Values, ratio: Fraction, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Return exact sums over the grid's pixels: whole numbers, in parts of a source pixel."""
    sums = values.astype(np.int64)
    for axis, count in zip((1, 2), shape, strict=True):
        length = sums.shape[axis]
        ends = np.arange(count + 1) * ratio.numerator
        whole, part = np.divmod(np.minimum(ends, length * ratio.denominator), ratio.denominator)
        moved = np.moveaxis(sums, axis, -1)
        padded = np.concatenate([moved, np.zeros_like(moved[..., :1])], axis=-1)
        until = np.cumsum(padded, axis=-1) - padded
        at = ratio.denominator * until[..., whole] + part * padded[..., whole]
        sums = np.moveaxis(np.diff(at, axis=-1), -1, axis)
    return sums


def touched_counts(values: Values, ratio: Fraction, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Return sums over all source pixels that the grid's pixels touch, as GDAL's mode counts."""
    sums = values.astype(np.int64)
    for axis, count in zip((1, 2), shape, strict=True):
        moved = np.moveaxis(sums, axis, -1)
        until = np.cumsum(np.concatenate([np.zeros_like(moved[..., :1]), moved], -1), axis=-1)
        ends, length = np.arange(count + 1) * ratio.numerator, moved.shape[-1]
        low, high = ends[:-1] // ratio.denominator, -(-ends[1:] // ratio.denominator)
        counted = until[..., np.minimum(high, length)] - until[..., np.minimum(low, length)]
        sums = np.moveaxis(counted, -1, axis)
    return sums


def undecided(city: City, kind: str, grid: PixelGrid, ratio: Fraction) -> Mask | None:
    """Return where a mean is an exact half, or two classes have as many pixels."""
    if ratio <= 1 or kind == "height":
        return None
    if kind == "image":
        valid = city.pixels["valid"]
        sums = area_sums(city.pixels["image"] * valid, ratio, grid.shape)
        areas = area_sums(valid, ratio, grid.shape)
        halves: Mask = 2 * sums % np.maximum(2 * areas, 1) == areas
        return halves
    classes = np.arange(6)[:, None, None] == city.pixels["segmentation"]
    covered = np.sort(touched_counts(classes, ratio, grid.shape), axis=0)
    ties: Mask = (covered[-1] == covered[-2])[None]
    return ties


def histogram(difference: NDArray[np.float64], ends: tuple[float, ...]) -> list[float]:
    """Return the shares of differences up to each end, and above the last."""
    counts = np.histogram(difference, (-1.0, *np.nextafter(ends, np.inf), np.inf))[0]
    return list(counts / max(difference.size, 1))


def compare(city: City, gsd_m: float, crs: str | None, folder: Path) -> None:
    """Print one line a layer."""
    options = TileOptions(gsd_m=gsd_m, crs=crs, size_px=256, overlap=0.25)
    labels, heights = [city.files["segmentation"]], [city.files["height"]]
    made = folder / f"tiles_{gsd_m}_{crs}".replace(":", "_")
    tile([city.files["image"]], made, labels=labels, heights=heights, options=options)
    scene = open_scene(city.files["image"])
    grid = tile_grid(scene, options)
    ratio = Fraction(str(gsd_m)) / Fraction(str(GSD_M))
    hangs_over = crs is None and (city.grid.shape[0] / ratio).denominator > 1
    part = np.s_[: grid.shape[0] - hangs_over, : grid.shape[1] - hangs_over]
    _, seen = put_together(made / "image", grid)
    for kind, choose in FILTERS.items():
        ours, valid = put_together(made / kind, grid)
        theirs, known = by_gdal(city, kind, grid, folder / "gdal.tif")
        known &= seen if kind != "image" else True  # tiles supervise nothing that is not seen
        both = (valid & known)[part]
        difference = np.abs(ours.astype(float) - theirs.astype(float))[:, *part][:, both]
        # a class has no levels
        difference = difference > 0 if kind == "segmentation" else difference
        shares = histogram(difference.astype(float), METRES if kind == "height" else LEVELS)
        open_places = undecided(city, kind, grid, ratio) if crs is None else None
        note = ""
        if open_places is not None:
            different = difference > 0
            share = open_places[:, *part][:, both][different].mean() if different.any() else 1.0
            note = f"{different.sum()} differ, {share:.0%} of them undecided"
        elsewhere = int((valid != known)[part].sum())
        name = choose(city.grid, grid).name
        cells = "  ".join(f"{100 * one:10.5f}" for one in shares)
        print(
            f"{crs or 'same':10} {gsd_m:5.2f} {kind:12} {name:8} {both.sum():8d}  {cells}  "
            f"{np.median(difference):6.1g} {difference.max():9.2g} {elsewhere:7d}  {note}"
        )


def main() -> None:
    """Print the table."""
    version = subprocess.run(
        [str(shutil.which("gdalwarp")), "--version"], capture_output=True, text=True, check=True
    )
    print(f"{platform.processor() or platform.machine()}, judge {version.stdout.strip()}, ", end="")
    print(f"rasterio {rasterio.__version__} with GDAL {rasterio.__gdal_version__}, seed {SEED}")
    print("Shares of values in %: images by levels, labels same or another, heights by metres")
    print(
        f"{'CRS':10} {'GSD':5} {'layer':12} {'filter':8} {'pixels':>8}  {'0 | 1e-5':>10}  "
        f"{'1 | 1e-3':>10}  {'2 | 0.1':>10}  {'more':>10}  median   largest   masks"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        city = make_city(folder)
        for gsd_m in SAME_CRS_M:
            compare(city, gsd_m, None, folder)
        for crs in OTHER_CRS:
            for gsd_m in OTHER_M:
                compare(city, gsd_m, crs, folder)


if __name__ == "__main__":
    main()
