"""What a prediction was asked for and has done, so that the same one can go on after a kill."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from geosemimtl.errors import OutputError, SceneError
from geosemimtl.files import REMEDY, stamp, write_text

_STRIPS = "strips"
_WHOLE = "whole"
_DONE = "done"
_COMPANIONS = "companions"


class Journal:
    """Notes in a hidden folder what of a scene is finished.

    Several processes may write at once: a strip is one short line at the end of a file.

    Args:
        folder: The folder, which is there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def sealed(self) -> set[tuple[int, int]]:
        """Band and row of tiles of each finished strip."""
        path = self._folder / _STRIPS
        if not path.is_file():
            return set()
        pairs = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
        return {(int(band), int(strip)) for band, strip in pairs}

    def mend(self) -> None:
        """Cut off a line that a kill or a full disk left without its end."""
        path = self._folder / _STRIPS
        if path.is_file():
            with path.open("r+b") as file:
                file.truncate(file.read().rfind(b"\n") + 1)

    def seal(self, band: int, strip: int) -> None:
        """Note a finished strip.

        Raises:
            OutputError: The disk is full.
        """
        path = self._folder / _STRIPS
        try:
            with path.open("ab", buffering=0) as file:
                file.write(f"{band} {strip}\n".encode())
        except OSError as error:
            raise OutputError(
                f"{self._folder.parent}: cannot be written ({error.strerror}); {REMEDY}"
            ) from error

    @property
    def is_whole(self) -> bool:
        """Whether all rasters are finished and only their names are missing, perhaps."""
        return (self._folder / _WHOLE).is_file()

    def set_whole(self) -> None:
        """Note that all rasters are finished."""
        write_text(self._folder / _WHOLE, "")

    def forget(self) -> None:
        """Take back all strips, whose pixels are lost."""
        (self._folder / _STRIPS).unlink(missing_ok=True)

    def set_done(self, rasters: Iterable[Path]) -> None:
        """Note that the scene is done, and its rasters as they are."""
        write_text(self._folder / _DONE, json.dumps([*map(stamp, rasters)]))

    def is_done(self, rasters: Iterable[Path]) -> bool:
        """Return whether the scene is done, and its rasters are as they were then."""
        path = self._folder / _DONE
        if not path.is_file():
            return False
        try:
            now = [list(stamp(raster)) for raster in rasters]
        except SceneError:
            return False  # one was moved away
        return bool(json.loads(path.read_text(encoding="utf-8")) == now)

    def begin(self, companion: str) -> None:
        """Note that a companion is made from now on: what has its name is this run's."""
        begun = sorted(self._companions | {companion})
        write_text(self._folder / _COMPANIONS, json.dumps(begun))

    def has_begun(self, companion: str) -> bool:
        """Return whether a companion's making was noted."""
        return companion in self._companions

    @property
    def _companions(self) -> set[str]:
        path = self._folder / _COMPANIONS
        return set(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else set()
