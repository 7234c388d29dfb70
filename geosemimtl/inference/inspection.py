"""What a scene is and what would be done with it; what a tile set or a model says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rasterio.enums import Resampling
from rasterio.windows import Window

from geosemimtl.errors import ModelFileError, SceneError, TileSetError
from geosemimtl.inference.predictor import scene_value_range
from geosemimtl.raster.grid import PixelGrid, model_grid
from geosemimtl.raster.reading import read_on_grid
from geosemimtl.raster.scene import Scene, open_scene
from geosemimtl.tiling.cutting import value_range_of
from geosemimtl.tiling.layout import TileLayout
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.tileset import MANIFEST, TileSet, read_tileset
from geosemimtl.training.model_file import SUFFIX, ModelCard, read_card

_ROWS = 1024


@dataclass(frozen=True, slots=True)
class SceneReport:
    """What a scene is, and what would be done with it.

    Attributes:
        scene: The scene.
        valid_share: Share of its pixels that hold data.
        grid: The grid on which it would be cut or predicted.
        layout: The tiles on that grid.
        problems: What stands in the way, each with its remedy; none if all is well.
        notes: What deserves a look.
    """

    scene: Scene
    valid_share: float
    grid: PixelGrid
    layout: TileLayout
    problems: tuple[str, ...]
    notes: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Return it as JSON's types."""
        return {
            "scene": str(self.scene.path),
            "shape": self.scene.grid.shape,
            "dtype": self.scene.dtype,
            "crs": self.scene.grid.crs.to_string(),
            "gsd_m": self.scene.grid.gsd_m,
            "bands": self.scene.bands,
            "named_by": self.scene.named_by,
            "valid_share": self.valid_share,
            "valid_by": self.scene.mask,
            "would_be": {
                "shape": self.grid.shape,
                "gsd_m": self.grid.gsd_m,
                "tiles": len(self.layout),
                "size_px": self.layout.size_px,
                "overlap_px": self.layout.overlap_px,
            },
            "problems": self.problems,
            "notes": self.notes,
        }


def check(
    path: Path, *, options: TileOptions | None = None, model: Path | None = None
) -> SceneReport:
    """Say what a scene is and what tile, or predict with a model, would do with it.

    Args:
        path: The scene.
        options: How it would be read and cut.
        model: A model file: report on predicting with it; GSD and tiles are then the model's.

    Raises:
        SceneError: The scene cannot be read, or has no CRS.
        ModelFileError: The model cannot be read.
    """
    options = options or TileOptions()
    scene = open_scene(path, options.bands, alpha=options.alpha, assume_crs=options.assume_crs)
    if model is None:
        grid = model_grid(scene.grid, options.gsd_m or max(scene.grid.gsd_m))
        layout = TileLayout(grid.shape, options.size_px, round(options.overlap * options.size_px))
    else:
        card = read_card(model)
        grid = model_grid(scene.grid, card.gsd_m)
        layout = TileLayout(grid.shape, card.tile_px, card.overlap_px)
    if model is None:
        problems = _raised(partial(value_range_of, scene, options.value_range))
    else:
        problems = _raised(
            partial(scene.indexes_of, card.bands),
            partial(scene_value_range, scene, card, options.value_range),
        )
    valid_share = _valid_share(scene)
    if valid_share == 0:
        problems.append(f"{path}: holds no valid pixel; check its mask, nodata and --alpha")
    return SceneReport(scene, valid_share, grid, layout, tuple(problems), _notes(scene, grid))


def _raised(*steps: Callable[[], object]) -> list[str]:
    """Return the errors of steps that do not depend on each other."""
    problems = []
    for step in steps:
        try:
            step()
        except SceneError as error:
            problems.append(str(error))
    return problems


def _notes(scene: Scene, grid: PixelGrid) -> tuple[str, ...]:
    notes = []
    own, wanted = max(scene.grid.gsd_m), max(grid.gsd_m)
    if wanted > own * 1.001:
        notes.append(f"pixels are averaged from {own:.3g} m to {wanted:.3g} m")
    elif wanted < own * 0.999:
        notes.append(f"pixels are enlarged from {own:.3g} m to {wanted:.3g} m: no detail is gained")
    if scene.named_by == "colour":
        notes.append("bands are named by the file's colours; pass --bands if it is false colour")
    if scene.named_by == "nobody":
        notes.append("bands have no names; pass --bands, such as --bands nir,red,green")
    if scene.mask == "alpha":
        notes.append(f"band {scene.alpha} is taken for the mask; if it is image, pass --alpha none")
    if scene.mask == "none":
        notes.append("nothing marks missing pixels: borders without image count as image")
    if scene.grid.crs.is_geographic:
        notes.append("the CRS is in degrees: metres hold at the scene's centre")
    return tuple(notes)


def _valid_share(scene: Scene) -> float:
    rows, cols = scene.grid.shape
    valid = 0
    with read_on_grid(scene, scene.grid, Resampling.nearest) as reader:
        for top in range(0, rows, _ROWS):
            _, seen = reader.read(Window(0, top, cols, min(_ROWS, rows - top)))
            valid += int(seen.sum())
    return valid / (rows * cols)


def info(path: Path) -> TileSet | ModelCard:
    """Return what a tile set or a model file says of itself.

    Raises:
        TileSetError: The folder is no usable tile set.
        ModelFileError: The file is no model file.
    """
    if path.suffix == SUFFIX:
        return read_card(path)
    if (path / MANIFEST).exists():
        return read_tileset(path)
    if path.is_dir():
        raise TileSetError(f"{path}: is no tile set (no {MANIFEST}); name its folder")
    raise ModelFileError(
        f"{path}: is neither a model file (*{SUFFIX}) nor a tile set's folder; check the path"
    )
