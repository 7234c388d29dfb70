"""Laws of tiles: put back together they are the resampled scene, and lie where they should."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS

from geosemimtl.classes import IGNORE
from geosemimtl.raster.grid import PixelGrid, model_grid
from geosemimtl.raster.reading import height_filter, image_filter, label_filter, read_on_grid
from geosemimtl.raster.scene import open_scene
from geosemimtl.raster.writing import write_raster
from geosemimtl.tasks import NODATA
from geosemimtl.tiling.cutting import tile
from geosemimtl.tiling.options import TileOptions

FILTERS = {"image": image_filter, "segmentation": label_filter, "height": height_filter}
METRES, FEET, DEGREES = "EPSG:25833", "EPSG:2994", "EPSG:4326"
ORIGINS = {METRES: (368000.0, 5806000.0), FEET: (640000.0, 850000.0), DEGREES: (13.1, 52.4)}
#: Map units of a metre, along x and y.
UNITS = {METRES: (1.0, 1.0), FEET: (1 / 0.3048,) * 2, DEGREES: (1.47e-5, 0.9e-5)}


scenes = st.fixed_dictionaries(
    {
        "shape": st.tuples(st.integers(4, 70), st.integers(4, 70)),
        "gsd": st.tuples(st.floats(0.5, 2), st.floats(0.5, 2)),
        "crs": st.sampled_from(list(ORIGINS)),
        "degrees": st.sampled_from([0.0, 0.0, 17.0, -120.0]),
        "holes": st.sampled_from(["none", "border", "specks", "all but one"]),
        "dtype": st.sampled_from(["uint8", "uint16", "float32"]),
    }
)
cuts = st.fixed_dictionaries(
    {
        "ratio": st.sampled_from([0.7, 1.0, 1.3, 1.8, 2.0, 3.0]),
        "size_px": st.integers(16, 40),
        "overlap": st.one_of(st.floats(0, 0.5), st.integers(0, 8)),
        "edge": st.sampled_from(["snap", "pad"]),
    }
)


def draw(scene: dict[str, Any], folder: Path) -> dict[str, Path]:
    """Write a scene, its labels and its heights, on grids of other pixel sizes."""
    random = np.random.default_rng(1)
    crs = CRS.from_user_input(scene["crs"])
    files = {}
    for kind, factor, count, dtype in (
        ("image", 1.0, 2, scene["dtype"]),
        ("segmentation", 0.8, 1, "uint8"),
        ("height", 1.5, 1, "float32"),
    ):
        shape = tuple(
            -(-side // 1) for side in np.ceil(np.array(scene["shape"]) / factor).astype(int)
        )
        pixels = random.integers(1, 6 if kind == "segmentation" else 200, (count, *shape))
        holes = np.zeros(shape, bool)
        if kind == "image" and scene["holes"] != "none":
            if scene["holes"] == "specks":
                holes = random.random(shape) < 0.3
            else:
                holes[: shape[0] // 2] = True
                holes[:] |= scene["holes"] == "all but one"
            holes[shape[0] - 1, shape[1] - 1] = False
        steps = [s * factor * u for s, u in zip(scene["gsd"], UNITS[scene["crs"]], strict=True)]
        axes = Affine.rotation(scene["degrees"]) @ Affine.scale(steps[0], -steps[1])
        grid = PixelGrid(Affine.translation(*ORIGINS[scene["crs"]]) @ axes, shape, crs)
        values = np.where(holes, 0, pixels).astype(dtype)
        nodata = {"image": 0, "segmentation": IGNORE, "height": NODATA}[kind]
        files[kind] = folder / f"{kind}.tif"
        write_raster(files[kind], values, grid, nodata=nodata)
    return files


@settings(max_examples=25)
@given(scene=scenes, cut=cuts)
def test_tiles_put_back_together_are_the_resampled_scene(
    scene: dict[str, Any], cut: dict[str, Any]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = draw(scene, folder)
        image = open_scene(files["image"])
        gsd_m = cut["ratio"] * min(image.grid.gsd_m)
        options = TileOptions(
            gsd_m=gsd_m,
            size_px=cut["size_px"],
            overlap=min(cut["overlap"], cut["size_px"] - 1),
            edge=cut["edge"],
            value_range=(0, 200),
        )
        labels, heights = [files["segmentation"]], [files["height"]]
        out = folder / "tiles"
        tile([files["image"]], out, labels=labels, heights=heights, options=options, jobs=2)
        grid = model_grid(image.grid, gsd_m)
        assert_same(folder / "tiles", files, grid)
        assert_analytic(folder / "tiles", image.grid, gsd_m, scene)


def assert_same(folder: Path, files: dict[str, Path], grid: PixelGrid) -> None:
    """Assert that tiles show the layers read whole, and together every valid pixel."""
    codes: dict[tuple[int, ...], int] = {(index,): index for index in range(6)}
    image = np.zeros(0, bool)
    for kind, choose in FILTERS.items():
        layer = open_scene(files[kind])
        recode = codes if kind == "segmentation" else None
        with read_on_grid(layer, grid, choose(layer.grid, grid), recode=recode) as reader:
            values, valid = reader.read()
        image = image if image.size else valid
        valid &= image  # nothing is supervised that the image does not show
        missing = valid.copy()
        for path in (folder / kind).iterdir():
            with rasterio.open(path) as source:
                found, mask = source.read(), source.dataset_mask() > 0
                place = ~grid.transform @ (source.transform.c, source.transform.f)
            col, row = (round(each) for each in place)
            part = np.s_[row : row + len(mask), col : col + len(mask)]
            inside = np.s_[: grid.shape[0] - row, : grid.shape[1] - col]
            np.testing.assert_array_equal(mask[inside], valid[part], err_msg=kind)
            assert mask.sum() == mask[inside].sum(), "what hangs over is not valid"
            shown = mask[inside]
            np.testing.assert_array_equal(
                found[:, *inside][:, shown], values[:, *part][:, shown], err_msg=kind
            )
            missing[part] = False
        assert not missing.any(), kind


def assert_analytic(folder: Path, own: PixelGrid, gsd_m: float, scene: dict[str, Any]) -> None:
    """Assert that every tile lies where arithmetic says, to a millionth of a metre."""
    across, down = (gsd_m / each for each in own.gsd_m)
    steps = [s * u for s, u in zip(scene["gsd"], UNITS[scene["crs"]], strict=True)]
    turn = np.deg2rad(scene["degrees"])
    x0, y0 = ORIGINS[scene["crs"]]
    for path in sorted((folder / "image").iterdir()):
        transforms = set()
        for kind in FILTERS:
            with rasterio.open(folder / kind / path.name) as source:
                transforms.add(tuple(source.transform)[:6])
                size = source.width
        assert len(transforms) == 1, "all layers of a tile share one grid"
        made = Affine(*transforms.pop())
        col, row = (
            round(place)
            for place in ~(own.transform @ Affine.scale(across, down)) @ (made.c, made.f)
        )
        for corner_col, corner_row in ((col, row), (col + size, row + size)):
            x, y = corner_col * across * steps[0], -corner_row * down * steps[1]
            world = (
                x0 + x * np.cos(turn) - y * np.sin(turn),
                y0 + x * np.sin(turn) + y * np.cos(turn),
            )
            there = made @ (corner_col - col, corner_row - row)
            for found, expected, unit in zip(there, world, UNITS[scene["crs"]], strict=True):
                assert abs(found - expected) / unit < 1e-6
