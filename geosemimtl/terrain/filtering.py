"""What the ground filter takes for ground, in metres."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from geosemimtl.errors import ConfigError


@dataclass(frozen=True, slots=True)
class GroundFilter:
    """Parameters of the progressive morphological filter; lengths are metres on the ground.

    Attributes:
        cell_m: Cell of the coarse grid on which ground is sought; never finer than the surface
            model's pixels, of which a cell is a whole number.
        width_m: Width of the largest building.
        slope: What rises steeper than this over a window's radius stands on the ground; metres a
            metre, after the terrain's trend is taken off.
        elevation_m: What stands higher than this above its surroundings is no ground, however
            small; cars are 1.5 m, a curb 0.1 m.
        scaling: Share of the ground's own slope, in metres a cell, that is added to
            ``elevation_m``: cells on steep ground are less even.

    Raises:
        ConfigError: A length is not above 0, a share is below 0, or cells are as wide as buildings.
    """

    cell_m: float = 1.0
    width_m: float = 60.0
    slope: float = 0.15
    elevation_m: float = 0.3
    scaling: float = 0.5

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            is_length = item.name.endswith("_m")
            if not (math.isfinite(value) and (value > 0 or (value == 0 and not is_length))):
                least = "metres above 0" if is_length else "0 or more"
                raise ConfigError(f"{item.name} of the ground filter is {value}: give {least}")
        if self.cell_m >= self.width_m:
            raise ConfigError(
                f"--cell {self.cell_m:g}: is not smaller than the largest building, --width "
                f"{self.width_m:g}; give about 1"
            )
