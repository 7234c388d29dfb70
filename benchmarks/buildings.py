"""Measure the polygons of buildings against the synthetic city's own geometry.

After ``make demo``: ``python benchmarks/buildings.py [demo]``. The unseen scenes of the demo are
vectorized twice, with and without ``--right-angles``: as they are (the rasters of the truth, whose
borders are right to half a pixel) and as the demo's model predicts them. What comes out is compared
with the footprints and roofs that the city was painted from, which have no pixels: rectangles
joined where they touch, their heights without the trees above. A polygon and a footprint match if
they share at least half of their union; one footprint has one match at most. A footprint that is
missed and yet covered to more than half became one with others.

``--pictures FOLDER`` draws the polygons of each scene over a part of its image.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import rasterio
import rasterio.features
import shapely
from affine import Affine
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from rasterio.windows import Window

from geosemimtl.classes import ISPRS_CLASSES
from geosemimtl.data.city.blocks import make_plan
from geosemimtl.data.city.geometry import rectangle
from geosemimtl.data.city.materials import class_table
from geosemimtl.data.city.objects import Plan
from geosemimtl.data.city.presets import preset
from geosemimtl.data.city.truth import paint
from geosemimtl.demonstration.city import FULL, TEST_SEED
from geosemimtl.machine import versions
from geosemimtl.raster.declared import CLASSES_TAG
from geosemimtl.vectors.options import VectorOptions
from geosemimtl.vectors.vectorization import vectorize

SENSORS = ("potsdam", "vaihingen")
BUILDING = ISPRS_CLASSES.names.index("building")
LEAST_M2, LEAST_IOU = 10.0, 0.5
#: Houses wall to wall are one building; a step at which roofs are measured.
GAP_M, STEP_M = 0.05, 0.1
#: Of the pictures: metres that are shown, and colours.
SHOWN_M, COLOURS = 80.0, 128
COLUMNS = (
    "scene: buildings",
    "raster",
    "polygons",
    "precision %",
    "recall %",
    "mean IoU %",
    "IoU of all %",
    "missed, of these covered",
    "vertices",
    "median height m: mean, median, RMSE",
    "90th percentile m: the same",
)
HEIGHTS = ("height_median_m", "height_p90_m")


@dataclass(frozen=True, slots=True)
class Buildings:
    """Footprints in the scene's CRS, and of each the median and 90th percentile of its heights."""

    shapes: NDArray[Any]
    heights_m: NDArray[np.float64]


def true_buildings(sensor: str) -> Buildings:
    """Return the buildings that a demo's unseen scene was painted from."""
    side_m, (x, y) = FULL.test_m, preset(sensor).origin_xy
    plan = make_plan(preset(sensor).style, side_m, side_m, TEST_SEED)
    of_material = class_table()
    boxes = tuple(box for box in plan.boxes if of_material[box.look.material] == BUILDING)
    corners = [
        rectangle(np.array((box.x, box.y)), box.half_u_m, box.half_v_m, box.angle).points
        for box in boxes
    ]
    rings: Any = np.stack(corners) * (1, -1) + (x, y)
    joined = shapely.buffer(shapely.polygons(rings), GAP_M, join_style="mitre")
    joined = shapely.buffer(shapely.union_all(joined), -GAP_M, join_style="mitre")
    scene = shapely.box(x, y - side_m, x + side_m, y)
    shapes = shapely.get_parts(shapely.intersection(joined, scene))
    shapes = shapes[shapely.area(shapes) >= LEAST_M2]
    count = round(side_m / STEP_M)
    roofs = paint(Plan((), boxes), (count, count), STEP_M, TEST_SEED).ndsm_m
    owner = rasterio.features.rasterize(
        [(shape, number + 1) for number, shape in enumerate(shapes)],
        roofs.shape,
        transform=Affine(STEP_M, 0, x, 0, -STEP_M, y),
    )
    heights = [
        np.percentile(roofs[(owner == number + 1) & (roofs > 0)], (50, 90))
        for number in range(len(shapes))
    ]
    return Buildings(shapes, np.array(heights))


def declared(labels: Path, folder: Path) -> Path:
    """Return a copy of a label raster that names its classes, as a predicted one does."""
    path = folder / labels.name
    with rasterio.open(labels) as source:
        profile, pixels = source.profile, source.read()
    with rasterio.open(path, "w", **profile) as target:
        target.write(pixels)
        target.update_tags(**{CLASSES_TAG: ISPRS_CLASSES.model_dump_json()})
    return path


def found_buildings(classes: Path, heights: Path, *, right_angles: bool) -> Buildings:
    """Vectorize rasters as the command does."""
    with tempfile.TemporaryDirectory() as name:
        output = Path(name, "found.gpkg")
        options = VectorOptions(min_area_m2=LEAST_M2, right_angles=right_angles)
        vectorize(classes, output, heights=heights, options=options)
        table = pyogrio.read_dataframe(output, layer="buildings")
    return Buildings(table.geometry.to_numpy(), table[list(HEIGHTS)].to_numpy())


def vectorized(demo: Path, sensor: str) -> dict[str, Buildings]:
    """Return the buildings of the truth's and the predicted rasters, without and with angles."""
    stem = f"{sensor}_unseen"
    found = {}
    with tempfile.TemporaryDirectory() as name:
        true = declared(demo / "scenes" / f"{stem}_labels.tif", Path(name))
        rasters = {
            "true": (true, demo / "scenes" / f"{stem}_ndsm.tif"),
            "predicted": (demo / f"{stem}_classes.tif", demo / f"{stem}_height.tif"),
        }
        for kind, (classes, heights) in rasters.items():
            for end, right_angles in (("", False), (", --right-angles", True)):
                found[kind + end] = found_buildings(classes, heights, right_angles=right_angles)
    return found


def compared(found: Buildings, truth: Buildings) -> list[str]:
    """Return the cells of a table: how well polygons match footprints, and heights' errors."""
    one, other = shapely.STRtree(truth.shapes).query(found.shapes, predicate="intersects")
    shared = shapely.area(shapely.intersection(found.shapes[one], truth.shapes[other]))
    areas = shapely.area(found.shapes[one]) + shapely.area(truth.shapes[other])
    ious = shared / (areas - shared)
    match = ious >= LEAST_IOU
    ours, theirs = (shapely.union_all(each.shapes) for each in (found, truth))
    together = ours.intersection(theirs).area / ours.union(theirs).area
    shares = (
        match.sum() / len(found.shapes),
        match.sum() / len(truth.shapes),
        ious[match].mean(),
        together,
    )
    missed = np.ones(len(truth.shapes), bool)
    missed[other[match]] = False
    covered = np.bincount(other, shared, len(missed)) > shapely.area(truth.shapes) / 2
    vertices = np.mean(shapely.get_num_coordinates(found.shapes)) - 1
    errors = (found.heights_m[one[match]] - truth.heights_m[other[match]]).T
    metres = [(each.mean(), np.median(each), np.sqrt(np.mean(each**2))) for each in errors]
    return [
        str(len(found.shapes)),
        *(f"{100 * share:.1f}" for share in shares),
        f"{missed.sum()}, {(missed & covered).sum()}",
        f"{vertices:.0f}",
        *(", ".join(f"{value:.2f}" for value in each) for each in metres),
    ]


def draw(path: Path, image: Path, found: dict[str, Buildings], truth: Buildings) -> None:
    """Draw each way's outlines over the middle of an image, in few colours: a small file."""
    figure = Figure(figsize=(5 * len(found), 5.25), layout="constrained", dpi=90)
    for axes, (title, buildings) in zip(figure.subplots(1, len(found)), found.items(), strict=True):
        axes.set_title(title, fontsize=10)
        show(axes, image, buildings, truth)
    data = BytesIO()
    figure.savefig(data, format="png")
    with Image.open(data) as drawn:
        drawn.convert("RGB").quantize(COLOURS).save(path, optimize=True)


def show(axes: Axes, image: Path, found: Buildings, truth: Buildings) -> None:
    """Draw the footprints and what was found of them over the middle of an image."""
    with rasterio.open(image) as source:
        size = round(SHOWN_M / source.res[0])
        corner = (source.width - size) // 2
        window = Window(corner, corner, size, size)
        pixels = np.moveaxis(source.read((1, 2, 3), window=window), 0, -1)
        left, bottom, right, top = source.window_bounds(window)
    axes.imshow(pixels, extent=(left, right, bottom, top), interpolation="bilinear")
    for buildings, colour, width in ((truth, "white", 1.0), (found, "cyan", 1.6)):
        rings = [
            shapely.get_coordinates(ring)
            for shape in buildings.shapes
            for ring in (shape.exterior, *shape.interiors)
        ]
        axes.add_collection(LineCollection(rings, colors=colour, linewidths=width))
    axes.set(xlim=(left, right), ylim=(bottom, top), xticks=[], yticks=[])


def main() -> None:
    """Measure, and draw if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("demo", type=Path, nargs="?", default=Path("demo"))
    parser.add_argument("--pictures", type=Path, metavar="FOLDER")
    asked = parser.parse_args()
    if not (asked.demo / "scenes").is_dir():
        raise SystemExit(f"{asked.demo}: there is no demo; run make demo first")
    print(
        f"{platform.machine()}, Python {platform.python_version()}, "
        + ", ".join(f"{name} {number}" for name, number in versions("torch", "shapely").items())
        + f", seed {TEST_SEED}\n"
    )
    print("| " + " | ".join(COLUMNS) + " |\n| --- | --- |" + " ---: |" * (len(COLUMNS) - 2))
    for sensor in SENSORS:
        truth, found = true_buildings(sensor), vectorized(asked.demo, sensor)
        for way, buildings in found.items():
            cells = [f"{sensor}: {len(truth.shapes)}", way, *compared(buildings, truth)]
            print("| " + " | ".join(cells) + " |", flush=True)
        if asked.pictures:
            shown = {way: found[way] for way in found if way.startswith("predicted")}
            image = asked.demo / "scenes" / f"{sensor}_unseen.tif"
            draw(asked.pictures / f"polygons_{sensor}.png", image, shown, truth)


if __name__ == "__main__":
    main()
