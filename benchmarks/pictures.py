"""Draw the pictures of docs/commands.md from a finished demo.

``make docs-pictures`` runs ``geosemimtl demo`` where there is none, then
``python benchmarks/pictures.py demo docs/pictures``. The commands are run in the demo's folder;
what they print becomes an SVG, what they make a PNG.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path
from typing import Any

import geopandas
import matplotlib.pyplot as plt
import numpy as np
import rasterio
from matplotlib.colors import LightSource, LinearSegmentedColormap
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.art3d import Poly3DCollection
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.text import Text
from shapely import get_coordinates

from geosemimtl.classes import IGNORE, ISPRS_CLASSES
from geosemimtl.publish.picture import stretched, write_figure
from geosemimtl.raster.styles import HEIGHT_RAMP

WIDTH = 84
SCENE = "scenes/potsdam_unseen.tif"
MODEL = "model/demo.safetensors"
RAMP = LinearSegmentedColormap.from_list("height", HEIGHT_RAMP)
#: rich's frame of a terminal, in the reader's own letters: its own loads some from elsewhere.
FRAME = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: monospace; font-size: {char_height}px; \
line-height: {line_height}px; font-variant-east-asian: full-width; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
<rect width="100%" height="100%" rx="8" fill="#292929"/>
<g transform="translate({terminal_x}, 16)" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def run(demo: Path, *arguments: str) -> str:
    """Run the program in the demo's folder, and return what it prints as data, in colours."""
    command = [sys.executable, "-m", "geosemimtl.cli.main", "-q", *arguments]
    asked = {"COLUMNS": str(WIDTH), "FORCE_COLOR": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        command, cwd=demo, env=os.environ | asked, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def draw_terminal(path: Path, command: str, printed: str) -> None:
    """Write what a command prints as an SVG, below the command."""
    console = Console(record=True, width=WIDTH, file=StringIO(), highlight=False)
    console.print(Text(f"$ {command}\n", style="bold green"), soft_wrap=True)
    console.print(Text.from_ansi(printed.rstrip()))
    # the frame that rich leaves for a window's title bar is not drawn
    text = console.export_svg(code_format=FRAME, unique_id=path.stem)
    path.write_text("\n".join(line.rstrip() for line in text.splitlines()) + "\n", "utf-8")


def band(path: Path, part: tuple[slice, slice]) -> NDArray[np.float64]:
    """Return a part of a raster's first band, NaN where there is nothing."""
    with rasterio.open(path) as source:
        pixels: NDArray[np.float64] = source.read(1, masked=True)[part].astype(float).filled(np.nan)
    return pixels


def image(path: Path, part: tuple[slice, slice]) -> NDArray[np.float64]:
    """Return a part of a scene as it is pleasant to see."""
    with rasterio.open(path) as source:
        pixels = source.read()[:, part[0], part[1]]
    return stretched(pixels, np.ones(pixels.shape[1:], bool))


def coloured(path: Path, part: tuple[slice, slice]) -> NDArray[np.float64]:
    """Return a part of a class raster in its colours."""
    lookup = np.full((256, 3), 0.85)
    lookup[: len(ISPRS_CLASSES)] = np.array([entry.rgb for entry in ISPRS_CLASSES.entries]) / 255
    classes = np.nan_to_num(band(path, part), nan=IGNORE)
    made: NDArray[np.float64] = lookup[classes.astype(int)]
    return made


def panels(path: Path, shown: list[tuple[str, NDArray[Any], dict[str, Any]]]) -> None:
    """Write pictures side by side, each with its title."""
    figure = Figure(figsize=(2.6 * len(shown), 2.8), layout="constrained", dpi=100)
    for axis, (title, pixels, how) in zip(figure.subplots(1, len(shown)), shown, strict=True):
        axis.imshow(pixels, interpolation="none", **how)
        axis.set_title(title, fontsize=9)
        axis.set_axis_off()
    write_figure(figure, path)


def draw_predict(demo: Path, path: Path) -> None:
    """Show a part of a scene beside what was predicted of it."""
    part = np.s_[300:900, 500:1100]
    panels(
        path,
        [
            ("scene.tif", image(demo / SCENE, part), {}),
            ("scene_classes.tif", coloured(demo / "potsdam_unseen_classes.tif", part), {}),
            (
                "scene_height.tif",
                band(demo / "potsdam_unseen_height.tif", part),
                {"cmap": RAMP, "vmin": 0, "vmax": 25},
            ),
            (
                "scene_confidence.tif",
                band(demo / "potsdam_unseen_confidence.tif", part),
                {"cmap": "cividis", "vmin": 0, "vmax": 100},
            ),
        ],
    )


def draw_ndsm(demo: Path, work: Path, path: Path) -> None:
    """Put a demo's true heights on a slope, and show what ``ndsm`` finds without a DTM."""
    with rasterio.open(demo / "scenes" / "potsdam_unseen_ndsm.tif") as source:
        heights, profile = source.read(1), source.profile
    rows, columns = np.indices(heights.shape)
    ground = 40 + 0.012 * columns + 4 * np.sin(rows / 260)
    with rasterio.open(work / "dsm.tif", "w", **profile) as target:
        target.write((heights + ground).astype(np.float32), 1)
    run(work, "ndsm", "dsm.tif", "-o", "ndsm.tif", "--write-dtm", "ground.tif")
    part, light = np.s_[300:900, 500:1100], LightSource(315, 45)

    def shaded(name: str) -> NDArray[np.float64]:
        metres = band(work / name, part)
        low, high = np.nanpercentile(metres, (1, 99))
        made: NDArray[np.float64] = light.shade(
            metres, plt.get_cmap("cividis"), vmin=low, vmax=high, vert_exag=1, dx=0.15, dy=0.15
        )
        return made

    found = band(work / "ndsm.tif", part)
    panels(
        path,
        [
            ("dsm.tif", shaded("dsm.tif"), {}),
            ("ground.tif", shaded("ground.tif"), {}),
            ("ndsm.tif", found, {"cmap": RAMP, "vmin": 0, "vmax": 25}),
        ],
    )


def draw_train(demo: Path, path: Path) -> None:
    """Draw the supervised losses of the demo's training."""
    with (demo / "model" / "metrics.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    figure = Figure(figsize=(6.4, 2.6), layout="constrained", dpi=100)
    axis = figure.subplots()
    for name in ("potsdam/segmentation", "vaihingen/height"):
        points = [(int(row["step"]) + 1, float(row[name])) for row in rows if row.get(name)]
        axis.plot(*zip(*points, strict=True), label=name.replace("/", ": "))
    axis.set_xlabel("iteration")
    axis.set_ylabel("loss")
    axis.set_ylim(bottom=0)
    axis.legend(frameon=False)
    axis.spines[["top", "right"]].set_visible(False)
    write_figure(figure, path)


def draw_vectorize(demo: Path, work: Path, path: Path) -> None:
    """Show footprints on the scene, and the same as blocks."""
    made = work / "polygons.gpkg"
    rasters = [
        str((demo / f"potsdam_unseen_{kind}.tif").resolve()) for kind in ("classes", "height")
    ]
    run(work, "vectorize", rasters[0], "--height", rasters[1], "--right-angles", "-o", made.name)
    prints = geopandas.read_file(made, layer="buildings")
    blocks = geopandas.read_file(made, layer="buildings_lod1")
    with rasterio.open(demo / SCENE) as source:
        place, pixels = source.bounds, source.read()
    figure = Figure(figsize=(9.2, 3.9), layout="constrained", dpi=100)
    flat = figure.add_subplot(1, 2, 1)
    extent = (place.left, place.right, place.bottom, place.top)
    flat.imshow(stretched(pixels, np.ones(pixels.shape[1:], bool))[::2, ::2], extent=extent)
    prints.plot(ax=flat, facecolor="#ffd40066", edgecolor="#ffd400", linewidth=1)
    flat.set_axis_off()
    flat.set_title("buildings", fontsize=9)
    solid = figure.add_subplot(1, 2, 2, projection="3d", computed_zorder=False)
    faces = [
        get_coordinates(face, include_z=True) - [place.left, place.bottom, 0]
        for block in blocks.geometry
        for face in block.geoms
    ]
    light = LightSource(300, 50)
    solid.add_collection3d(
        Poly3DCollection(
            faces,
            facecolors="#d9a441",
            edgecolors="#6b4a10",
            linewidths=0.2,
            shade=True,
            lightsource=light,
        ),
        autolim=False,
    )
    side = place.right - place.left
    solid.set(xlim=(0.0, side), ylim=(0.0, side), zlim=(0.0, side / 4))
    solid.set_box_aspect((1, 1, 0.25), zoom=1.5)
    solid.view_init(elev=40, azim=-60)
    solid.set_axis_off()
    solid.set_title("buildings_lod1", fontsize=9)
    write_figure(figure, path)


def main() -> None:
    """Draw every picture into a folder."""
    demo, target = (Path(argument).resolve() for argument in sys.argv[1:3])
    target.mkdir(parents=True, exist_ok=True)
    shown = {
        "check": ("check", SCENE, "--model", MODEL),
        "info": ("info", "tiles/potsdam"),
        "evaluate": (
            *("evaluate", "potsdam_unseen_classes.tif", "potsdam_unseen_height.tif"),
            *("--labels", "scenes/potsdam_unseen_labels.tif"),
            *("--height", "scenes/potsdam_unseen_ndsm.tif"),
        ),
    }
    for name, arguments in shown.items():
        command = " ".join(("geosemimtl", *arguments))
        draw_terminal(target / f"{name}.svg", command, run(demo, *arguments))
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        scenes = [str(demo / "scenes" / f"potsdam_{number}.tif") for number in (1, 2)]
        cut = ("--gsd", "0.3", "--size", "128", "--overlap", "0.25", "--split", "blocks")
        run(work, "tile", *scenes, *cut, "-o", "tiles")
        run(work, "info", "tiles", "--map", str(target / "tile.png"))
        draw_ndsm(demo, work, target / "ndsm.png")
        draw_vectorize(demo, work, target / "vectorize.png")
        run(demo, "export", MODEL, "-o", str(work / "demo.onnx"))
        draw_terminal(
            target / "export.svg", "geosemimtl info demo.onnx", run(work, "info", "demo.onnx")
        )
    draw_predict(demo, target / "predict.png")
    draw_train(demo, target / "train.png")
    for path in (target / name for name in ("predict.png", "tile.png", "vectorize.png")):
        with Image.open(path) as drawn:
            drawn.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
