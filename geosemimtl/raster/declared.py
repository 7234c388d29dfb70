"""What rasters of this project say of themselves: their classes, their model, their unit."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from geosemimtl.classes import Classes
from geosemimtl.errors import SceneError
from geosemimtl.raster.scene import Scene, opened

#: The tag in which class rasters of this project name their classes.
CLASSES_TAG = "GEOSEMIMTL_CLASSES"
#: The tag in which predicted rasters name the model.
MODEL_TAG = "GEOSEMIMTL_MODEL"


def declared_classes(scene: Scene) -> Classes | None:
    """Return the classes that a class raster of this project names, ``None`` for other rasters.

    Raises:
        SceneError: The file cannot be read, or what it says of its classes is damaged.
    """
    with opened(scene.path) as source:
        text = source.tags().get(CLASSES_TAG)
    try:
        return None if text is None else Classes.model_validate_json(text)
    except ValidationError as error:
        raise SceneError(
            f"{scene.path}: its tag {CLASSES_TAG} is damaged; predict again"
        ) from error


def unit_of(scene: Scene) -> str | None:
    """Return the unit that a scene's first band names, if it names one.

    Raises:
        SceneError: The file cannot be read.
    """
    with opened(scene.path) as source:
        unit: str | None = source.units[0]
    return unit or None


def predicted_by(path: Path) -> str | None:
    """Return the model that a raster of this project was predicted by, ``None`` for others.

    Raises:
        SceneError: It is missing or no raster.
    """
    with opened(path) as source:
        model: str | None = source.tags().get(MODEL_TAG)
    return model
