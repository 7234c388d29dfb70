"""The small world in which the pages' commands run: files of the names that the pages use.

A command is run as a page shows it, on small files: scenes have 1536 x 512 pixels at most, and
a training's YAML keeps its domains and method, but trains a small network for two iterations
(``shortened``). What one page shows and others start from (tile sets, a model, predicted
rasters) is made by the pages' own commands (``MADE``).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
import torch
import yaml
from affine import Affine
from numpy.typing import NDArray
from PIL import Image

import geosemimtl.demonstration.city
import geosemimtl.demonstration.street
from geosemimtl.cli.main import main
from geosemimtl.data.city.presets import preset
from geosemimtl.data.city.scene import draw_city
from geosemimtl.data.street.dataset import write_street
from geosemimtl.demonstration.city import Plan
from geosemimtl.demonstration.street import StreetPlan

ROOT = Path(__file__).parents[2]
GSD_M = 0.2
#: Of scene.tif; three blocks of two tiles of 256 px stand side by side in it.
WIDTH_M, HEIGHT_M = 307.2, 102.4

#: What several pages start from, in the order in which it is made, by the command that makes it.
MADE = (
    "ndsm dsm.tif --dtm dtm.tif -o ndsm.tif",
    "tile --dataset cityscapes data/cityscapes --resize 256x512 -o tiles/cityscapes_256",
    "tile --dataset synscapes data/synscapes --resize 256x512 -o tiles/synscapes_256",
    "train street.yaml",
    # the newest model is the one that a command takes which names none
    "tile city_a.tif --labels city_a_classes.tif --gsd 0.2 -o tiles/city_a",
    "tile city_b.tif --height city_b_ndsm.tif --gsd 0.2 -o tiles/city_b",
    "train my_training.yaml",
    "predict scene.tif",
    "predict scenes -o out",
    "tile --dataset potsdam data/potsdam -o tiles/potsdam",
    "tile --dataset vaihingen data/vaihingen -o tiles/vaihingen",
    "demo",
)

SMALL = {"name": "upsampling", "channels": 8}
SHORT: dict[str, Any] = {
    "network": {
        "encoder": "resnet18",
        "weights": None,
        "output_stride": 32,
        "segmentation": SMALL,
        "height": SMALL,
        "disparity": SMALL,
    },
    "iterations": 2,
    "batch": 2,
    "crop_px": 64,
}
CITY = {"train_m": 60, "train_scenes": 1, "test_m": 40, "gsd_m": 0.5, "tile_px": 64}
STREET = {"train": 2, "val": 1, "shape": [64, 128]}
#: Of the demos: as much as makes every file that they make.
DEMO = Plan(
    tile_px=128,
    train_m=90.0,
    train_seeds=(1,),
    test_m=60.0,
    overrides=("iterations=2", "batch=2", "crop_px=64", "method.width=4"),
)
STREET_DEMO = StreetPlan(shape=(64, 128), train=2, val=1, shown=1, overrides=DEMO.overrides)


def shortened(document: dict[str, Any]) -> dict[str, Any]:
    """Return a training's or experiment's YAML with a small network and a few iterations."""
    if "domains" in document:
        left = {key: value for key, value in document.items() if key != "epochs"}
        method = dict(left.get("method", {"name": "jtl"}))
        return left | SHORT | {"method": method | ({"width": 4} if "width" in method else {})}
    if "training" not in document:
        return document
    rows = [{"name": "JTL", "changes": {"method": {"name": "jtl"}}}]
    left = {key: document[key] for key in document.keys() - {"same_time_as", "single"}}
    left |= {"training": shortened(document["training"]), "rows": rows}
    small = {"city": CITY, "street": STREET}
    return left | {key: small[key] for key in small.keys() & document.keys()}


@dataclass(frozen=True)
class World:
    """The files, and which of them each command of ``MADE`` made.

    Attributes:
        folder: Where they are.
        made: Paths within it, by command.
    """

    folder: Path
    made: Mapping[str, tuple[Path, ...]]

    def copy_to(self, here: Path, commands: Sequence[Sequence[str]]) -> None:
        """Lay the world into a folder, but for what these commands are about to make."""
        shutil.copytree(self.folder, here, dirs_exist_ok=True)
        for command, paths in self.made.items():
            if any(_same_outcome(command.split(), words[1:]) for words in commands):
                for path in paths:
                    _remove(here, path)


def _same_outcome(one: Sequence[str], other: Sequence[str]) -> bool:
    """Return whether two commands do the same thing to the same file, and write to one place."""
    return _subject(one) == _subject(other) and _output(one) == _output(other)


def _subject(words: Sequence[str]) -> tuple[str, ...]:
    """Return a command and what comes before its next option."""
    kept = []
    for index, word in enumerate(words):
        if word.startswith("-") and word != "--dataset" and index:
            break
        kept.append(word.rstrip("/"))
    return tuple(kept)


def _output(words: Sequence[str]) -> str | None:
    pairs = pairwise(words)
    return next((value for option, value in pairs if option in ("-o", "--output")), None)


def _remove(here: Path, path: Path) -> None:
    """Remove a file, and the folders that hold nothing else."""
    (here / path).unlink(missing_ok=True)
    for folder in path.parents[:-1]:
        if (here / folder).is_dir() and not any((here / folder).iterdir()):
            (here / folder).rmdir()


def call(arguments: Sequence[str]) -> object:
    """Run the program in this process and return its exit status."""
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    return stop.value.code or 0


@pytest.fixture(scope="session")
def run_here() -> Callable[[Sequence[str]], object]:
    """Return the function that runs the program in this process."""
    return call


@pytest.fixture(scope="session")
def lay_file() -> Callable[[Path, str], None]:
    """Return a function that writes a file that a page shows; trainings are shortened."""

    def lay(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".yaml":
            text = yaml.safe_dump(shortened(yaml.safe_load(text)), sort_keys=False)
        path.write_text(text, "utf-8")

    return lay


@pytest.fixture(scope="session", autouse=True)
def _small_demo() -> Iterator[None]:
    """Let ``geosemimtl demo`` draw cities of a few houses, and a few streets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(geosemimtl.demonstration.street, "FULL", STREET_DEMO)
        patch.setattr(geosemimtl.demonstration.city, "FULL", DEMO)
        patch.setattr(geosemimtl.demonstration.city, "QUICK", DEMO)
        yield


@pytest.fixture(scope="session")
def make_world(
    tmp_path_factory: pytest.TempPathFactory,
    write_isprs: Callable[[Path, str, Sequence[tuple[int, int]]], None],
    lay_file: Callable[[Path, str], None],
) -> Callable[[Mapping[str, str]], World]:
    """Return a function that makes the world, with the files that the pages show."""

    def make(shown: Mapping[str, str]) -> World:
        folder = tmp_path_factory.mktemp("world")
        torch.set_num_threads(1)
        _draw(folder)
        write_isprs(folder / "data/potsdam", "potsdam", [(2, 10), (2, 13)])
        write_isprs(folder / "data/vaihingen", "vaihingen", [(1, 1), (3, 1)])
        _write_vaihingens_heights(folder / "data/vaihingen")
        _draw_streets(folder)
        for path in (ROOT / "configs").rglob("*.yaml"):
            lay_file(folder / path.relative_to(ROOT), path.read_text("utf-8"))
        for name, text in shown.items():
            lay_file(folder / name, text)
        made = {}
        before = _files(folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            for command in MADE:
                assert call(["-q", *command.split()]) == 0, command
                after = _files(folder)
                made[command] = tuple(sorted(after - before))
                before = after
        _paint_buildings(folder)
        return World(folder, made)

    return make


def _files(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def _draw(folder: Path) -> None:
    """Write every raster, vector file and list that the pages name."""
    city = draw_city(preset("potsdam"), WIDTH_M, HEIGHT_M, 3, GSD_M)
    image, classes, heights = city.image, city.classes[None], city.ndsm_m[None]
    ground = np.linspace(30, 36, heights.shape[1], dtype=np.float32)[:, None]
    write = _Writer(folder)
    write("scene.tif", image)
    write("truth.tif", classes)
    write("dsm.tif", ground + heights, nodata=-9999)
    write("dtm.tif", np.broadcast_to(ground, heights.shape), nodata=-9999)
    image, classes, heights = image[..., :800], classes[..., :800], heights[..., :800]
    for name in ("city_a.tif", "city_b.tif", "scenes/a.tif", "scenes/b.tif"):
        write(name, image)
    for name in ("city_a_classes.tif", "truth/a.tif", "truth/b.tif"):
        write(name, classes)
    for name in ("city_b_ndsm.tif", "ndsm/a.tif", "ndsm/b.tif"):
        write(name, heights, nodata=-9999)
    write("sheet_1.tif", image[:, :, :400])
    write("sheet_2.tif", image[:, :, 400:], column=400)
    write("north/n.tif", image[:, :200, :200])
    write("south/s.tif", image[:, -200:, :200])
    (folder / "south.csv").write_text("image\nsouth/s.tif\n")
    _draw_polygons(folder)
    _draw_town(write, image, classes, heights)
    _draw_real(write, image, classes, heights)


def _paint_buildings(folder: Path) -> None:
    """Put the true buildings into the prediction: after two iterations it may hold none."""
    building = 1
    with rasterio.open(folder / "truth.tif") as source:
        true = source.read(1) == building
    path = folder / "scene_classes.tif"
    with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as target:
        target.write(np.where(true, np.uint8(building), target.read(1)), 1)


class _Writer:
    """Writes GeoTIFFs of 0.2 m pixels into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(
        self, name: str, pixels: NDArray[Any], *, column: int = 0, gsd: float = GSD_M, **more: Any
    ) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        profile = {
            "driver": "GTiff",
            "count": len(pixels),
            "height": pixels.shape[1],
            "width": pixels.shape[2],
            "dtype": str(pixels.dtype),
            "crs": "EPSG:25833",
            "transform": Affine(gsd, 0, 368000 + column * gsd, 0, -gsd, 5806400),
        }
        if len(pixels) == 3:
            profile["photometric"] = "RGB"
        with rasterio.open(path, "w", **(profile | more)) as target:
            target.write(pixels)


def _draw_polygons(folder: Path) -> None:
    """Write labels as drawn in QGIS, and an area of interest."""
    names = ["building", "shed", "tree", "ground"] * 3
    places = [(8 + 24 * index, 8 + 20 * (index % 4)) for index in range(len(names))]
    boxes = [shapely.box(x, y, x + 20, y + 20) for x, y in places]
    moved = shapely.transform(boxes, lambda at: at + np.array((368000, 5806400 - HEIGHT_M)))
    frame = geopandas.GeoDataFrame({"class": names}, geometry=moved, crs="EPSG:25833")
    frame.to_file(folder / "parcels.gpkg")
    frame[:1].to_file(folder / "parcel.gpkg")


def _draw_town(
    write: _Writer, image: NDArray[Any], classes: NDArray[Any], heights: NDArray[Any]
) -> None:
    """Write the data set of town.yaml: 16 bit, no CRS, heights in feet."""
    no_crs: dict[str, Any] = {"crs": None, "photometric": "MINISBLACK"}
    for name in ("a.tif", "b.tif", "c.tif"):
        write(f"dop/{name}", image.astype(np.uint16) * 39, **no_crs)
        write(f"labels/{name}", np.minimum(classes, 2), crs=None)
        write(f"heights/{name}", heights / 0.3048, crs=None, nodata=-9999)


def _draw_real(
    write: _Writer, image: NDArray[Any], classes: NDArray[Any], heights: NDArray[Any]
) -> None:
    """Write stand-ins for the two scenes of real-scenes.md."""
    write("zurich/rgb.tif", image, gsd=0.5)
    write("zurich/rgb_unlabelled.tif", image[:, :200, :200], gsd=0.5)
    write("zurich/label.tif", np.minimum(classes, 4), gsd=0.5)
    write("zurich/ndsm_m.tif", heights, gsd=0.5, nodata=-9999)
    feet: dict[str, Any] = {"gsd": 1.0, "crs": "EPSG:2994"}
    write("autzen/rgb.tif", image, **feet)
    write("autzen/ndsm_m.tif", heights, nodata=-9999, **feet)
    for name in ("autzen/autzen.jpg", "autzen.jpg"):
        world = "1.0\n0.0\n0.0\n-1.0\n368000.5\n5806399.5\n"
        write(name, image, driver="JPEG", photometric=None)
        (write.folder / f"{name}.aux.xml").unlink()  # it has the CRS, which these do not tell
        (write.folder / name).with_suffix(".jgw").write_text(world)


def _draw_streets(folder: Path) -> None:
    """Write small streets in the layouts of two data sets, and some of a user's own."""
    with tempfile.TemporaryDirectory() as drawn:
        to = write_street(Path(drawn) / "street", seed=0, train=2, val=1, shape=(64, 128), extra=1)
        shutil.copytree(to.camera, folder / "data/cityscapes")
        shutil.copytree(to.rendered, folder / "data/synscapes")
    (folder / "images").mkdir()
    (folder / "masks").mkdir()
    for name, number in (("a", "1"), ("b", "2"), ("c", "20001")):
        shutil.copy(folder / f"data/synscapes/img/rgb/{number}.png", folder / f"images/{name}.png")
        with Image.open(folder / f"data/synscapes/img/class/{number}.png") as labels:
            ids = np.asarray(labels)
        classes = np.select([ids == 7, ids == 26, ids == 0], [0, 1, 255], 2)
        Image.fromarray(classes.astype(np.uint8)).save(folder / f"masks/{name}.png")
    shutil.copy(folder / "images/c.png", folder / "image.png")


def _write_vaihingens_heights(folder: Path) -> None:
    """Write what ``geosemimtl ndsm`` makes of its surface models, as datasets.md tells."""
    for dsm in sorted(folder.rglob("dsm_09cm_matching_area*.tif")):
        place = Affine(0.09, 0, 497000 + int(dsm.stem[-1]) * 10, 0, -0.09, 5419000)
        pixels = np.full((1, 40, 48), 3, np.float32)
        _Writer(folder)(f"ndsm/{dsm.name}", pixels, crs="EPSG:32632", transform=place)
