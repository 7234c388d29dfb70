"""What Potsdam and Vaihingen, of the ISPRS 2D semantic labelling benchmark, have in common."""

from __future__ import annotations

from geosemimtl.classes import ISPRS_CLASS_MAP
from geosemimtl.data.sets.benchmark import GREYS, Kind, Remedy, Target
from geosemimtl.tasks import HEIGHT, SEGMENTATION

REQUEST = "https://www.isprs.org/resources/datasets/benchmarks/UrbanSemLab/Default.aspx"
LICENCE = "ISPRS gives it for research, on request; nobody else may hand it on"

#: The labels without the borders of objects.
NO_BOUNDARY = "no-boundary"

#: Lossy copies have colours next to the declared ones.
CLASS_MAPS = {"isprs6": ISPRS_CLASS_MAP.model_copy(update={"round_colours": True})}


def labels(kind: Kind) -> Target:
    """Return class labels, by colour."""
    return Target(kind, "classes")


def heights(metres: Kind, greys: Kind, surface: Kind) -> Target:
    """Return heights above ground in metres, which are made from the surface models."""
    return Target(
        metres,
        "m",
        remedies=(
            Remedy(
                "those found are grey levels, no metres: say how many metres one is with "
                "--height-scale METRES",
                greys,
            ),
            Remedy(
                f"make each surface model's ({surface.source}) with geosemimtl ndsm, under its own "
                "name in a folder ndsm"
            ),
        ),
    )


def alternatives(no_boundary: Kind, greys: Kind) -> dict[str, dict[str, Target]]:
    """Return labels without the borders of objects, and heights as grey levels."""
    return {
        NO_BOUNDARY: {SEGMENTATION: labels(no_boundary)},
        GREYS: {HEIGHT: Target(greys, "grey levels, of which nothing tells the unit")},
    }
