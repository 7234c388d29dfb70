"""What cutting a scene will cost, from a few of its tiles."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

from rasterio.windows import Window

from geosemimtl.tiling.layout import TileLayout

#: Neighbouring tiles that are tried in each of two rows.
_TRIED = 4
#: The program and its libraries before any scene: 82 MB on Linux with Python 3.11.
_PROGRAM_BYTES = 82_000_000
#: Arrays of a tile that exist at once: read, masked, mapped to [0, 1], written.
_COPIES = 8
#: GDAL keeps at most this share of the machine's memory of the blocks that it read.
_CACHE_SHARE = 0.05

#: Writes the files of a tile's window below a path that has no suffix.
WriteTile = Callable[[Window, Path], None]


@dataclass(frozen=True, slots=True)
class Cost:
    """What cutting will cost, about.

    Attributes:
        bytes_on_disk: Of the tile set.
        minutes: With one job.
        memory_bytes: At its peak.
    """

    bytes_on_disk: int
    minutes: float
    memory_bytes: int


def estimate_cost(
    layout: TileLayout, write_tile: WriteTile, tile_bytes: int, scene_bytes: int
) -> Cost:
    """Cut a few tiles into a temporary folder and scale what that took.

    Args:
        layout: All tiles.
        write_tile: Cuts one.
        tile_bytes: Of all arrays of a tile.
        scene_bytes: Of all pixels of the scene and its layers.

    Raises:
        SceneError: A layer cannot be read.
        OutputError: The temporary folder cannot be written.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    peak = _PROGRAM_BYTES + _COPIES * tile_bytes + min(scene_bytes, round(_CACHE_SHARE * memory))
    rows = _tried(layout)
    if not rows:
        return Cost(0, 0.0, peak)
    with TemporaryDirectory(prefix="geosemimtl-") as name:
        folder = Path(name)
        write_tile(rows[0][0], folder / "opened")  # opening takes time once
        before = _bytes_below(folder)
        # the first of a row decodes what its neighbours share with it
        first = [_seconds(write_tile, row[0], folder / f"{i}") for i, row in enumerate(rows)]
        others = [
            _seconds(write_tile, window, folder / f"{i}-{j}")
            for i, row in enumerate(rows)
            for j, window in enumerate(row[1:])
        ]
        written = (_bytes_below(folder) - before) / (len(first) + len(others))
    lines = len(layout.row_offsets)
    seconds = lines * fmean(first) + (len(layout) - lines) * fmean(others or first)
    return Cost(round(written * len(layout)), seconds / 60, peak)


def _seconds(write_tile: WriteTile, window: Window, path: Path) -> float:
    started = time.perf_counter()
    write_tile(window, path)
    return time.perf_counter() - started


def _tried(layout: TileLayout) -> list[list[Window]]:
    """Return neighbours in two rows of tiles, away from the rim where there is room."""
    rows, cols, size = layout.row_offsets, layout.col_offsets, layout.size_px
    if not rows or not cols:
        return []
    return [
        [Window(col, rows[i], size, size) for col in cols[j : j + _TRIED]]
        for i, j in sorted({(len(rows) * k // 3, (len(cols) - 1) * k // 4) for k in (1, 2)})
    ]


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())
