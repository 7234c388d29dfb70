"""Cutting one scene: all tiles together are the scene, whoever cuts them, in whatever pieces."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import geopandas
import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from geosemimtl.raster import aligned
from geosemimtl.raster.values import unit_values
from geosemimtl.tasks import HEIGHT, SEGMENTATION
from geosemimtl.tiling import pieces
from geosemimtl.tiling.cutting import tile
from geosemimtl.tiling.layers import Piece, open_layers, read_layers, tile_grid
from geosemimtl.tiling.layout import EDGES
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.scenes import SceneFiles
from geosemimtl.tiling.tileset import TileSet

Contents = Callable[[Path], dict[str, bytes]]
LEFT, TOP = 368000, 5806000
FILLS = {"image": 0, SEGMENTATION: 255, HEIGHT: -9999}
TASKS = (SEGMENTATION, HEIGHT)


def write(path: Path, pixels: NDArray[Any], gsd: float, **profile: Any) -> Path:
    """Write a GeoTIFF whose corner is that of all layers."""
    options = {
        "count": len(pixels),
        "height": pixels.shape[1],
        "width": pixels.shape[2],
        "dtype": str(pixels.dtype),
        "crs": "EPSG:25833",
        "transform": Affine(gsd, 0, LEFT, 0, -gsd, TOP),
    }
    with rasterio.open(path, "w", driver="GTiff", **(options | profile)) as target:
        target.write(pixels)
    return path


class Scene(NamedTuple):
    """A small scene to be cut, by its random parts."""

    shape: tuple[int, int]
    dtype: str
    missing: str
    label_gsd: float
    height_gsd: float
    seed: int

    def files(self, folder: Path) -> SceneFiles:
        """Write image, labels and heights; the image has pixels of 0.1 m."""
        random = np.random.default_rng(self.seed)
        rows, cols = self.shape
        gone = np.zeros(self.shape, bool)
        if self.missing == "speckle":
            gone = random.random(self.shape) < 0.3
        elif self.missing == "corner":
            gone[: rows // 2 + 1, : cols // 2 + 1] = True
        elif self.missing == "almost":
            gone[:] = True
        gone[-1, -1] = False
        pixels = random.integers(1, 120, (2, *self.shape)).astype(self.dtype)
        pixels[:, gone] = 0

        def on(gsd: float) -> tuple[int, int, int]:
            return 1, math.ceil(rows * 0.1 / gsd), math.ceil(cols * 0.1 / gsd)

        labels = random.integers(0, 6, on(self.label_gsd), dtype=np.uint8)
        labels[random.random(labels.shape) < 0.1] = 255
        heights = random.gamma(2, 3, on(self.height_gsd)).astype(np.float32)
        heights[random.random(heights.shape) < 0.1] = -9999
        return SceneFiles(
            "s",
            (write(folder / "s.tif", pixels, 0.1, nodata=0),),
            {
                SEGMENTATION: (write(folder / "l.tif", labels, self.label_gsd),),
                HEIGHT: (write(folder / "h.tif", heights, self.height_gsd, nodata=-9999),),
            },
        )


GSDS = st.sampled_from((0.1, 0.1, 0.25, 0.07))
SCENES = st.builds(
    Scene,
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.sampled_from(("uint8", "uint16", "int16", "float32")),
    st.sampled_from(("none", "speckle", "corner", "almost")),
    GSDS,
    GSDS,
    st.integers(0, 99),
)
OPTIONS = st.builds(
    TileOptions,
    gsd_m=st.sampled_from((0.1, 0.1, 0.18, 0.2, 0.06)),
    size_px=st.integers(14, 40),
    overlap=st.sampled_from((0, 1, 7, 0.3, 0.5)),
    edge=st.sampled_from(EDGES),
    value_range=st.just((0.0, 120.0)),
)


def cut(files: SceneFiles, output: Path, options: TileOptions, **how: Any) -> TileSet:
    """Cut a scene."""
    labels, heights = files.of(SEGMENTATION), files.of(HEIGHT)
    return tile(files.image, output, labels=labels, heights=heights, options=options, **how)


def whole_scene(files: SceneFiles, options: TileOptions) -> Piece:
    """Return all of a scene on the grid of its tiles, read at once."""
    layers = open_layers(files, options)
    grid = tile_grid(layers.image, options, 0.1)
    with read_layers(layers, grid, TASKS) as reader:
        return reader.read(rasterio.windows.Window(0, 0, grid.shape[1], grid.shape[0]))


def put_together(folder: Path, kind: str, shape: tuple[int, int]) -> tuple[NDArray[Any], ...]:
    """Return the tiles of a kind as one array a little larger than the scene, and where any is.

    Where tiles overlap, they must agree.
    """
    made = seen = None
    for path in sorted((folder / kind).iterdir()):
        with rasterio.open(path) as source:
            array, at = source.read(), source.transform
            if kind == "image":
                array = np.concatenate([array, source.dataset_mask()[None].astype(array.dtype)])
        if made is None or seen is None:
            side = np.add(shape, array.shape[1:])
            made, seen = np.zeros((len(array), *side), array.dtype), np.zeros(side, bool)
        row, col = round((TOP - at.f) / -at.e), round((at.c - LEFT) / at.a)
        part = np.s_[row : row + array.shape[1], col : col + array.shape[2]]
        np.testing.assert_array_equal(made[:, *part][:, seen[part]], array[:, seen[part]])
        made[:, *part], seen[part] = array, True
    assert made is not None
    assert seen is not None
    return made, seen


@settings(max_examples=30)
@given(scene=SCENES, options=OPTIONS)
def test_all_tiles_together_are_the_scene(scene: Scene, options: TileOptions) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE_ROWS", 16)
        patch.setattr(pieces, "BAND_PX", 50)
        files, output = scene.files(Path(folder)), Path(folder) / "tiles"
        whole = whole_scene(files, options)
        rows, cols = whole.valid.shape
        if options.edge == "drop" and min(rows, cols) < options.size_px:
            return
        if options.edge == "drop" and scene.missing == "almost":
            return  # the only valid pixel may be dropped
        cut(files, output, options, jobs=2)
        for kind, wanted in (
            ("image", np.concatenate([whole.pixels, 255 * whole.valid[None].astype(scene.dtype)])),
            (SEGMENTATION, whole.targets[SEGMENTATION][None]),
            (HEIGHT, whole.targets[HEIGHT][None]),
        ):
            made, seen = put_together(output, kind, (rows, cols))
            inside = seen[:rows, :cols]
            np.testing.assert_array_equal(made[:, :rows, :cols][:, inside], wanted[:, inside])
            beyond = seen.copy()
            beyond[:rows, :cols] = False
            assert (made[:, beyond] == FILLS[kind]).all()
            if options.edge == "drop":
                assert not beyond.any()
            else:
                assert not whole.valid[~inside].any(), "every valid pixel is in a tile"


@pytest.mark.parametrize(("gsd_m", "edge"), [(0.1, "snap"), (0.18, "pad"), (0.08, "drop")])
def test_nothing_depends_on_jobs_or_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, contents: Contents, gsd_m: float, edge: Any
) -> None:
    files = Scene((120, 130), "float32", "speckle", 0.25, 0.07, 3).files(tmp_path)
    options = TileOptions(
        gsd_m=gsd_m,
        size_px=16,
        overlap=0.25,
        edge=edge,
        value_range=(0, 120),
        min_valid=0.6,
        split="blocks",
        block_m=5,
        name="s",
    )
    cut(files, tmp_path / "plain", options)
    plain = contents(tmp_path / "plain")
    for jobs, piece_rows, band_px in ((1, 512, 4096), (5, 33, 20), (2, 7, 64)):
        monkeypatch.setattr(aligned, "SOURCE_VALUES", 100 * piece_rows)
        monkeypatch.setattr(pieces, "PIECE_ROWS", piece_rows)
        monkeypatch.setattr(pieces, "BAND_PX", band_px)
        output = tmp_path / f"{jobs}-{piece_rows}"
        cut(files, output, options, jobs=jobs)
        other = contents(output)
        assert other.keys() == plain.keys()
        assert [name for name in plain if other[name] != plain[name]] == []


def test_masks_of_tiles_in_several_blocks(
    tmp_path: Path, make_town: Callable[..., Any], contents: Contents
) -> None:
    """GDAL writes such a file in parts: with too small a cache, in an order left to chance."""
    town = make_town(times=4)
    options = TileOptions(gsd_m=0.09, size_px=64, overlap=0.25, edge="pad", name="s")
    made = []
    for run, jobs in enumerate((1, 2, 2, 5, 5)):
        tile([town.image], tmp_path / str(run), options=options, jobs=jobs)
        made.append(contents(tmp_path / str(run)))
    for other in made[1:]:
        assert [name for name in made[0] if other[name] != made[0][name]] == []


@pytest.mark.parametrize(
    ("dtype", "gsd_m", "overlap", "edge", "min_valid", "split"),
    [
        ("uint8", 0.1, 0.5, "snap", 0.0, "none"),
        ("uint8", 0.1, 0.3, "pad", 0.9, "blocks"),
        ("uint16", 0.13, 0.5, "drop", 0.5, "blocks"),
        ("int16", 0.1, 0.4, "snap", 0.8, "none"),
        ("float32", 0.13, 0.0, "snap", 0.9, "none"),
        ("float32", 0.1, 0.5, "snap", 0.3, "blocks"),
    ],
)
def test_statistics_are_of_what_train_tiles_show(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    dtype: str,
    gsd_m: float,
    overlap: float,
    edge: Any,
    min_valid: float,
    split: str,
) -> None:
    monkeypatch.setattr(pieces, "PIECE_ROWS", 16)
    monkeypatch.setattr(pieces, "BAND_PX", 40)
    chosen = TileOptions(
        gsd_m=gsd_m,
        size_px=16,
        overlap=overlap,
        edge=edge,
        min_valid=min_valid,
        split=split,
        block_m=4.2,
        value_range=(0.0, 120.0),
    )
    files, output = Scene((90, 103), dtype, "corner", 0.25, 0.07, 3).files(tmp_path), tmp_path / "t"
    made = cut(files, output, chosen, jobs=2)
    whole = whole_scene(files, chosen)
    index = geopandas.read_file(output / "tiles.gpkg")
    assert made.dropped
    shown = np.zeros(np.add(whole.valid.shape, 16), bool)
    for outline in index[index.split == "train"].geometry:
        left, _, _, top = outline.bounds
        row, col = round((TOP - top) / gsd_m), round((left - LEFT) / gsd_m)
        shown[row : row + 16, col : col + 16] = True
    shown = shown[: whole.valid.shape[0], : whole.valid.shape[1]]
    unit = unit_values(whole.pixels[:, shown & whole.valid], (0, 120)).astype(np.float64)
    for band, statistics in zip(unit, made.statistics, strict=True):
        assert sum(statistics.histogram) == band.size
        assert statistics.mean == pytest.approx(band.mean(), abs=2e-5)
        assert statistics.std == pytest.approx(band.std(), abs=2e-5)
    labels = whole.targets[SEGMENTATION][shown]
    assert made.class_pixels == tuple(np.bincount(labels[labels < 255], minlength=6).tolist())
    heights = whole.targets[HEIGHT]
    heights = heights[shown & (heights != -9999)]
    assert made.heights is not None
    assert sum(made.heights.histogram) == heights.size
    assert made.heights.mean == pytest.approx(heights.mean(), abs=1e-3)
    assert (made.heights.minimum, made.heights.maximum) == (heights.min(), heights.max())


@pytest.mark.parametrize(
    ("gsd_m", "reach", "overlap"), [(0.1, 0, 0.5), (0.1, 0, 0.0), (0.18, 2, 0.5), (0.06, 3, 0.0)]
)
def test_no_source_pixel_is_in_two_splits(
    tmp_path: Path, gsd_m: float, reach: int, overlap: float
) -> None:
    """Each pixel says which one it is; resampled, a tile draws on those around its window."""
    rows, cols = 160, 180
    numbers = np.arange(1, rows * cols + 1, dtype=np.float64).reshape(1, rows, cols)
    image = write(tmp_path / "s.tif", numbers, 0.1)
    options = TileOptions(
        gsd_m=gsd_m, size_px=16, overlap=overlap, split="blocks", value_range=(0, 1e6), seed=1
    )
    made = tile([image], tmp_path / "tiles", options=options)
    index = geopandas.read_file(tmp_path / "tiles" / "tiles.gpkg")
    assert made.splits == index.split.value_counts().sort_index().to_dict()
    assert set(made.splits) == {"train", "val", "test"}
    assert made.dropped.get("astride", 0) > 0 or (reach, overlap) == (0, 0)
    total = made.tiles + sum(made.dropped.values())
    assert total == (index.row.max() + 1) * (index.column.max() + 1)
    of: dict[str, set[int]] = {split: set() for split in made.splits}
    for name, split in zip(index.tile, index.split, strict=True):
        with rasterio.open(tmp_path / "tiles" / "image" / name) as source:
            bounds, tile_pixels = source.bounds, source.read(1)
        top, left = ((TOP - bounds.top) / 0.1, (bounds.left - LEFT) / 0.1)
        bottom, right = ((TOP - bounds.bottom) / 0.1, (bounds.right - LEFT) / 0.1)
        first = [max(math.floor(edge + 1e-6) - reach, 0) for edge in (top, left)]
        last = [math.ceil(edge - 1e-6) + reach for edge in (bottom, right)]
        drawn_on = numbers[0, first[0] : last[0], first[1] : last[1]]
        if reach == 0:
            np.testing.assert_array_equal(tile_pixels, drawn_on)
        of[split] |= set(drawn_on.ravel().astype(int).tolist())
    assert not of["train"] & of["val"]
    assert not of["train"] & of["test"]
    assert not of["val"] & of["test"]
