"""The files of tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rasterio.windows import Window

from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.stamping import Stamp
from geosemimtl.raster.writing import write_raster
from geosemimtl.tasks import Form, form_of
from geosemimtl.tiling.layers import Layers, Piece

_IMAGE = "image"


@dataclass(frozen=True, slots=True)
class _Kind:
    """What the tiles of one layer look like."""

    dtype: str
    nodata: float | None = None
    band_names: tuple[str, ...] = ()

    def stamp(self, grid: PixelGrid) -> Stamp | None:
        bands = max(1, len(self.band_names))
        return Stamp.of(
            grid, self.dtype, bands=bands, nodata=self.nodata, band_names=self.band_names
        )


def _kind(form: Form) -> _Kind:
    names = ("x", "y", "z") if form.channels == 3 else ()
    return _Kind(form.dtype, form.nodata, names)


class TileFiles:
    """Writes the tiles of a scene, a folder for each layer.

    Args:
        folder: Holds those folders.
        layers: The scene.
        grid: On which it is cut.
        tasks: What has a tile each beside the image.
        size_px: (rows, columns) of a tile.

    Raises:
        GridError: GeoTIFF cannot hold the grid's CRS.
    """

    def __init__(
        self,
        folder: Path,
        layers: Layers,
        grid: PixelGrid,
        tasks: Sequence[str],
        size_px: tuple[int, int],
    ) -> None:
        self._folder = folder
        self._scene = layers.name
        self._grid = grid
        self._kinds = {
            _IMAGE: _Kind(layers.image.dtype, band_names=layers.image.bands),
            **{task: _kind(form_of(task)) for task in tasks},
        }
        tile = grid.crop(Window(0, 0, size_px[1], size_px[0]))
        self._stamps = {kind: look.stamp(tile) for kind, look in self._kinds.items()}

    def write(self, i: int, j: int, tile: Piece) -> str:
        """Write what is not there yet, left by a killed run; return the files' common name.

        Raises:
            OutputError: A file cannot be written.
        """
        name, grid = self._name(i, j), self._grid.crop(tile.window)
        hole = None if tile.valid.all() else tile.valid
        for kind, array in {_IMAGE: tile.pixels, **tile.targets}.items():
            path = self._folder / kind / name
            if path.exists():
                continue
            bands, look, stamp = (
                array.reshape(-1, *grid.shape),
                self._kinds[kind],
                self._stamps[kind],
            )
            valid = hole if kind == _IMAGE else None
            if valid is None and stamp is not None:
                stamp.write(path, bands, grid.transform)
                continue
            write_raster(
                path,
                bands,
                grid,
                nodata=look.nodata,
                band_names=look.band_names,
                valid=valid,
                compress=False,
            )
        return name

    def remove(self, i: int, j: int) -> None:
        """Remove a tile, if it is there."""
        for kind in self._kinds:
            (self._folder / kind / self._name(i, j)).unlink(missing_ok=True)

    def _name(self, i: int, j: int) -> str:
        return f"{self._scene}_r{i:03d}_c{j:03d}.tif"
