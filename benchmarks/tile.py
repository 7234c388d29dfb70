"""Measure ``geosemimtl tile`` beside GDAL's own programs, in one run on one machine.

Run with ``python benchmarks/tile.py`` (needs gdal-bin); ``--large`` also cuts scenes of 10,000 and
40,000 pixels a side for the memory, which takes minutes and 25 GB of disk.

The scene is the synthetic city, 6000 x 6000 px of 0.05 m, cut at 0.09 m into tiles of 512 px that
share half. GDAL does the same by ``gdalwarp -r average`` (labels ``-r mode``) and
``gdal_retile.py -overlap``; it neither checks, indexes nor counts. Times are the best of three,
taken in turn; those of two jobs and of one the medians of seven.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import rasterio
from rasterio.windows import Window

from geosemimtl.data.city.presets import preset
from geosemimtl.data.city.scene import draw_city, write_city
from geosemimtl.machine import peak_memory_mb
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.stamping import Stamp
from geosemimtl.raster.writing import write_raster
from geosemimtl.tiling.cutting import tile
from geosemimtl.tiling.options import TileOptions

GSD_M, SIDE_M, TARGET_M, SIZE_PX = 0.05, 300.0, 0.09, 512
REPEATS = 3
#: Two jobs beside one vary most: more pairs, of which the medians are compared.
PAIRS = 7
LAYERS = ("city", "city_labels", "city_ndsm")


def best(runs: dict[str, Callable[[], float]], repeats: int = REPEATS) -> dict[str, float]:
    """Return the shortest time of each run, taken in turn so that all meet the same machine."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            times[name].append(run())
    return {name: min(found) for name, found in times.items()}


def timed(*commands: list[str]) -> float:
    """Return the seconds that commands take, one after the other."""
    start = time.perf_counter()
    for command in commands:
        subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def by_gdal(folder: Path, layers: tuple[str, ...]) -> float:
    """Resample and cut layers by GDAL's programs."""
    out = folder / "gdal"
    shutil.rmtree(out, ignore_errors=True)
    commands = []
    for layer in layers:
        warped, tiles = out / f"{layer}.tif", out / layer
        tiles.mkdir(parents=True)
        how = "mode" if layer == "city_labels" else "average"
        step, px = str(TARGET_M), str(SIZE_PX)
        source = str(folder / f"{layer}.tif")
        commands += [
            ["gdalwarp", "-q", "-r", how, "-tr", step, step, source, str(warped)],
            [
                *("gdal_retile.py", "-q", "-ps", px, px, "-overlap", str(SIZE_PX // 2)),
                *("-targetDir", str(tiles), str(warped)),
            ],
        ]
    return timed(*commands)


def by_tile(folder: Path, layers: tuple[str, ...], jobs: int) -> float:
    """Resample and cut layers by the command, with its start-up."""
    scene, *others = (str(folder / f"{layer}.tif") for layer in layers)
    flags = [part for pair in zip(("--labels", "--height"), others, strict=False) for part in pair]
    out = str(folder / "tiles")
    program = str(Path(sys.executable).with_name("geosemimtl"))
    shutil.rmtree(out, ignore_errors=True)
    how = ["--gsd", str(TARGET_M), "--jobs", str(jobs), "-q"]
    return timed([program, "tile", scene, *flags, *how, "-o", out])


def inside(scene: Path, layers: list[Path], jobs: int) -> dict[str, float]:
    """Cut in a process of its own; return its seconds without start-up, and its peak memory."""
    command = [sys.executable, __file__, "--inside", str(jobs), str(scene), *map(str, layers)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def cut_inside(jobs: int, scene: Path, others: list[Path]) -> None:
    """Do the work of ``inside`` and print what it took."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=scene.parent) as name:
        tile(
            [scene],
            Path(name) / "tiles",
            labels=others[:1],
            heights=others[1:],
            options=TileOptions(gsd_m=TARGET_M),
            jobs=jobs,
        )
        seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "peak_mb": peak_memory_mb()}))


def repeated(folder: Path, layer: str, side_px: int) -> Path:
    """Return a virtual scene that shows a layer of the city again and again."""
    with rasterio.open(folder / f"{layer}.tif") as source:
        own, count, dtype = source.width, source.count, source.dtypes[0]
        wkt, place, nodata = source.crs.to_wkt(), source.transform.to_gdal(), source.nodata
    kinds = {"uint8": "Byte", "float32": "Float32"}
    bands = []
    for band in range(1, count + 1):
        parts = "".join(
            f"<SimpleSource><SourceFilename relativeToVRT='1'>{layer}.tif</SourceFilename>"
            f"<SourceBand>{band}</SourceBand>"
            f"<SrcRect xOff='0' yOff='0' xSize='{own}' ySize='{own}'/>"
            f"<DstRect xOff='{x}' yOff='{y}' xSize='{own}' ySize='{own}'/></SimpleSource>"
            for y in range(0, side_px, own)
            for x in range(0, side_px, own)
        )
        empty = "" if nodata is None else f"<NoDataValue>{nodata}</NoDataValue>"
        bands.append(
            f"<VRTRasterBand dataType='{kinds[dtype]}' band='{band}'>"
            f"<Description>band_{band}</Description>{empty}{parts}</VRTRasterBand>"
        )
    path = folder / f"{layer}_{side_px}.vrt"
    path.write_text(
        f"<VRTDataset rasterXSize='{side_px}' rasterYSize='{side_px}'><SRS>{wkt}</SRS>"
        f"<GeoTransform>{', '.join(map(repr, place))}</GeoTransform>{''.join(bands)}</VRTDataset>"
    )
    return path


def reading_times(folder: Path) -> None:
    """Print how long training takes to read a tile, plain and compressed."""
    print(f"\n{'reading a tile':24} {'plain':>9} {'ZSTD 1':>9} {'DEFLATE 1':>9}   milliseconds")
    ways = {"plain": {}, "ZSTD": {"zstd_level": 1}, "DEFLATE": {"zlevel": 1}}
    for layer in LAYERS:
        paths: dict[str, list[Path]] = {way: [] for way in ways}
        with rasterio.open(folder / f"{layer}.tif") as source:
            for index in range(64):
                window = Window(index % 8 * 512, index // 8 * 512, SIZE_PX, SIZE_PX)
                pixels = source.read(window=window)
                profile = {"driver": "GTiff", "count": len(pixels), "dtype": pixels.dtype}
                profile |= {"width": SIZE_PX, "height": SIZE_PX, "crs": source.crs}
                profile["transform"] = source.window_transform(window)
                for way, options in ways.items():
                    path = folder / "reading" / f"{layer}_{way}_{index}.tif"
                    path.parent.mkdir(exist_ok=True)
                    more = {} if way == "plain" else {"compress": way, **options}
                    with rasterio.open(path, "w", **profile, **more) as target:
                        target.write(pixels)
                    paths[way].append(path)
        found = best({way: partial(_read_all, own) for way, own in paths.items()}, 5)
        times = " ".join(f"{1000 * found[way] / 64:9.2f}" for way in ways)
        print(f"{layer:24} {times}")


def writing_times(folder: Path) -> None:
    """Print how long GDAL takes to write a tile of the image, and a stamp."""
    with rasterio.open(folder / "city.tif") as source:
        pixels = source.read(window=Window(0, 0, SIZE_PX, SIZE_PX))
        grid = PixelGrid(source.transform, pixels.shape[1:], source.crs)
        names = source.descriptions
    stamp = Stamp.of(grid, str(pixels.dtype), bands=len(pixels), band_names=names)
    if stamp is None:
        raise RuntimeError("this GDAL's files cannot be stamped")
    folder /= "writing"

    def times(write: Callable[[Path], None]) -> float:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        start = time.perf_counter()
        for index in range(64):
            write(folder / f"{index}.tif")
        return time.perf_counter() - start

    def by_gdal(path: Path) -> None:
        write_raster(path, pixels, grid, band_names=names, compress=False)

    def by_stamp(path: Path) -> None:
        stamp.write(path, pixels, grid.transform)

    found = best({"gdal": partial(times, by_gdal), "stamp": partial(times, by_stamp)}, 5)
    gdal_ms, stamp_ms = (1000 * found[way] / 64 for way in ("gdal", "stamp"))
    print(f"\nwriting a tile of the image: GDAL {gdal_ms:.2f} ms, stamped {stamp_ms:.2f} ms")


def _read_all(paths: list[Path]) -> float:
    start = time.perf_counter()
    for path in paths:
        with rasterio.open(path) as source:
            source.read()
    return time.perf_counter() - start


def speed(folder: Path) -> None:
    """Print the times beside GDAL's, of two jobs beside one, and of the start-up."""
    print(f"{'':32} {'ours':>8} {'other':>8} {'ratio':>6} {'wanted':>7}")
    three = [folder / f"{layer}.tif" for layer in LAYERS]
    for name, layers, wanted in (
        ("image, one job / GDAL", LAYERS[:1], 1.0),
        ("three layers, one job / GDAL", LAYERS, 0.8),
    ):
        found = best(
            {
                "ours": partial(by_tile, folder, layers, 1),
                "gdal": partial(by_gdal, folder, layers),
            }
        )
        line(name, found["ours"], found["gdal"], wanted)
    times: dict[int, list[float]] = {2: [], 1: []}
    for _ in range(PAIRS):
        for jobs, taken in times.items():
            taken.append(inside(three[0], three[1:], jobs)["seconds"])
    two, one = (statistics.median(taken) for taken in times.values())
    line("three layers, two jobs / one job", two, one, 0.6)
    small = folder / "small.tif"
    with rasterio.open(three[0]) as source:
        pixels = source.read(window=Window(0, 0, SIZE_PX, SIZE_PX))
        profile = source.profile | {"width": SIZE_PX, "height": SIZE_PX}
        with rasterio.open(small, "w", **profile) as target:
            target.write(pixels)
            target.descriptions = source.descriptions
    program = str(Path(sys.executable).with_name("geosemimtl"))
    single = [program, "tile", str(small), "-q", "--overwrite", "-o", str(folder / "one")]
    found = best(
        {"help": lambda: timed([program, "tile", "--help"]), "tile": lambda: timed(single)}, 5
    )
    print(f"{'tile --help':32} {found['help']:6.2f} s {'':15} {0.4:5.1f} s")
    print(f"{'a scene of one tile':32} {found['tile']:6.2f} s {'':15} {1.0:5.1f} s")


def line(name: str, ours: float, other: float, wanted: float) -> None:
    """Print one comparison."""
    print(f"{name:32} {ours:6.2f} s {other:6.2f} s {ours / other:6.2f} {wanted:7.2f}")


def memory(folder: Path) -> None:
    """Print the peak memory of a large scene, and of one with sixteen times the pixels."""
    peaks = {}
    for side_px in (10_000, 40_000):
        scene, *others = (repeated(folder, layer, side_px) for layer in LAYERS)
        found = inside(scene, others, os.cpu_count() or 1)
        peaks[side_px] = found["peak_mb"]
        speed_mpx = side_px**2 / 1e6 / found["seconds"]
        print(
            f"{side_px} x {side_px} px, three layers: {found['seconds']:.0f} s "
            f"({speed_mpx:.0f} Mpx/s), peak memory {found['peak_mb']:.0f} MB"
        )
    print(f"peak memory grows {peaks[40_000] / peaks[10_000]:.2f} times (wanted: 1.15 at most)")


def main() -> None:
    """Draw the scene and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="the memory of large scenes, too")
    parser.add_argument("--inside", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        jobs, scene, *others = given.inside
        cut_inside(int(jobs), Path(scene), [Path(other) for other in others])
        return
    asked = [shutil.which("gdalwarp") or "gdalwarp", "--version"]
    version = subprocess.run(asked, capture_output=True, text=True, check=True)
    print(
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, "
        f"rasterio {rasterio.__version__} with GDAL {rasterio.__gdal_version__}, numpy "
        f"{np.__version__}; beside {version.stdout.strip()}\n"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        city = draw_city(preset("potsdam"), SIDE_M, SIDE_M, 0, GSD_M)
        write_city(city, folder, "city")
        speed(folder)
        writing_times(folder)
        reading_times(folder)
        if given.large:
            print()
            memory(folder)


if __name__ == "__main__":
    main()
