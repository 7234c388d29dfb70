"""Polygons as labels: which pixels they are, which class, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.warp import transform as reproject_points
from rasterio.windows import Window
from shapely import affinity

from geosemimtl.classes import IGNORE, ISPRS_CLASS_MAP, ClassMap, MappedClass
from geosemimtl.errors import LabelError
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.scene import Georeference
from geosemimtl.tiling import polygons
from geosemimtl.tiling.labels import open_labels
from geosemimtl.tiling.polygons import PolygonReader
from geosemimtl.tiling.rings import Rings
from geosemimtl.tiling.target_layer import TargetLayer

Maker = Callable[..., Path]
MakeGrid = Callable[..., PixelGrid]
OneLine = Callable[[BaseException], str]
N = IGNORE
#: Upper-left corner of the fixtures' grids.
X, Y = 368000.0, 5806000.0
PARCELS = ClassMap(
    entries=(
        MappedClass(name="ground", color="#cccccc", written=(1,)),
        MappedClass(name="building", color="#aa0000", written=(2, 17, "house")),
        MappedClass(name="tree", color="#00ff00", written=(5,)),
    ),
    ignore=(0, "unknown"),
)


def box(left: float, top: float, right: float, bottom: float) -> shapely.Polygon:
    """Return a rectangle by metres to the right of and below the grids' corner."""
    return shapely.box(X + left, Y - bottom, X + right, Y - top)


def read(labels: TargetLayer, grid: PixelGrid, window: Window | None = None) -> NDArray[np.uint8]:
    with labels.on_grid(grid) as reader:
        return reader.read(window)


def blobs(count: int, size: float, corners: int = 9, seed: int = 0) -> list[shapely.Polygon]:
    """Return wobbly polygons, some with a hole, over ``size`` metres from the grids' corner."""
    draw = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        angles = np.sort(draw.uniform(0, 2 * np.pi, corners))
        radius = draw.uniform(0.04, 0.2, corners)[:, None] * size
        ring = radius * np.column_stack((np.cos(angles), np.sin(angles)))
        shape = shapely.Polygon(ring, [ring[::-1] * 0.4] if draw.random() < 0.5 else None)
        col, row = draw.uniform(0, size, 2)
        found.append(affinity.translate(shape, X + col, Y - row))
    return found


def test_pixels_by_their_centres_and_the_later_on_top(
    make_polygons: Maker, make_grid: MakeGrid
) -> None:
    # centres lie at 0.5 m: the first covers those of two rows and columns, the second one of each
    shapes = [box(0.4, 0.4, 2.4, 2.4), box(1.4, 1.4, 2.6, 2.6), box(3, 0, 4, 1)]
    path = make_polygons("p.gpkg", shapes, ["ground", "house", "unknown"])
    labels = open_labels([path], PARCELS)
    grid = make_grid((3, 4), gsd=(1, 1))
    labels.check(grid)
    expected = [[0, 0, N, N], [0, 1, 1, N], [N, 1, 1, N]]
    np.testing.assert_array_equal(read(labels, grid), expected)
    with_background = PARCELS.model_copy(update={"background": "tree"})
    expected = [[0, 0, 2, N], [0, 1, 1, 2], [2, 1, 1, 2]]
    np.testing.assert_array_equal(read(open_labels([path], with_background), grid), expected)


@pytest.mark.parametrize("name", ["p.gpkg", "p.geojson", "p.json", "p.shp", "p.fgb"])
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 17], (0, 1)),
        ([2.0, 5.0], (1, 2)),
        (["ground", "17"], (0, 1)),
        (["building", "tree"], (1, 2)),
    ],
)
def test_every_format_by_name_and_by_number(
    make_polygons: Maker,
    make_grid: MakeGrid,
    name: str,
    values: list[Any],
    expected: tuple[int, int],
) -> None:
    grid = make_grid((4, 4), gsd=(1, 1))
    shapes = [box(0, 0, 2, 4), box(2, 0, 4, 4)]
    crs = "EPSG:25833"
    if "json" in name:  # in degrees by its standard
        shapes, crs = [moved(shape, "EPSG:4326") for shape in shapes], "EPSG:4326"
    labels = open_labels([make_polygons(name, shapes, values, crs=crs)], PARCELS)
    labels.check(grid)
    np.testing.assert_array_equal(read(labels, grid), [[expected[0]] * 2 + [expected[1]] * 2] * 4)
    assert labels.files[0] == labels.path
    assert all(file.is_file() for file in labels.files)
    assert (".dbf" in {file.suffix for file in labels.files}) == (name == "p.shp")


def moved(shape: Any, crs: str) -> Any:
    """Return a shape of the fixtures' CRS in another."""

    def reprojected(points: NDArray[np.float64]) -> NDArray[np.float64]:
        own, other = CRS.from_epsg(25833), CRS.from_user_input(crs)
        return np.column_stack(reproject_points(own, other, points[:, 0], points[:, 1]))

    return shapely.transform(shape, reprojected)


@given(data=st.data(), size=st.sampled_from([16, 50, 512]))
def test_windows_show_what_the_whole_shows(
    data: st.DataObject, size: int, monkeypatch_once: Callable[[int], None], drawn: list[Any]
) -> None:
    """Whatever the window, and whatever the squares in which polygons become pixels."""
    monkeypatch_once(size)
    reader, whole = drawn[0](), drawn[1]
    rows, cols = whole.shape
    for _ in range(3):
        top = data.draw(st.integers(-20, rows + 10))
        left = data.draw(st.integers(-20, cols + 10))
        height, width = data.draw(st.integers(1, 90)), data.draw(st.integers(1, 90))
        padded = np.pad(whole, 200, constant_values=N)
        expected = padded[200 + top :, 200 + left :][:height, :width]
        np.testing.assert_array_equal(reader.read(Window(left, top, width, height)), expected)


@pytest.fixture(scope="module")
def monkeypatch_once() -> Any:
    """Return a function that sets the side of the squares, until the module's end."""
    with pytest.MonkeyPatch.context() as patch:
        yield lambda size: patch.setattr(polygons, "BLOCK_PX", size)


@pytest.fixture(scope="module")
def drawn() -> list[Any]:
    """Return a function that makes a reader, and what it shows in one square."""
    transform = rasterio.Affine(0.5, 0.1, X, 0.1, -0.5, Y)
    grid = PixelGrid(transform, (130, 170), CRS.from_epsg(25833))
    shapes = np.array([*blobs(8, 80), *blobs(6, 80, corners=400, seed=1)])
    rings = Rings.on_grid(shapes, grid.crs, grid)
    values = (rings.features % 3).astype(np.int16)

    def make() -> PolygonReader:
        return PolygonReader([(rings, values)], grid, N)

    whole = make().read()
    assert {*np.unique(whole)} == {0, 1, 2, N}
    return [make, whole]


@pytest.mark.parametrize(
    "how",
    [{}, {"degrees": 30.0}, {"gsd": (0.3, 0.45)}, {"crs": "EPSG:25832"}],
    ids=["same", "rotated", "oblong", "other CRS"],
)
def test_as_gdal_rasterize(
    make_polygons: Maker,
    make_grid: MakeGrid,
    make_raster: Maker,
    judge: Callable[[str], str],
    how: dict[str, Any],
) -> None:
    program = judge("gdal_rasterize")
    options = {"gsd": (0.25, 0.25)} | how
    if "crs" in how:
        (x,), (y,) = reproject_points(
            CRS.from_epsg(25833), CRS.from_user_input(how["crs"]), [X], [Y]
        )
        options["origin"] = (x, y)
    grid = make_grid((200, 300), **options)
    shapes = [*blobs(30, 60), *blobs(5, 60, corners=300, seed=1)]
    path = make_polygons("p.gpkg", shapes, [(1, 2, 5)[k % 3] for k in range(len(shapes))])
    target = make_raster(
        "r.tif",
        np.zeros((1, *grid.shape), np.uint8),
        transform=grid.transform,
        crs=grid.ground_crs.to_string(),
    )
    subprocess.run([program, "-q", "-a", "class", str(path), str(target)], check=True)
    with rasterio.open(target) as source:
        burnt = source.read(1)
    expected = np.full(256, N, np.uint8)
    expected[[1, 2, 5]] = 0, 1, 2
    assert (burnt > 0).mean() > 0.3
    found = read(open_labels([path], PARCELS), grid)
    np.testing.assert_array_equal(found, expected[burnt])


def test_long_edges_bend_as_their_crs_does(make_polygons: Maker, make_grid: MakeGrid) -> None:
    """A parallel of 150 km sags by hundreds of metres in UTM."""
    north, west, east = 52.0, 12.0, 14.2
    shape = shapely.box(west, north - 0.5, east, north)
    middle = (west + east) / 2
    wgs84, utm = CRS.from_epsg(4326), CRS.from_epsg(25833)
    (x,), (y,) = reproject_points(wgs84, utm, [middle], [north])
    (x0, x1), (y0, y1) = reproject_points(wgs84, utm, [west, east], [north, north])
    assert abs(y0 + (y1 - y0) * (x - x0) / (x1 - x0) - y) > 200
    path = make_polygons("p.gpkg", [shape], ["ground"], crs="EPSG:4326")
    grid = make_grid((40, 40), gsd=(0.1, 0.1), origin=(x - 2, y + 2))
    found = read(open_labels([path], PARCELS), grid)
    rows, cols = np.mgrid[0:40, 0:40] + 0.5
    xs, ys = x - 2 + 0.1 * cols, y + 2 - 0.1 * rows
    _, lats = reproject_points(utm, wgs84, xs.ravel(), ys.ravel())
    distance_px = (np.array(lats).reshape(40, 40) - north) * 111_000 / 0.1
    sure = np.abs(distance_px) > 0.02
    np.testing.assert_array_equal((found == 0)[sure], (distance_px < 0)[sure])
    assert sure.mean() > 0.95


def test_layers_as_qgis_names_them(
    make_polygons: Maker, make_grid: MakeGrid, one_line: OneLine
) -> None:
    path = make_polygons("p.gpkg", [box(0, 0, 4, 4)], ["tree"], layer="parcels")
    make_polygons("p.gpkg", [box(0, 0, 4, 4)], ["ground"], layer="old", append=True)
    grid = make_grid((4, 4), gsd=(1, 1))
    labels = open_labels([Path(f"{path}|layername=parcels")], PARCELS)
    labels.check(grid)
    assert (read(labels, grid) == 2).all()
    assert labels.files == (path,)
    with pytest.raises(
        LabelError, match=r"layers parcels, old; name one, such as \"p.gpkg|la"
    ) as e:
        open_labels([path], PARCELS)
    one_line(e.value)
    with pytest.raises(LabelError, match="no layer trees; it has parcels, old"):
        open_labels([Path(f"{path}|layername=trees")], PARCELS)
    with pytest.raises(LabelError, match="filter=x is not understood"):
        open_labels([Path(f"{path}|filter=x")], PARCELS)


def test_several_files_are_drawn_in_their_order(make_polygons: Maker, make_grid: MakeGrid) -> None:
    below = make_polygons("b.gpkg", [box(0, 0, 3, 1)], ["ground"])
    above = make_polygons("a.gpkg", [moved(box(1, 0, 4, 1), "EPSG:25832")], [5], crs="EPSG:25832")
    labels = open_labels([below, above], PARCELS)
    grid = make_grid((1, 4), gsd=(1, 1))
    labels.check(grid)
    np.testing.assert_array_equal(read(labels, grid), [[0, 2, 2, 2]])
    assert labels.files == (below, above)


def test_empty_features_and_parts(make_polygons: Maker, make_grid: MakeGrid) -> None:
    both = shapely.MultiPolygon([box(0, 0, 1, 1), box(2, 0, 3, 1)])
    nothing = [None, shapely.MultiPolygon([])]
    path = make_polygons("p.gpkg", [*nothing, both, None], ["tree", "tree", "house", "ground"])
    labels = open_labels([path], PARCELS)
    grid = make_grid((1, 4), gsd=(1, 1))
    labels.check(grid)
    np.testing.assert_array_equal(read(labels, grid), [[1, N, 1, N]])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["ground", "pond", "lake", "pond"], "class 'pond' of feature 2 is no declared class (3"),
        ([1, 2, 3, 5], "class 3 of feature 3 is no declared class (1"),
        ([1.0, 2.5, 5.0, 5.0], "class 2.5 of feature 2 is no declared class (1"),
        (["ground", "tree", None, "Tree"], "class NULL of feature 3 is no declared class (2"),
    ],
)
def test_undeclared_classes(
    make_polygons: Maker, make_grid: MakeGrid, one_line: OneLine, values: list[Any], words: str
) -> None:
    path = make_polygons("p.gpkg", [box(0, 0, 4, 4)] * 4, values)
    labels = open_labels([path], PARCELS)
    with pytest.raises(LabelError) as caught:
        labels.check(make_grid((4, 4), gsd=(1, 1)))
    message = one_line(caught.value)
    assert message.startswith(f"{path}: {words}")
    assert "ground=1" in message
    assert "building=house" in message
    assert "ignored: unknown, 0" in message


def test_missing_values_can_be_ignored(make_polygons: Maker, make_grid: MakeGrid) -> None:
    path = make_polygons("p.gpkg", [box(0, 0, 2, 1), box(1, 0, 2, 1)], ["tree", None])
    labels = open_labels([path], PARCELS.model_copy(update={"ignore": ("",)}))
    grid = make_grid((1, 2), gsd=(1, 1))
    labels.check(grid)
    np.testing.assert_array_equal(read(labels, grid), [[2, N]])


def test_polygons_elsewhere(make_polygons: Maker, make_grid: MakeGrid, one_line: OneLine) -> None:
    labels = open_labels([make_polygons("p.gpkg", [box(9, 0, 11, 2)], ["tree"])], PARCELS)
    with pytest.raises(LabelError, match="no polygon meets its scene") as caught:
        labels.check(make_grid((4, 4), gsd=(1, 1)))
    assert "p.gpkg" in one_line(caught.value)


def test_what_are_no_polygon_labels(
    make_polygons: Maker, tmp_path: Path, one_line: OneLine
) -> None:
    def refused(path: Path, **options: Any) -> str:
        with pytest.raises(LabelError) as caught:
            open_labels([path], PARCELS, **options)
        assert str(path).split("|")[0] in str(caught.value)
        return one_line(caught.value)

    good = make_polygons("p.gpkg", [box(0, 0, 4, 4)], ["tree"], column="Class")
    assert "no column class; it has Class" in (message := refused(good))
    assert "--class-column Class" in message
    lines = make_polygons("l.gpkg", [shapely.LineString([(X, Y), (X + 4, Y)])], ["tree"])
    assert "feature 1 is a LineString; polygons are needed" in refused(lines)
    assert "has no polygons" in refused(make_polygons("e.gpkg", [shapely.Polygon()], ["tree"]))
    bare = make_polygons("b.shp", [box(0, 0, 4, 4)], ["tree"], crs=None)
    assert "has no CRS; name it, such as --assume-crs" in refused(bare)
    assert open_labels([bare], PARCELS, assume_crs="EPSG:25833").files[0] == bare
    assert (
        open_labels([bare], PARCELS, fallback=Georeference(CRS.from_epsg(25833))).files[0] == bare
    )
    assert "no such file" in refused(tmp_path / "none.gpkg")
    (tmp_path / "text.gpkg").write_text("x")
    assert "not a vector file" in refused(tmp_path / "text.gpkg")


def test_polygons_and_rasters_do_not_mix(
    make_polygons: Maker, make_raster: Maker, one_line: OneLine
) -> None:
    shapes = make_polygons("p.gpkg", [box(0, 0, 4, 4)], ["tree"])
    raster = make_raster("r.tif", np.ones((1, 4, 4), np.uint8))
    with pytest.raises(LabelError, match="one form") as caught:
        open_labels([shapes, raster], PARCELS)
    one_line(caught.value)


def test_threads_read_alike(make_polygons: Maker, make_grid: MakeGrid) -> None:
    labels = open_labels([make_polygons("p.gpkg", blobs(20, 60), ["tree", 5] * 10)], PARCELS)
    grid = make_grid((240, 240), gsd=(0.25, 0.25))
    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(lambda _: read(labels, grid), range(4))
    for other in others:
        np.testing.assert_array_equal(first, other)


def test_rasters_load_no_vectors() -> None:
    """With pyogrio comes pandas, which takes longer than all of a small scene."""
    script = "import sys, geosemimtl.tiling.labels; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_file_without_features(tmp_path: Path, one_line: OneLine) -> None:
    path = tmp_path / "empty.geojson"
    path.write_text('{"type": "FeatureCollection", "features": []}')
    with pytest.raises(LabelError, match="has no features; draw some") as caught:
        open_labels([path], ISPRS_CLASS_MAP, fallback=Georeference(CRS.from_epsg(25833)))
    one_line(caught.value)
