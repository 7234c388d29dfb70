"""Which files make which scenes: folders, patterns, lists, names that match."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio.shutil
from numpy.typing import NDArray
from shapely.geometry import Point

from geosemimtl.errors import TileSetError
from geosemimtl.tasks import HEIGHT, SEGMENTATION
from geosemimtl.tiling.scene_lists import is_scene_list
from geosemimtl.tiling.scenes import SceneFiles, gather_scenes, scene_images

OneLine = Callable[[BaseException], str]


def touch(folder: Path, *names: str) -> list[Path]:
    """Make empty files: gathering looks at names only."""
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return paths


def refused(one_line: OneLine, *arguments: Sequence[Path], mosaic: bool = False) -> str:
    """Return the message with which these arguments are refused."""
    with pytest.raises(TileSetError) as caught:
        gather_scenes(*arguments, mosaic=mosaic)
    return one_line(caught.value)


def both(labels: Path, height: Path) -> dict[str, tuple[Path, ...]]:
    """Return a file a task."""
    return {SEGMENTATION: (labels,), HEIGHT: (height,)}


def names_of(scenes: Sequence[SceneFiles]) -> list[str]:
    return [scene.name for scene in scenes]


def test_files_in_the_order_named(tmp_path: Path) -> None:
    image = [tmp_path / "b.tif", tmp_path / "a.tif"]
    labels = [tmp_path / "lb.tif", tmp_path / "la.tif"]
    heights = [tmp_path / "hb.tif", tmp_path / "ha.tif"]
    assert gather_scenes(image, labels, heights) == (
        SceneFiles("b", (image[0],), both(labels[0], heights[0])),
        SceneFiles("a", (image[1],), both(labels[1], heights[1])),
    )


def test_a_folder_gives_its_rasters(tmp_path: Path) -> None:
    touch(tmp_path, "b.TIF", "a.tif", "a.tif.aux.xml", "a.tfw", "a.tif.ovr", ".c.tif", "n.txt")
    touch(tmp_path, "deeper/d.tif")
    assert names_of(gather_scenes([tmp_path])) == ["a", "b"]


def test_a_pattern(tmp_path: Path) -> None:
    touch(tmp_path, "x/a_1.tif", "y/a_2.tif", "y/a_2.tif.aux.xml", "y/a_2.tfw", "y/b.tif")
    assert names_of(gather_scenes([tmp_path / "*" / "a_*"])) == ["a_1", "a_2"]


def test_a_file_that_looks_like_a_pattern(tmp_path: Path) -> None:
    paths = touch(tmp_path, "a[1].tif", "a1.tif")
    assert gather_scenes(paths[:1]) == (SceneFiles("a[1]", (paths[0],)),)


@pytest.mark.parametrize(
    ("name", "says"), [("empty", "holds no raster"), ("*.jp2", "no file matches this pattern")]
)
def test_nothing_found(tmp_path: Path, one_line: OneLine, name: str, says: str) -> None:
    (tmp_path / "empty").mkdir()
    touch(tmp_path, "a.tif")
    assert says in refused(one_line, [tmp_path / name])
    assert says in refused(one_line, [tmp_path / "a.tif"], [tmp_path / name])


def test_no_scene(one_line: OneLine) -> None:
    assert refused(one_line, []) == "no scene was named"


def test_names_that_occur_twice_carry_their_folder(tmp_path: Path) -> None:
    paths = [tmp_path / "north" / "dop.tif", tmp_path / "south" / "dop.tif", tmp_path / "x.tif"]
    assert names_of(gather_scenes(paths)) == ["north-dop", "south-dop", "x"]
    assert scene_images(paths) == [(path,) for path in paths]
    assert scene_images(paths, mosaic=True) == [tuple(paths)]


def test_two_scenes_of_one_name(tmp_path: Path, one_line: OneLine) -> None:
    paths = [tmp_path / "a" / "dop.tif", tmp_path / "a" / "dop.jp2"]
    assert "2 scenes are called a-dop; rename" in refused(one_line, paths)


def test_a_file_named_twice(tmp_path: Path, one_line: OneLine) -> None:
    (path,) = touch(tmp_path, "a.tif")
    assert "a.tif: is named 2 times" in refused(one_line, [path, tmp_path])
    assert "a.tif: is named 2 times" in refused(one_line, [path, path], mosaic=True)


def test_a_mosaic_is_called_after_its_folder(tmp_path: Path) -> None:
    image = touch(tmp_path / "town", "a.tif", "b.tif")
    labels = touch(tmp_path / "labels", "x.tif", "y.tif", "z.tif")
    (scene,) = gather_scenes([tmp_path / "town"], [tmp_path / "labels"], labels[:1], mosaic=True)
    assert scene == SceneFiles(
        "town", tuple(image), {SEGMENTATION: tuple(labels), HEIGHT: (labels[0],)}
    )
    assert names_of(gather_scenes([image[0], labels[0]], mosaic=True)) == ["a"]
    assert names_of(gather_scenes(image[:1], mosaic=True)) == ["a"]


def test_layers_are_matched_by_name(tmp_path: Path) -> None:
    """Equal names first; else what is left without trailing words of letters."""
    image = touch(
        tmp_path, "i/top_potsdam_2_10_RGB.tif", "i/top_potsdam_2_1_RGB.tif", "i/area1.tif"
    )
    labels = touch(tmp_path, "l/area1.tif", "l/area10.tif", "l/top_potsdam_2_10_label.tif")
    labels += touch(tmp_path, "l/top_potsdam_2_1_label_noBoundary.tif", "l/area1_old.tif")
    scenes = gather_scenes(image, [tmp_path / "l"], [tmp_path / "l" / "*"])
    assert [scene.of(SEGMENTATION) for scene in scenes] == [
        (labels[2],),
        (labels[3],),
        (labels[0],),
    ]
    assert [scene.of(HEIGHT) for scene in scenes] == [scene.of(SEGMENTATION) for scene in scenes]


def test_folders_tell_files_of_one_name_apart(tmp_path: Path) -> None:
    image = touch(tmp_path, "i/north/dop.tif", "i/south/dop.tif")
    labels = touch(tmp_path, "l/north/dop.tif", "l/south/dop.tif")
    scenes = gather_scenes(image, [tmp_path / "l" / "*" / "dop.tif"])
    assert [scene.of(SEGMENTATION) for scene in scenes] == [(labels[0],), (labels[1],)]


def test_a_folder_a_scene(tmp_path: Path) -> None:
    image = touch(tmp_path, "p0/rgb.tif", "p1/rgb.tif")
    labels = touch(tmp_path, "p0/label.tif", "p1/label.tif")
    scenes = gather_scenes(image, [tmp_path / "*" / "label.tif"])
    assert [scene.of(SEGMENTATION) for scene in scenes] == [(labels[0],), (labels[1],)]
    # among several scenes a folder tells nothing
    more = touch(tmp_path, "p0/other.tif")
    with pytest.raises(TileSetError, match="no file fits"):
        gather_scenes([*image, *more], [tmp_path / "*" / "label.tif"])
    # an image is never its own label
    more[0].unlink()
    (scene,) = gather_scenes(image[:1], [tmp_path / "p0"])
    assert scene.of(SEGMENTATION) == (labels[0],)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (["area10.tif", "area2.tif"], "no file fits area1_rgb"),
        (["area1_a.tif", "area1_b.tif"], "several files fit area1_rgb (area1_a.tif, area1_b.tif)"),
        (["berlin.tif"], "no file fits area1_rgb"),
    ],
)
def test_no_match_or_several(
    tmp_path: Path, one_line: OneLine, files: list[str], says: str
) -> None:
    touch(tmp_path / "l", *files)
    message = refused(one_line, [tmp_path / "area1_rgb.tif"], [tmp_path / "l"])
    assert says in message
    assert "list them in a CSV" in message


def test_one_vector_file_serves_all(tmp_path: Path) -> None:
    image = [tmp_path / "a.tif", tmp_path / "b.tif"]
    for name in ("p.gpkg", "p.gpkg|layername=roofs", "p.geojson", "p.shp"):
        scenes = gather_scenes(image, [tmp_path / name])
        assert [scene.of(SEGMENTATION) for scene in scenes] == [(tmp_path / name,)] * 2


@pytest.mark.parametrize("layer", ["labels", "height"])
def test_a_wrong_count(tmp_path: Path, one_line: OneLine, layer: str) -> None:
    image, one = [tmp_path / "a.tif", tmp_path / "b.tif"], [tmp_path / "l.tif"]
    layers = (one, ()) if layer == "labels" else ((), one)
    message = refused(one_line, image, *layers)
    assert f"2 scene(s) but 1 --{layer}" in message


LIST = (
    "image,scene,labels,height,split\n"
    "dop/a.tif,town,l.gpkg|layername=x,,train\n"
    "dop/b.tif,town,l.gpkg|layername=x,h.tif,train\n"
    "\n"
    "/far/c.tif,,,,\n"
)


@pytest.mark.parametrize("form", ["utf-8", "utf-8-sig", ";", "\t", "capitals", "windows"])
def test_a_csv_list(tmp_path: Path, form: str) -> None:
    text = LIST.replace(",", form) if len(form) == 1 else LIST
    text = text.replace("image,scene", "Image, Scene") if form == "capitals" else text
    text = text.replace("\n", "\r\n") if form == "windows" else text
    path = tmp_path / "list.csv"
    path.write_bytes(text.encode(form if form.startswith("utf") else "utf-8"))
    assert gather_scenes([path]) == (
        SceneFiles(
            "town",
            (tmp_path / "dop/a.tif", tmp_path / "dop/b.tif"),
            both(tmp_path / "l.gpkg|layername=x", tmp_path / "h.tif"),
            "train",
        ),
        SceneFiles("c", (Path("/far/c.tif"),)),
    )


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson"])
@pytest.mark.parametrize("geometry", [True, False])
def test_a_list_that_qgis_draws(tmp_path: Path, suffix: str, geometry: bool) -> None:  # noqa: FBT001  (a case)
    columns = {"image": ["a.tif", "b.tif"], "labels": ["la.tif", None], "year": [2020, 2021]}
    path = tmp_path / f"list{suffix}"
    if suffix == ".geojson" and not geometry:
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        features = [{"type": "Feature", "geometry": None, "properties": row} for row in rows]
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    else:
        points = [Point(0, 0), Point(1, 1)] if geometry else [None, None]
        frame = geopandas.GeoDataFrame(columns, geometry=points, crs="EPSG:4326")
        frame.to_file(path, engine="pyogrio")
    assert gather_scenes([path]) == (
        SceneFiles("a", (tmp_path / "a.tif",), {SEGMENTATION: (tmp_path / "la.tif",)}),
        SceneFiles("b", (tmp_path / "b.tif",)),
    )


def test_a_geopackage_of_pixels_is_a_scene(
    make_raster: Callable[..., Path], noise: Callable[..., NDArray[np.uint8]], tmp_path: Path
) -> None:
    path = tmp_path / "a.gpkg"
    rasterio.shutil.copy(make_raster("a.tif", noise(3, 8, 8)), path, driver="GPKG")
    assert not is_scene_list(path)
    assert gather_scenes([path]) == (SceneFiles("a", (path,)),)
    # as labels it is one scene's raster, not vectors for all
    (scene,) = gather_scenes([tmp_path / "b.tif"], [path])
    assert scene.of(SEGMENTATION) == (path,)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "lists no scene"),
        ("image\n", "lists no scene"),
        ("file,labels\na.tif,b.tif\n", "has no column image, only file, labels"),
        ("image,labels\n,b.tif\n", "row 1 names no image"),
        ("image,split\na.tif,training\n", "row 1 has the split training; write train, val, test"),
        (
            "image,scene,split\na.tif,x,train\nb.tif,x,val\n",
            "scene x is in the splits train and val",
        ),
        ("image,scene,split\na.tif,x,train\nb.tif,x,\n", "in the splits train and none"),
        ("image,labels\na.tif,b,c.tif\n", "more cells than columns beside a.tif"),
        ('image\n"a.tif\n', "cannot be read"),
        ("image,scene\na.tif,x/y\n", "called x/y, which makes no file name"),
    ],
)
def test_a_list_that_is_not_right(tmp_path: Path, one_line: OneLine, text: str, says: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(text)
    assert says in refused(one_line, [path])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.csv", "image\nä.tif\n".encode("latin-1")),
        ("list.csv", "image\na.tif\n".encode("utf-16")),
        ("list.geojson", b'{"type": "FeatureColl'),
        ("list.geojson", b"[1, 2]"),
        ("list.geojson", b'{"features": [1]}'),
        ("list.csv", None),
        ("list.geojson", None),
    ],
)
def test_a_list_that_cannot_be_read(
    tmp_path: Path, one_line: OneLine, name: str, content: bytes | None
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert str(path) in refused(one_line, [path])


def test_layers_in_the_list_and_by_flag(tmp_path: Path, one_line: OneLine) -> None:
    path = tmp_path / "list.csv"
    path.write_text("image,labels\na.tif,b.tif\n")
    message = refused(one_line, [path], [tmp_path / "c.tif"])
    assert f"--labels {tmp_path / 'c.tif'}: the list of scenes names some, too" in message
    (scene,) = gather_scenes([path], (), [tmp_path / "h.tif"])
    assert (scene.of(SEGMENTATION), scene.of(HEIGHT)) == (
        (tmp_path / "b.tif",),
        (tmp_path / "h.tif",),
    )


def test_a_list_as_one_mosaic(tmp_path: Path, one_line: OneLine) -> None:
    path = tmp_path / "list.csv"
    path.write_text("image,labels,split\na.tif,l.tif,val\nb.tif,l.tif,val\n")
    (scene,) = gather_scenes([path], mosaic=True)
    files = (tmp_path / "a.tif", tmp_path / "b.tif")
    assert scene == SceneFiles(tmp_path.name, files, {SEGMENTATION: (tmp_path / "l.tif",)}, "val")
    path.write_text("image,split\na.tif,val\nb.tif,train\n")
    assert "of several splits" in refused(one_line, [path], mosaic=True)


def test_lists_load_no_pandas(tmp_path: Path) -> None:
    """Loading it takes longer than cutting a small scene."""
    frame = geopandas.GeoDataFrame({"image": ["a.tif"]}, geometry=[Point(0, 0)], crs="EPSG:4326")
    frame.to_file(tmp_path / "list.gpkg", engine="pyogrio")
    script = (
        "import sys; from pathlib import Path; from geosemimtl.tiling.scenes import gather_scenes;"
        "gather_scenes([Path(sys.argv[1])]); sys.exit('pandas' in sys.modules)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "list.gpkg")]
    assert subprocess.run(command, check=False).returncode == 0


def test_a_misspelt_column(tmp_path: Path, one_line: OneLine) -> None:
    path = tmp_path / "list.csv"
    path.write_text("image,lables\na.tif,b.tif\n")
    assert "has a column lables; if it means labels, call it so" in refused(one_line, [path])
    path.write_text("image,labels,label_date\na.tif,b.tif,2026\n")
    assert len(gather_scenes([path])) == 1
