"""A STAC item beside a scene's rasters, so that catalogues find them."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from geosemimtl.files import require_absent, write_text
from geosemimtl.inference.choosing import Chosen
from geosemimtl.inference.outputs import TITLES
from geosemimtl.publish.stac_parts import MODEL_KEY, SUFFIX, item_beside, relative_href
from geosemimtl.publish.stac_prediction import Described, prediction_item
from geosemimtl.raster.acquisition import TimeSpan, acquired

_LOG = logging.getLogger(__name__)
#: The tag that is the file's date rather than the image's.
_FILE_DATE = "TIFFTAG_DATETIME"


def item_path(chosen: Chosen) -> Path:
    """Return where a scene's item lies."""
    return chosen.stem.with_name(chosen.stem.name + SUFFIX)


def item_text(chosen: Chosen, model: Path, taken: TimeSpan | None) -> str:
    """Return a scene's item, which follows from the scene and what is asked for.

    Args:
        chosen: The scene.
        model: The model file; its own item is linked to if it lies beside it.
        taken: When the scene was taken; what its files say by default.

    Raises:
        SceneError: A file cannot be read.
        GridError: The scene reaches beyond its CRS.
    """
    path, outputs, linked = item_path(chosen), chosen.outputs, item_beside(model)
    rasters = {
        kind: Described(raster.name, TITLES[kind], outputs.raster(kind)[0])
        for kind, raster in chosen.paths.items()
    }
    return prediction_item(
        chosen.stem.name,
        chosen.plan.output,
        rasters,
        scene=chosen.pixels.scene.path.name,
        model=outputs.model,
        taken=taken or _taken(chosen),
        model_href=relative_href(linked, path.parent) if linked.is_file() else None,
    )


def write_item(path: Path, text: str, *, overwrite: bool) -> Path:
    """Write an item, unless it is there already, and return where.

    Raises:
        OutputError: Another lies there, or it cannot be written.
    """
    if _document(path) != json.loads(text):
        require_absent([path], overwrite=overwrite)
        write_text(path, text)
    return path


def remove_item(path: Path) -> None:
    """Remove the item of a prediction that was replaced; nothing else that lies there."""
    if MODEL_KEY in _properties(path):
        path.unlink()


def _taken(chosen: Chosen) -> TimeSpan | None:
    scene = chosen.pixels.scene
    said = acquired(scene.files)
    if said is None:
        _LOG.warning(
            "%s: does not say when it was taken, so its item says any time: else pass --datetime",
            scene.path,
        )
        return None
    span, tag = said
    if tag == _FILE_DATE:
        _LOG.warning(
            "%s: is dated by %s, %s, which may be when the file was made: else pass --datetime",
            scene.path,
            tag,
            span.start.date(),
        )
    return span


def _document(path: Path) -> object:
    with suppress(OSError, ValueError):
        return json.loads(path.read_text(encoding="utf-8"))
    return None


def _properties(path: Path) -> Mapping[str, object]:
    document = _document(path)
    properties = document.get("properties") if isinstance(document, dict) else None
    return properties if isinstance(properties, dict) else {}
