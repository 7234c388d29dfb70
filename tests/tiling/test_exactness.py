"""How exact tiles are, put back together: GDAL's programs judge."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.warp import transform_bounds
from scipy.ndimage import binary_dilation, binary_erosion

from geosemimtl.classes import IGNORE
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.reading import height_filter, image_filter, label_filter
from geosemimtl.raster.scene import open_scene
from geosemimtl.raster.writing import write_raster
from geosemimtl.tasks import NODATA
from geosemimtl.tiling.cutting import tile
from geosemimtl.tiling.layers import tile_grid
from geosemimtl.tiling.options import TileOptions

Maker = Callable[..., Path]
Judge = Callable[[str], str]
Layer = tuple[NDArray[Any], NDArray[np.bool_]]
FILTERS = {"image": image_filter, "segmentation": label_filter, "height": height_filter}
METRES, DEGREES = "EPSG:25833", "EPSG:4326"


def put_together(folder: Path, grid: PixelGrid) -> Layer:
    """Return what tiles show on their grid; tiles must agree where they overlap."""
    values: NDArray[Any] | None = None
    valid, seen = np.zeros(grid.shape, bool), np.zeros(grid.shape, bool)
    for path in sorted(folder.iterdir()):
        with rasterio.open(path) as source:
            place = ~grid.transform @ (source.transform.c, source.transform.f)
            pixels, mask = source.read(), source.dataset_mask() > 0
        col, row = round(place[0]), round(place[1])
        assert place == pytest.approx((col, row), abs=1e-3)
        height, width = (
            min(mask.shape[0], grid.shape[0] - row),
            min(mask.shape[1], grid.shape[1] - col),
        )
        part = np.s_[row : row + height, col : col + width]
        assert not mask[height:].any()
        assert not mask[:, width:].any()
        pixels, mask = pixels[:, :height, :width], mask[:height, :width]
        if values is None:
            values = np.zeros((len(pixels), *grid.shape), pixels.dtype)
        both = seen[part]
        np.testing.assert_array_equal(values[:, *part][:, both], pixels[:, both])
        np.testing.assert_array_equal(valid[part][both], mask[both])
        values[:, *part], valid[part], seen[part] = pixels, mask, True
    assert values is not None
    return values, valid


@dataclass(frozen=True)
class Town:
    """Noise: an image, labels in patches of 5 px, heights with holes, each on its own grid."""

    folder: Path
    grid: PixelGrid
    pixels: dict[str, NDArray[Any]]
    files: dict[str, Path]

    def cut(self, gsd_m: float, crs: str | None = None) -> tuple[PixelGrid, dict[str, Layer]]:
        """Cut tiles; return their grid, and the layers put back together."""
        out = self.folder / f"tiles_{gsd_m}"
        options = TileOptions(gsd_m=gsd_m, crs=crs, size_px=256, overlap=0.25)
        labels, heights = [self.files["segmentation"]], [self.files["height"]]
        tile([self.files["image"]], out, labels=labels, heights=heights, options=options)
        grid = tile_grid(open_scene(self.files["image"]), options)
        return grid, {kind: put_together(out / kind, grid) for kind in FILTERS}

    def judged(self, judge: Judge, kind: str, grid: PixelGrid) -> Layer:
        """Return what gdalwarp makes of a layer on a grid, of a rotated one too."""
        out = self.folder / "judge.tif"
        with rasterio.open(self.files[kind]) as source:
            own = PixelGrid(source.transform, source.shape, source.crs)
            count, dtype, nodata = source.count, source.dtypes[0], source.nodata
        empty = np.full((count + (kind == "image"), *grid.shape), nodata or 0, dtype)
        write_raster(out, empty, grid, nodata=nodata)
        if kind == "image":
            with rasterio.open(out, "r+") as target:
                target.colorinterp = [*target.colorinterp[:-1], ColorInterp.alpha]
        how = ["-q", "-et", "0", "-r", FILTERS[kind](own, grid).name]
        subprocess.run([judge("gdalwarp"), *how, self.files[kind], out], check=True)
        with rasterio.open(out) as target:
            values = target.read()
        if kind == "image":
            return values[:-1], values[-1] > 0
        return values, values[0] != nodata


def make_town(
    folder: Path, shape: tuple[int, int], grids: dict[str, PixelGrid] | None = None
) -> Town:
    random = np.random.default_rng(4)
    grid = PixelGrid(Affine(0.05, 0, 368000, 0, -0.05, 5806000), shape, CRS.from_user_input(METRES))
    where = dict.fromkeys(FILTERS, grid) | (grids or {})
    sides = {kind: each.shape for kind, each in where.items()}
    patches = random.integers(0, 6, [-(-side // 5) for side in sides["segmentation"]], np.uint8)
    labels = patches.repeat(5, 0).repeat(5, 1)[
        : sides["segmentation"][0], : sides["segmentation"][1]
    ]
    heights = random.gamma(2, 3, (1, *sides["height"])).astype(np.float32)
    heights[0, 40:70, 20:90] = NODATA
    pixels = {
        "image": random.integers(1, 256, (3, *sides["image"]), np.uint8),
        "segmentation": labels[None],
        "height": heights,
    }
    nodata = {"segmentation": IGNORE, "height": NODATA}
    files = {kind: folder / f"{kind}.tif" for kind in pixels}
    for kind, values in pixels.items():
        write_raster(files[kind], values, where[kind], nodata=nodata.get(kind))
    return Town(folder, where["image"], pixels, files)


def sums_over(
    values: NDArray[Any], step: Fraction, shape: tuple[int, int], *, touched: bool
) -> NDArray[Any]:
    """Return exact sums over grid pixels, in parts of a source pixel, or of each pixel touched."""
    sums, part = values.astype(np.int64), step.denominator
    for axis, count in zip((1, 2), shape, strict=True):
        moved = np.moveaxis(sums, axis, -1)
        fine = moved if touched else moved.repeat(part, axis=-1)
        total = np.cumsum(np.concatenate([np.zeros_like(fine[..., :1]), fine], -1), axis=-1)
        edges = np.arange(count + 1) * step.numerator
        low, high = edges[:-1], edges[1:]
        if touched:
            low, high = low // part, -(-high // part)
        last = fine.shape[-1]
        sums = total[..., np.minimum(high, last)] - total[..., np.minimum(low, last)]
        sums = np.moveaxis(sums, -1, axis)
    return sums


@pytest.mark.judge
@pytest.mark.parametrize("gsd_m", [0.06, 0.08, 0.09, 0.1, 0.11, 0.2])
def test_averages_in_one_crs(tmp_path: Path, judge: Judge, gsd_m: float) -> None:
    town = make_town(tmp_path, (600, 660))
    step = Fraction(str(gsd_m)) / Fraction("0.05")
    grid, layers = town.cut(gsd_m)
    # GDAL counts the last source pixel for what hangs over it, too: ours averages what is there
    part = np.s_[: int(600 / step), : int(660 / step)]

    image, valid = layers["image"]
    theirs, _ = town.judged(judge, "image", grid)
    assert valid.all()
    different = (image != theirs)[:, *part]
    # exact halves go up here, and in GDAL as the rounding of its weights has it
    sums = sums_over(town.pixels["image"], step, grid.shape, touched=False)[:, *part]
    area = step.numerator**2
    halves = 2 * sums % (2 * area) == area
    np.testing.assert_array_equal(image[:, *part], (2 * sums + area) // (2 * area))
    assert not (different & ~halves).any()
    assert np.abs(image.astype(int) - theirs)[:, *part].max() <= 1
    if gsd_m in (0.09, 0.1, 0.11, 0.2):
        assert different.any(axis=0).mean() <= 1e-5

    heights, known = layers["height"]
    theirs, judged = town.judged(judge, "height", grid)
    np.testing.assert_array_equal(known, judged)
    np.testing.assert_allclose(heights[:, *part], theirs[:, *part], rtol=0, atol=1e-5)  # metres


@pytest.mark.judge
@pytest.mark.parametrize("gsd_m", [0.06, 0.09, 0.1, 0.11])
def test_the_most_frequent_class_in_one_crs(tmp_path: Path, judge: Judge, gsd_m: float) -> None:
    town = make_town(tmp_path, (600, 660))
    step = Fraction(str(gsd_m)) / Fraction("0.05")
    grid, layers = town.cut(gsd_m)
    part = np.s_[: int(600 / step), : int(660 / step)]
    (labels, labelled), (theirs, _) = (
        layers["segmentation"],
        town.judged(judge, "segmentation", grid),
    )
    assert labelled.all()
    classes = np.arange(6)[:, None, None] == town.pixels["segmentation"]
    counts = sums_over(classes, step, grid.shape, touched=True)
    chosen = np.take_along_axis(counts, labels.astype(np.int64), axis=0)[0]
    np.testing.assert_array_equal(chosen, counts.max(axis=0))
    different = (labels != theirs)[0]
    # GDAL 3.6 reaches a source pixel too far where edges coincide; 3.10 and ours do not
    rows, cols = (
        np.isin(np.arange(n) % step.denominator, (0, step.denominator - 1)) for n in grid.shape
    )
    assert not (different & ~(rows[:, None] | cols))[part].any()
    assert different[part].mean() <= (0.005 if step.denominator > 1 else 0)


@pytest.mark.judge
@pytest.mark.parametrize("gsd_m", [0.03, 0.02])
def test_enlarging_in_one_crs(tmp_path: Path, judge: Judge, gsd_m: float) -> None:
    town = make_town(tmp_path, (150, 170))
    grid, layers = town.cut(gsd_m)
    for kind, (ours, valid) in layers.items():
        theirs, known = town.judged(judge, kind, grid)
        np.testing.assert_array_equal(valid, known, err_msg=kind)
        difference = np.abs(ours.astype(float) - theirs)[:, valid]
        if kind == "height":
            assert difference.max() <= 1e-5  # metres
        elif kind == "segmentation":
            # only where a pixel's centre lies on the edge between two
            on_edge = [(k + 0.5) * gsd_m / 0.05 % 1 for k in map(np.arange, grid.shape)]
            rows, cols = (np.minimum(k, 1 - k) < 1e-6 for k in on_edge)
            assert not ((ours != theirs)[0] & ~(rows[:, None] | cols)).any()
        else:
            assert difference.max() <= 1
            # halves again: GDAL's versions round them by the last bit of their weights
            inside = np.s_[:, 9:-9, 9:-9]
            exact = cubic(town.pixels["image"], gsd_m / 0.05, grid.shape)
            half = np.abs(np.abs(exact - np.floor(exact)) - 0.5) < 1e-6
            assert not ((ours != theirs) & ~half)[inside].any()


def cubic(values: NDArray[Any], step: float, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return Keys' cubic convolution (a = -1/2), not clamped; right away from the edges."""
    out = values.astype(float)
    for axis, count in zip((1, 2), shape, strict=True):
        places = (np.arange(count) + 0.5) * step - 0.5
        weights = np.zeros((count, values.shape[axis]))
        for tap in range(-1, 3):
            at = np.floor(places).astype(int) + tap
            away = np.abs(places - at)
            near = 1.5 * away**3 - 2.5 * away**2 + 1
            far = -0.5 * away**3 + 2.5 * away**2 - 4 * away + 2
            at = np.clip(at, 0, values.shape[axis] - 1)
            np.add.at(weights, (np.arange(count), at), np.where(away < 1, near, far))
        out = np.moveaxis(np.tensordot(weights, out, (1, axis)), 0, axis)
    return out


def near_an_edge(valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    square = np.ones((3, 3), bool)
    edges: NDArray[np.bool_] = binary_dilation(valid, square) & ~binary_erosion(valid, square)
    return edges


def covering(
    bounds: tuple[float, ...], from_crs: str, crs: str, gsd: tuple[float, float]
) -> PixelGrid:
    """Return a grid in another CRS around bounds."""
    wanted = CRS.from_user_input(crs)
    left, bottom, right, top = transform_bounds(from_crs, wanted, *bounds)
    shape = (int((top - bottom) / gsd[1]) + 9, int((right - left) / gsd[0]) + 9)
    return PixelGrid(
        Affine(gsd[0], 0, left - 4 * gsd[0], 0, -gsd[1], top + 4 * gsd[1]), shape, wanted
    )


@pytest.mark.judge
@pytest.mark.parametrize("gsd_m", [0.09, 0.03])
@pytest.mark.parametrize("case", ["labels and heights", "to UTM"])
def test_another_crs(tmp_path: Path, judge: Judge, case: str, gsd_m: float) -> None:
    here = PixelGrid(
        Affine(0.05, 0, 368000, 0, -0.05, 5806000), (200, 220), CRS.from_user_input(METRES)
    )
    degrees = covering(here.bounds, METRES, DEGREES, (6e-7, 5e-7))
    if case == "to UTM":
        town, crs = make_town(tmp_path, (0, 0), dict.fromkeys(FILTERS, degrees)), "auto"
    else:
        other = covering(here.bounds, METRES, "EPSG:25832", (0.06, 0.06))
        grids = {"segmentation": other, "height": degrees}
        town, crs = make_town(tmp_path, here.shape, grids), None
    grid, layers = town.cut(gsd_m, crs)
    assert grid.crs == CRS.from_epsg(32633 if crs else 25833)
    _, seen = layers["image"]
    for kind, (ours, valid) in layers.items():
        theirs, known = town.judged(judge, kind, grid)
        known &= seen | (kind == "image")  # nothing is supervised that the image does not show
        assert not ((valid != known) & ~near_an_edge(known)).any(), kind
        both = valid & known
        difference = np.abs(ours.astype(float) - theirs)[:, both]
        # floats end in other last bits: metres
        assert np.median(difference) <= (1e-5 if kind == "height" else 0), kind
        if kind == "segmentation":
            assert (difference > 0).mean() <= 1e-3
        elif kind == "image":
            assert (difference > 1).mean() <= 1e-5
        else:
            assert difference.max() <= 1e-4  # metres
