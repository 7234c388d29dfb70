"""Measure ``geosemimtl vectorize``: memory on a gigapixel, and speed beside GDAL's polygonizer.

``python benchmarks/vectors.py`` writes rasters of classes and heights as a network leaves them: the
synthetic city of 2048 px at 0.2 m, the borders of its classes shaken by noise of a few pixels, once
and again until a raster is full. Buildings of one of 32768 x 32768 px, with heights and confidence,
are vectorized for the memory (1 GB of disk, some minutes); those of a smaller one, and all its
classes, beside ``rasterio.features.shapes``, ``shapely.coverage_simplify`` and ``pyogrio``, which
hold all pixels and all polygons at once and know no heights. Each measurement runs in a process of
its own, the ways in turn; the figures are the medians of the rounds. Seconds are the processor's:
other work on the machine does not count.

``--side PX`` and ``--beside PX`` choose other sizes, ``--only memory`` or ``speed`` takes one part.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import rasterio
import rasterio.features
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.windows import Window
from scipy import ndimage

from geosemimtl.classes import IGNORE, ISPRS_CLASSES
from geosemimtl.data.city.presets import preset
from geosemimtl.data.city.truth import make_truth
from geosemimtl.machine import peak_memory_mb, versions
from geosemimtl.raster.declared import CLASSES_TAG
from geosemimtl.tasks import NODATA
from geosemimtl.vectors.options import VectorOptions
from geosemimtl.vectors.vectorization import vectorize

GSD_M, PATCH_PX, SEED = 0.2, 2048, 1
#: Pixels by which borders wander, and over how many pixels they do.
SHAKEN_PX, WAVE_PX = 2.0, 2.0
BUILDING = ISPRS_CLASSES.names.index("building")
PACKAGES = ("numpy", "rasterio", "shapely", "pyogrio")
LEAST_M2, TOLERANCE_M = 10.0, 1.5 * GSD_M


def make_patch() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return classes and heights of a city with ragged borders."""
    side_m = PATCH_PX * GSD_M
    truth = make_truth(preset("potsdam").style, side_m, side_m, GSD_M, SEED)
    random = np.random.default_rng(SEED)
    places = np.indices((PATCH_PX, PATCH_PX))
    noise = random.normal(size=places.shape)
    noise = ndimage.gaussian_filter(noise, (0, WAVE_PX, WAVE_PX), mode="wrap")
    places = np.rint(places + SHAKEN_PX * noise / noise.std()).astype(np.int64)
    row, col = np.clip(places, 0, PATCH_PX - 1)
    heights = np.round(truth.ndsm_m[row, col], 1).astype(np.float32)  # less to compress
    return truth.classes[row, col], heights


def make_rasters(folder: Path, rows: int, cols: int) -> None:
    """Write classes, heights and confidence as ``predict`` names them, strip by strip."""
    profile = {
        "driver": "GTiff",
        "width": cols,
        "height": rows,
        "count": 1,
        "crs": "EPSG:25833",
        "transform": Affine(GSD_M, 0, 368000, 0, -GSD_M, 5806000),
        "tiled": True,
        "blockxsize": 512,
        "blockysize": 512,
        "compress": "zstd",
        "zstd_level": 1,
        "bigtiff": "if_safer",
    }
    classes, heights = make_patch()
    layers: tuple[tuple[str, float, NDArray[Any]], ...] = (
        ("city_classes", IGNORE, classes),
        ("city_height", NODATA, heights),
        ("city_confidence", IGNORE, (60 + 10 * np.minimum(heights, 4)).astype(np.uint8)),
    )
    for name, nodata, patch in layers:
        strip = np.tile(patch, -(-cols // PATCH_PX))[:, :cols]
        path = folder / f"{name}.tif"
        with rasterio.open(path, "w", dtype=patch.dtype, nodata=nodata, **profile) as target:
            if name == "city_classes":
                target.update_tags(**{CLASSES_TAG: ISPRS_CLASSES.model_dump_json()})
            for top in range(0, rows, PATCH_PX):
                count = min(PATCH_PX, rows - top)
                target.write(strip[:count], 1, window=Window(0, top, cols, count))


def ours(folder: Path, *, heights: bool, everything: bool) -> int:
    """Vectorize as the command does; return how many polygons there are."""
    names = ("all",) if everything else ("building",)
    made = vectorize(
        folder / "city_classes.tif",
        folder / "ours.gpkg",
        heights=folder / "city_height.tif" if heights else None,
        options=VectorOptions(names, LEAST_M2, simplify_m=TOLERANCE_M),
        overwrite=True,
    )
    return sum(made.counts.values())


def others(folder: Path, *, everything: bool) -> int:
    """Polygonize, simplify and write by rasterio, shapely and pyogrio, no heights."""
    with rasterio.open(folder / "city_classes.tif") as source:
        classes, transform = source.read(1), source.transform
        crs = source.crs.to_wkt()
    mask = None if everything else classes == BUILDING
    found = rasterio.features.shapes(classes, mask, transform=transform)
    shapes = [
        shapely.Polygon(shape["coordinates"][0], shape["coordinates"][1:]) for shape, _ in found
    ]
    # its tolerance is the root of an area
    simple = shapely.coverage_simplify(np.array(shapes), TOLERANCE_M)
    simple = simple[shapely.area(simple) >= LEAST_M2]
    areas = [shapely.area(simple)]
    path = folder / "others.gpkg"
    path.unlink(missing_ok=True)
    pyogrio.raw.write(
        path, shapely.to_wkb(simple), areas, ["area_m2"], geometry_type="Polygon", crs=crs
    )
    return len(simple)


SHAPES, SHAPES_ALL = "shapes, coverage_simplify", "shapes, coverage_simplify: all classes"
WAYS = {
    "vectorize": lambda folder: ours(folder, heights=False, everything=False),
    "vectorize --height": lambda folder: ours(folder, heights=True, everything=False),
    SHAPES: lambda folder: others(folder, everything=False),
    "vectorize --classes all": lambda folder: ours(folder, heights=False, everything=True),
    SHAPES_ALL: lambda folder: others(folder, everything=True),
}
#: What each is compared with.
BESIDE = {way: SHAPES_ALL if "all" in way else SHAPES for way in WAYS}


def measured(folder: Path, way: str) -> dict[str, Any]:
    """Run one way in a process of its own; return what :func:`measure_inside` prints."""
    command = [sys.executable, __file__, "--inside", way, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure_inside(way: str, folder: Path) -> None:
    """Do the work of :func:`measured` and print what it took, start-up apart."""
    start, used = time.perf_counter(), time.process_time()
    polygons = WAYS[way](folder)
    found = {
        "seconds": time.perf_counter() - start,
        "used_s": time.process_time() - used,
        "peak_mb": peak_memory_mb(),
        "polygons": polygons,
    }
    print(json.dumps(found))


def speed(folder: Path, side: int, rounds: int) -> None:
    """Print how fast each way is, and what memory it takes."""
    make_rasters(folder, side, side)
    (folder / "city_confidence.tif").unlink()  # the others read none
    runs = [{way: measured(folder, way) for way in WAYS} for _ in range(rounds)]
    print(f"\n{side} x {side} px, {rounds} rounds, medians")
    print("| way | processor s | Mpx/s | times as fast as shapes | peak MB | polygons |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for way, beside in BESIDE.items():
        ratio = statistics.median(run[beside]["used_s"] / run[way]["used_s"] for run in runs)
        seconds, peak, polygons = (
            statistics.median(run[way][key] for run in runs)
            for key in ("used_s", "peak_mb", "polygons")
        )
        rate = side * side / 1e6 / seconds
        print(f"| {way} | {seconds:.1f} | {rate:.2f} | {ratio:.2f} | {peak:.0f} | {polygons} |")


def memory(folder: Path, side: int) -> None:
    """Print time and peak memory of a large raster's buildings."""
    make_rasters(folder, side, side)
    found = measured(folder, "vectorize --height")
    print(
        f"\n{side} x {side} px with heights: {found['polygons']} buildings, peak "
        f"{found['peak_mb']:.0f} MB, {found['used_s']:.0f} s of processor time "
        f"({found['seconds']:.0f} s by the clock), {side * side / 1e6 / found['used_s']:.2f} Mpx/s",
        flush=True,
    )


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=32768)
    parser.add_argument("--beside", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["memory", "speed"])
    parser.add_argument("--inside", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.inside:
        measure_inside(asked.inside[0], Path(asked.inside[1]))
        return
    print(
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, "
        + ", ".join(f"{name} {number}" for name, number in versions(*PACKAGES).items())
        + f", GDAL {rasterio.__gdal_version__}, GEOS {shapely.geos_version_string}",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as name:
        if asked.only != "memory":
            speed(Path(name), asked.beside, asked.rounds)
        if asked.only != "speed":
            memory(Path(name), asked.side)


if __name__ == "__main__":
    main()
