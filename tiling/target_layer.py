"""What all labels have in common, whatever their task, their form and their files."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray
from rasterio.windows import Window

from geosemimtl.progress import Track, silent
from geosemimtl.raster.grid import PixelGrid


class TargetReader(Protocol):
    """Reads a task's labels on a grid, window by window; each thread its own."""

    def read(self, window: Window | None = None) -> NDArray[Any]:
        """Return a window's labels in the task's form (``geosemimtl.tasks.FORMS``).

        (rows, columns), or (channels, rows, columns) of several numbers a pixel; nodata where
        nothing is known.
        """
        ...


class TargetLayer(Protocol):
    """Labels of a task that were looked at; no file is held open.

    Attributes:
        path: What messages call them.
        files: The files they are read from.
        read_from: Those, and what else decides what they hold.
        grid: Their own pixels, ``None`` for polygons.
    """

    @property
    def path(self) -> Path: ...  # noqa: D102  (above)

    @property
    def files(self) -> tuple[Path, ...]: ...  # noqa: D102  (above)

    @property
    def read_from(self) -> tuple[Path, ...]: ...  # noqa: D102  (above)

    @property
    def grid(self) -> PixelGrid | None: ...  # noqa: D102  (above)

    def check(self, grid: PixelGrid, track: Track = silent) -> None:
        """Refuse labels that lie elsewhere than a grid, or hold what cannot be.

        Raises:
            LabelError: As said; of an undeclared class which, how often, and where first.
            SceneError: The pixels cannot be read.
        """
        ...

    def on_grid(self, grid: PixelGrid) -> AbstractContextManager[TargetReader]:
        """Open the labels on a grid; only what is known weighs."""
        ...
