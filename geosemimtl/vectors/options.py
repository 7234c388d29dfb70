"""What to make polygons of, and how."""

from __future__ import annotations

from dataclasses import dataclass

from geosemimtl.errors import ConfigError

#: Every declared class.
ALL = "all"


@dataclass(frozen=True, slots=True)
class VectorOptions:
    """How a class raster becomes polygons.

    Attributes:
        classes: Names of the classes wanted, or ``("all",)``.
        min_area_m2: Smaller polygons are left out.
        fill_m2: Smaller holes are filled; as ``min_area_m2`` by default.
        simplify_m: How far a vertex that goes may lie from the line that stays; one and a half
            pixels by default, 0 keeps every corner of every pixel.
        right_angles: Whether footprints of buildings get right angles where they nearly have them;
            then they share no borders with their neighbours.
    """

    classes: tuple[str, ...] = ("building",)
    min_area_m2: float = 10.0
    fill_m2: float | None = None
    simplify_m: float | None = None
    right_angles: bool = False

    @property
    def hole_m2(self) -> float:
        """The size below which holes are filled.

        Raises:
            ConfigError: Polygons of one class would fill holes in which another class is kept.
        """
        if self.fill_m2 is None:
            return self.min_area_m2
        if self.fill_m2 > self.min_area_m2 and (len(self.classes) > 1 or ALL in self.classes):
            raise ConfigError(
                f"holes below {self.fill_m2:g} m² would be filled over polygons of other classes "
                f"that are kept from {self.min_area_m2:g} m² on; raise --min-area, lower "
                "--fill-holes or choose one class"
            )
        return self.fill_m2
