"""The files of tiles."""

from __future__ import annotations

from pathlib import Path

from rasterio.windows import Window

from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.stamping import Stamp
from geosemimtl.raster.writing import write_raster
from geosemimtl.tasks import HEIGHT, HEIGHT_NODATA, IGNORE, SEGMENTATION
from geosemimtl.tiling.layers import Layers, Piece

_IMAGE = "image"


class TileFiles:
    """Writes the tiles of a scene, a folder for each layer.

    Args:
        folder: Holds those folders.
        layers: The scene.
        grid: On which it is cut.
        size_px: Side of a tile.
    """

    def __init__(self, folder: Path, layers: Layers, grid: PixelGrid, size_px: int) -> None:
        self._folder = folder
        self._scene = layers.name
        self._bands = layers.image.bands
        self._grid = grid
        tile = grid.crop(Window(0, 0, size_px, size_px))
        self._stamps = {
            _IMAGE: Stamp.of(
                tile, layers.image.dtype, bands=len(self._bands), band_names=self._bands
            ),
            SEGMENTATION: Stamp.of(tile, "uint8", nodata=IGNORE),
            HEIGHT: Stamp.of(tile, "float32", nodata=HEIGHT_NODATA),
        }

    def write(self, i: int, j: int, tile: Piece) -> str:
        """Write what is not there yet, left by a killed run; return the files' common name.

        Raises:
            OutputError: A file cannot be written.
        """
        name, grid = self._name(i, j), self._grid.crop(tile.window)
        layers = {
            _IMAGE: (tile.pixels, None),
            SEGMENTATION: (tile.indices, IGNORE),
            HEIGHT: (tile.heights_m, HEIGHT_NODATA),
        }
        for kind, (array, nodata) in layers.items():
            path = self._folder / kind / name
            if array is None or path.exists():
                continue
            bands = array.reshape(-1, *grid.shape)
            valid = None if kind != _IMAGE or tile.valid.all() else tile.valid
            stamp = self._stamps[kind]
            if stamp is not None and valid is None:
                stamp.write(path, bands, grid.transform)
                continue
            names = self._bands if kind == _IMAGE else ()
            write_raster(
                path, bands, grid, nodata=nodata, band_names=names, valid=valid, compress=False
            )
        return name

    def remove(self, i: int, j: int) -> None:
        """Remove a tile, if it is there."""
        for kind in self._stamps:
            (self._folder / kind / self._name(i, j)).unlink(missing_ok=True)

    def _name(self, i: int, j: int) -> str:
        return f"{self._scene}_r{i:03d}_c{j:03d}.tif"
