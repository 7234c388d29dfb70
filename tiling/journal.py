"""What a run of tile has done, so that the same run can go on after a kill."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from geosemimtl.files import stamp, write_text
from geosemimtl.machine import versions
from geosemimtl.raster.environment import GDAL_VERSION
from geosemimtl.raster.scene import Reader
from geosemimtl.tiling.layers import Layers
from geosemimtl.tiling.options import TileOptions
from geosemimtl.tiling.scene_cutting import SceneCut
from geosemimtl.tiling.splits import DRAWN, read_split_list
from geosemimtl.tiling.statistics import StatisticsSum

_FOLDER = ".scenes"


def request_of(options: TileOptions, batch: Sequence[Layers], readers: Mapping[str, Reader]) -> str:
    """Return in words what is asked for: options, files with size and date, versions.

    Raises:
        SceneError: A file is gone.
    """
    scenes = [
        {
            "name": each.name,
            "split": each.split,
            "place": each.image.grid.transform.to_gdal(),
            "files": [*map(stamp, each.read_from)],
        }
        for each in batch
    ]
    asked = {
        "options": asdict(options) | {"classes": options.classes.model_dump(mode="json")},
        "scenes": scenes,
        "readers": {
            layer: f"{read.__module__}.{read.__qualname__}" for layer, read in readers.items()
        },
        "split": _split_list(options.split),
        "versions": versions("rasterio") | {"gdal": GDAL_VERSION},
    }
    return json.dumps(asked, sort_keys=True)


def _split_list(split: str) -> object:
    """Return what a list of scenes says, which may change between two runs."""
    return None if split in DRAWN else read_split_list(split).patterns


class Journal:
    """Keeps what is known of each finished scene in a folder of tiles that is being written.

    Args:
        folder: Of the tiles.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / _FOLDER
        self._folder.mkdir(exist_ok=True)

    def read(self, name: str, sums: StatisticsSum) -> SceneCut | None:
        """Return a finished scene and fill its statistics; ``None`` if it is not finished."""
        path = self._folder / f"{name}.json"
        if not path.is_file():
            return None
        document = json.loads(path.read_text(encoding="utf-8"))
        sums.restore(document["sums"])
        return SceneCut(tuple(document["rows"]), document["dropped"])

    def write(self, name: str, cut: SceneCut, sums: StatisticsSum) -> None:
        """Keep a finished scene."""
        document = {"rows": cut.rows, "dropped": cut.dropped, "sums": sums.document()}
        write_text(self._folder / f"{name}.json", json.dumps(document))

    def remove(self) -> None:
        """Forget everything."""
        shutil.rmtree(self._folder)
