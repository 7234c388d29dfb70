"""A STAC item beside a scene's rasters, so that catalogues find them."""

from __future__ import annotations

import logging
from pathlib import Path

from geosemimtl.files import write_text
from geosemimtl.inference.choosing import Chosen
from geosemimtl.inference.companions import Companion
from geosemimtl.inference.outputs import TITLES
from geosemimtl.progress import Track
from geosemimtl.publish.stac.parts import SUFFIX, item_beside, relative_href
from geosemimtl.publish.stac.prediction import Described, prediction_item
from geosemimtl.raster.acquisition import TimeSpan, acquired

_LOG = logging.getLogger(__name__)
#: The tag that is the file's date rather than the image's.
_FILE_DATE = "TIFFTAG_DATETIME"


def items(model: Path, taken: TimeSpan | None = None) -> Companion:
    """Return what writes an item beside a scene's rasters.

    Args:
        model: The model file; its own item is linked to if it lies beside it.
        taken: When the scenes were taken; what their files say by default.
    """

    def make(chosen: Chosen, path: Path, track: Track) -> None:
        del track  # it takes no time
        write_text(path, item_text(chosen, path, model, taken or _time_of(chosen)))

    def look(chosen: Chosen) -> None:
        if taken is None:
            _warn_of_time(chosen)
        item_text(chosen, chosen.beside(SUFFIX), model, taken)

    return Companion(SUFFIX, lambda _: True, make, look)


def item_text(chosen: Chosen, path: Path, model: Path, taken: TimeSpan | None) -> str:
    """Return a scene's item.

    Args:
        chosen: The scene.
        path: Where the item will lie.
        model: As in ``items``.
        taken: When the scene was taken, if anybody knows.

    Raises:
        GridError: The scene reaches beyond its CRS.
    """
    outputs, linked = chosen.outputs, item_beside(model)
    rasters = {
        kind: Described(raster.name, TITLES[kind], outputs.raster(kind)[0])
        for kind, raster in chosen.paths.items()
    }
    return prediction_item(
        chosen.stem.name,
        chosen.plan.output,
        rasters,
        scene=", ".join(file.name for file in chosen.pixels.scene.files),
        model=outputs.model,
        taken=taken,
        model_href=relative_href(linked, path.parent) if linked.is_file() else None,
    )


def _time_of(chosen: Chosen) -> TimeSpan | None:
    said = acquired(chosen.pixels.scene.files)
    return None if said is None else said[0]


def _warn_of_time(chosen: Chosen) -> None:
    scene = chosen.pixels.scene
    said = acquired(scene.files)
    if said is None:
        _LOG.warning(
            "%s: does not say when it was taken, so its item says any time: else pass --datetime",
            scene.path,
        )
        return
    span, tag = said
    if tag == _FILE_DATE:
        _LOG.warning(
            "%s: is dated by %s, %s, which may be when the file was made: else pass --datetime",
            scene.path,
            tag,
            span.start.date(),
        )
