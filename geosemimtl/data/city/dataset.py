"""The synthetic city as a data set: two sensors, each labelled for one task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from geosemimtl.data.city.presets import preset
from geosemimtl.data.city.scene import CityFiles, draw_city, write_city
from geosemimtl.progress import Track, silent
from geosemimtl.tasks import HEIGHT, SEGMENTATION
from geosemimtl.tiling.cutting import tile
from geosemimtl.tiling.options import TileOptions


@dataclass(frozen=True, slots=True)
class Sensor:
    """One sensor: its preset, the GSD it is drawn at and the labels it gives."""

    name: str
    gsd_m: float
    supervises: tuple[str, ...]


SENSORS = (Sensor("potsdam", 0.15, (SEGMENTATION,)), Sensor("vaihingen", 0.27, (HEIGHT,)))


def draw_scenes(
    sensor: Sensor, folder: Path, cities: Mapping[str, tuple[float, int]], track: Track = silent
) -> list[CityFiles]:
    """Draw square cities as a sensor sees them.

    Args:
        sensor: Who looks.
        folder: Where the rasters go.
        cities: Side in metres and seed, by the end of the files' names: ``potsdam_1.tif`` is 1's.
        track: Shows progress.
    """
    return [
        write_city(
            draw_city(preset(sensor.name), side_m, side_m, seed, sensor.gsd_m),
            folder,
            f"{sensor.name}_{end}",
        )
        for end, (side_m, seed) in track(cities.items(), f"drawing {sensor.name}", len(cities))
    ]


def cut_scenes(
    sensor: Sensor,
    scenes: Sequence[CityFiles],
    folder: Path,
    *,
    gsd_m: float,
    tile_px: int,
    track: Track = silent,
) -> None:
    """Cut a tile set that has labels for what the sensor supervises and nothing else.

    Args:
        sensor: Whose scenes they are.
        scenes: The scenes.
        folder: The tile set.
        gsd_m: Of the tiles.
        tile_px: Their side.
        track: Shows progress.
    """
    tile(
        [scene.image for scene in scenes],
        folder,
        labels=[scene.labels for scene in scenes] if SEGMENTATION in sensor.supervises else (),
        heights=[scene.height for scene in scenes] if HEIGHT in sensor.supervises else (),
        options=TileOptions(gsd_m=gsd_m, size_px=tile_px),
        track=track,
    )
