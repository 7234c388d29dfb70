"""A map of a tile set: its scenes, and which tile belongs to which split."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyogrio
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from geosemimtl.errors import TileSetError
from geosemimtl.publish.contact_sheet import draw_contact_sheet
from geosemimtl.publish.picture import write_figure
from geosemimtl.raster.grid import model_grid
from geosemimtl.raster.reading import image_filter, read_on_grid
from geosemimtl.raster.scene import open_scene
from geosemimtl.tiling.tileset import INDEX, TileSet, read_tileset

#: Colours of the splits, told apart by colour-blind eyes too; other names take the last ones.
_COLOURS = {"train": "#0072b2", "val": "#e69f00", "test": "#cc79a7"}
_OTHERS = ("#009e73", "#d55e00", "#56b4e9", "#f0e442")
_NO_TILE = "#d9d9d9"
#: Share of a split's colour in the quick-look.
_TINT = 0.3
#: More scenes are counted, not drawn.
_MOST_PANELS = 12
#: Pixels of a scene's quick-look along its longer side.
_PANEL_PX = 600
#: Tiles drawn into a quick-look; of more, those that cover the scene once.
_MOST_READ = 400


@dataclass(frozen=True, slots=True)
class PlacedTile:
    """One tile: where it lies on its scene's grid, in pixels, and what it is for."""

    path: Path
    split: str
    row: int
    column: int
    top_px: float
    left_px: float


@dataclass(frozen=True, slots=True)
class Panel:
    """One scene."""

    name: str
    tiles: tuple[PlacedTile, ...]
    shape: tuple[int, int]
    gsd_m: tuple[float, float]


def draw_map(folder: Path, path: Path) -> None:
    """Draw a tile set's scenes with their tiles, coloured by split; images without ground as such.

    Axes are metres from the upper-left corner of a scene, along its own rows and columns. Tiles
    are outlined, and what they show is tinted. Grey and hatched is what
    no tile shows: dropped, or without image.

    Args:
        folder: The tile set.
        path: The PNG.

    Raises:
        TileSetError: The folder is no usable tile set, or its index or a tile cannot be read.
        SceneError: A tile cannot be read.
        OutputError: The picture cannot be written.
    """
    tileset = read_tileset(folder)
    if tileset.gsd_m is None:
        draw_contact_sheet(folder, tileset, path)
        return
    rows, (size_px, _) = read_index(folder), tileset.size_px
    scenes = list(dict.fromkeys(str(row["scene"]) for row in rows))
    shown = scenes[:_MOST_PANELS]
    colours = _colours([row["split"] for row in rows])
    across = math.ceil(math.sqrt(len(shown)))
    down = math.ceil(len(shown) / across)
    panels = [
        place_tiles(folder, tileset, scene, [row for row in rows if row["scene"] == scene])
        for scene in shown
    ]
    tallest = max(panel.shape[0] / panel.shape[1] for panel in panels)
    size = (max(6.0, 4.2 * across), 0.9 + down * (0.6 + 4.0 * min(max(tallest, 0.2), 2.0)))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for axis, panel in zip(axes, panels, strict=False):
        _draw_panel(axis, panel, size_px, colours)
    for axis in axes[len(shown) :]:
        axis.set_axis_off()
    counts = {name: sum(row["split"] == name for row in rows) for name in colours}
    patches = [
        Patch(facecolor=colour, edgecolor=colour, alpha=0.7, label=f"{name}: {counts[name]} tiles")
        for name, colour in colours.items()
    ]
    patches.append(Patch(facecolor=_NO_TILE, edgecolor="white", hatch="///", label="no tile"))
    figure.legend(handles=patches, loc="outside lower center", ncols=len(patches), frameon=False)
    more = len(scenes) - len(shown)
    figure.suptitle(
        f"{tileset.name}: {len(rows)} tiles of {size_px} px at {tileset.gsd_m:g} m"
        + (f"; {more} more scene(s) not shown" if more else ""),
        fontsize=11,
    )
    write_figure(figure, path, dpi=130)


def read_index(folder: Path) -> list[dict[str, str | int]]:
    """Return tile, scene, row, column and split of every tile.

    Raises:
        TileSetError: The index cannot be read.
    """
    path = folder / INDEX
    columns = ["tile", "scene", "row", "column", "split"]
    try:
        frame = pyogrio.read_dataframe(path, read_geometry=False, columns=columns)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise TileSetError(f"{path}: cannot be read; cut the tiles again") from error
    rows: list[dict[str, str | int]] = frame.to_dict("records")
    return rows


def _colours(splits: Sequence[str | int]) -> dict[str, str]:
    """Return a colour for each split there is; the usual ones first."""
    names = [name for name in _COLOURS if name in splits]
    names += sorted({str(name) for name in splits} - set(_COLOURS))
    others = [name for name in names if name not in _COLOURS]
    spare = {name: _OTHERS[place % len(_OTHERS)] for place, name in enumerate(others)}
    return {name: _COLOURS.get(name) or spare[name] for name in names}


def place_tiles(
    folder: Path, tileset: TileSet, scene: str, rows: Sequence[Mapping[str, str | int]]
) -> Panel:
    """Place a scene's tiles on one grid, whose origin is where the first tile is or would be."""
    opened = [open_scene(folder / "image" / str(row["tile"])) for row in rows]
    base = opened[0].grid
    corners = [~base.transform @ one.grid.corners[0] for one in opened]
    size, _ = tileset.size_px
    step = size - tileset.overlap_px
    # a dropped first tile leaves its place; tiles that moved inwards say too little
    left = max(x - step * int(row["column"]) for (x, _), row in zip(corners, rows, strict=True))
    top = max(y - step * int(row["row"]) for (_, y), row in zip(corners, rows, strict=True))
    tiles = tuple(
        PlacedTile(
            one.path, str(row["split"]), int(row["row"]), int(row["column"]), y - top, x - left
        )
        for one, row, (x, y) in zip(opened, rows, corners, strict=True)
    )
    shape = (
        math.ceil(max(tile.top_px for tile in tiles) + size),
        math.ceil(max(tile.left_px for tile in tiles) + size),
    )
    return Panel(scene, tiles, shape, base.gsd_m)


def _draw_panel(axis: Axes, panel: Panel, size_px: int, colours: Mapping[str, str]) -> None:
    (rows, cols), (across_m, down_m) = panel.shape, panel.gsd_m
    width_m, height_m = cols * across_m, rows * down_m
    axis.add_patch(
        Rectangle((0, 0), width_m, height_m, facecolor=_NO_TILE, edgecolor="white", hatch="///")
    )
    look = _quick_look(panel, size_px, colours)
    axis.imshow(look, extent=(0, width_m, height_m, 0), interpolation="none", zorder=2)
    inset = size_px * 0.02  # neighbours' outlines would hide each other
    for tile in panel.tiles:
        corner = ((tile.left_px + inset) * across_m, (tile.top_px + inset) * down_m)
        sides = ((size_px - 2 * inset) * across_m, (size_px - 2 * inset) * down_m)
        colour = colours[tile.split]
        axis.add_patch(
            Rectangle(corner, *sides, fill=False, edgecolor=colour, linewidth=0.8, zorder=3)
        )
    axis.set_xlim(0, width_m)
    axis.set_ylim(height_m, 0)
    axis.set_aspect("equal")
    axis.set_title(f"{panel.name}: {len(panel.tiles)} tiles", fontsize=10)
    axis.set_xlabel("m", fontsize=8)
    axis.tick_params(labelsize=8)


def _quick_look(panel: Panel, size_px: int, colours: Mapping[str, str]) -> NDArray[np.float64]:
    """Return the scene as its tiles show it, tinted by split, (rows, columns, 4)."""
    shrink = max(1.0, max(panel.shape) / _PANEL_PX)
    rows, cols = (math.ceil(length / shrink) for length in panel.shape)
    canvas, seen = np.zeros((3, rows, cols)), np.zeros((rows, cols), bool)
    painted, tint = seen.copy(), np.zeros((rows, cols, 3))
    few = dict.fromkeys(covering(panel.tiles, size_px))
    # then those that show what dropped neighbours do not
    for tile in (*few, *(tile for tile in panel.tiles if tile not in few)):
        top, left = round(tile.top_px / shrink), round(tile.left_px / shrink)
        side = round(size_px / shrink)
        whole = painted[top : top + side, left : left + side]
        if whole.all():
            continue
        whole[:] = True
        scene = open_scene(tile.path)
        grid = model_grid(scene.grid, max(scene.grid.gsd_m) * shrink)
        with read_on_grid(scene, grid, image_filter(scene.grid, grid)) as reader:
            pixels, valid = reader.read()
        height, width = min(grid.shape[0], rows - top), min(grid.shape[1], cols - left)
        place = (slice(top, top + height), slice(left, left + width))
        valid = valid[:height, :width]
        bands = [0, 1, 2] if len(pixels) > 2 else [0, 0, 0]
        canvas[:, *place][:, valid] = pixels[bands][:, :height, :width][:, valid]
        seen[place] |= valid
        tint[place] = to_rgb(colours[tile.split])
    low, high = np.percentile(canvas[:, seen], (1, 99)) if seen.any() else (0, 1)
    shown = np.clip((canvas - low) / max(high - low, 1e-6), 0, 1)
    tinted = (1 - _TINT) * np.moveaxis(shown, 0, -1) + _TINT * tint
    return np.concatenate([tinted, seen[..., None]], axis=-1)


def covering(tiles: Sequence[PlacedTile], size_px: int) -> Sequence[PlacedTile]:
    """Leave out tiles that show what the others show, where there are very many."""
    if len(tiles) <= _MOST_READ:
        return tiles
    columns = {tile.column: tile.left_px for tile in tiles}
    rows = {tile.row: tile.top_px for tile in tiles}
    chosen_columns, chosen_rows = (covering_places(places, size_px) for places in (columns, rows))
    return [tile for tile in tiles if tile.column in chosen_columns and tile.row in chosen_rows]


def covering_places(places: Mapping[int, float], size_px: int) -> set[int]:
    """Return the fewest places, first and last among them, that leave no gap between tiles."""
    order = sorted(places, key=places.__getitem__)
    chosen = [order[0]]
    for before, after in zip(order, [*order[1:], order[-1]], strict=True):
        if places[after] > places[chosen[-1]] + size_px + 0.5 and before != chosen[-1]:
            chosen.append(before)
    return {*chosen, order[-1]}
