"""What is found of a scene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from geosemimtl.inference.inspection.costs import Cost
from geosemimtl.inference.likeness import Likeness
from geosemimtl.inference.remarks import (
    is_rotated,
    is_square,
)
from geosemimtl.inference.sampling import PERCENTILES, Sample
from geosemimtl.raster.grid import PixelGrid
from geosemimtl.raster.registration import Shift
from geosemimtl.raster.scene import Scene
from geosemimtl.tiling.layout import TileLayout

#: Of every report's document, in their order.
_KEYS = (
    "scene",
    "shape",
    "dtype",
    "crs",
    "gsd_m",
    "is_rotated",
    "is_square",
    "bands",
    "named_by",
    "values",
    "valid_share",
    "valid_by",
    "read_whole",
    "would_be",
    "shifts",
    "cost",
    "likeness",
    "problems",
    "notes",
)


@dataclass(frozen=True, slots=True)
class Step:
    """How a layer gets onto the grid of the tiles.

    Attributes:
        layer: ``image``, ``labels``, ``heights`` or another task.
        gsd_m: Its own metres a pixel along both axes, ``None`` for polygons and for images that
            lie nowhere on the ground.
        factor: How many times its pixels grow along both axes; below 1 they are enlarged.
        how: What becomes of the pixels.
    """

    layer: str
    gsd_m: tuple[float, float] | None
    factor: tuple[float, float] | None
    how: str


@dataclass(frozen=True, slots=True)
class SceneReport:
    """What a scene is, and what would be done with it.

    Attributes:
        scene: The scene.
        sample: Its values.
        grid: The grid on which it would be cut or predicted.
        layout: The tiles on that grid.
        steps: How the image and its layers get onto it.
        shifts: Where labels and heights lie relative to the image; ``None`` where nobody can tell.
        cost: What cutting would cost, ``None`` with a model or where it cannot be cut.
        likeness: How its values compare with a model's training data; ``None`` without a model.
        problems: What stands in the way, each with its remedy; none if all is well.
        notes: What deserves a look.
    """

    scene: Scene
    sample: Sample
    grid: PixelGrid
    layout: TileLayout
    steps: tuple[Step, ...]
    shifts: Mapping[str, Shift | None]
    cost: Cost | None
    likeness: Likeness | None
    problems: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def valid_share(self) -> float:
        """Share of the scene's pixels that hold data."""
        return self.sample.valid_share

    def document(self) -> dict[str, Any]:
        """Return it as JSON's types; the same keys for every scene."""
        return {
            "scene": str(self.scene.path),
            "shape": self.scene.grid.shape,
            "dtype": self.scene.dtype,
            "crs": self.scene.grid.crs and self.scene.grid.crs.to_string(),
            "gsd_m": _gsd_m(self.scene.grid),
            "is_rotated": is_rotated(self.scene.grid),
            "is_square": is_square(self.scene.grid),
            "bands": self.scene.bands,
            "named_by": self.scene.named_by,
            "values": [
                {
                    "minimum": band.minimum,
                    "maximum": band.maximum,
                    "percentiles": dict(zip(map(str, PERCENTILES), band.percentiles, strict=True)),
                }
                for band in self.sample.bands
            ],
            "valid_share": self.valid_share,
            "valid_by": self.scene.mask,
            "read_whole": self.sample.is_whole,
            "would_be": {
                "shape": self.grid.shape,
                "gsd_m": _gsd_m(self.grid),
                "tiles": len(self.layout),
                "size_px": self.layout.size_px,
                "overlap_px": self.layout.overlap_px,
                "steps": [asdict(step) for step in self.steps],
            },
            "shifts": {layer: shift and asdict(shift) for layer, shift in self.shifts.items()},
            "cost": self.cost and asdict(self.cost),
            "likeness": self.likeness and asdict(self.likeness),
            "problems": self.problems,
            "notes": self.notes,
        }


def _gsd_m(grid: PixelGrid) -> tuple[float, float] | None:
    return None if grid.crs is None else grid.gsd_m


@dataclass(frozen=True, slots=True)
class Refusal:
    """A scene that cannot even be looked at.

    Attributes:
        path: The scene.
        problem: Why, and the remedy.
    """

    path: Path
    problem: str

    @property
    def problems(self) -> tuple[str, ...]:
        """As of a ``SceneReport``."""
        return (self.problem,)

    def document(self) -> dict[str, Any]:
        """Return it as JSON's types, with the keys of ``SceneReport.document``."""
        known = {"scene": str(self.path), "problems": self.problems, "notes": ()}
        return {key: known.get(key) for key in _KEYS}
