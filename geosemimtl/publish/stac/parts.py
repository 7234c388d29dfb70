"""What items of a SpatioTemporal Asset Catalog have in common: names, dates, classes, text."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pystac
import shapely

from geosemimtl.classes import Classes
from geosemimtl.raster.acquisition import TimeSpan
from geosemimtl.raster.globe import Footprint

#: End of an item's file name, behind the scene's or the model's.
SUFFIX = ".stac.json"
#: In a prediction's item: the model's name, as GEOSEMIMTL_MODEL in its rasters.
MODEL_KEY = "geosemimtl:model"
#: STAC asks for a time and knows no open one: the widest there is stands for an unknown one, as in
#: the examples of the MLM extension.
ANY_TIME = TimeSpan.parse("1900/9999")
#: What the MLM extension takes for a model's name.
_MLM_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_.\-\s]+[a-zA-Z0-9]")


def item_beside(file: Path) -> Path:
    """Return where the item of a model file is looked for: ``a.stac.json`` of ``a.safetensors``."""
    return file.with_name(file.stem + SUFFIX)


def new_item(
    name: str,
    span: TimeSpan,
    properties: dict[str, Any],
    extensions: Sequence[str],
    place: Footprint | None = None,
) -> pystac.Item:
    """Return an item without assets and links.

    Args:
        name: Its id.
        span: When its data were taken: one moment, or a start and an end.
        properties: All but the time.
        extensions: Addresses of their schemas.
        place: Where it lies, if it has a place.
    """
    moment = span.is_moment
    return pystac.Item(
        id=name,
        geometry=place and shapely.geometry.mapping(place.geometry),
        bbox=place and list(place.bbox),
        datetime=span.start if moment else None,
        start_datetime=None if moment else span.start,
        end_datetime=None if moment else span.end,
        properties=properties,
        stac_extensions=list(extensions),
    )


def class_objects(classes: Classes) -> list[dict[str, Any]]:
    """Return classes as the classification extension has them, by their values in the raster.

    Its names have letters, digits, - and _ only; a class's own name is the title.
    """
    return [
        {
            "value": index,
            "name": re.sub(r"[^0-9A-Za-z_-]", "_", entry.name) or "_",
            "title": entry.name.replace("_", " "),
            "color_hint": entry.color[1:].upper(),
        }
        for index, entry in enumerate(classes.entries)
    ]


def relative_href(target: Path, folder: Path) -> str | None:
    """Return a file's address from a folder; ``None`` from another drive of Windows."""
    here = target.parent.resolve() / target.name
    with suppress(ValueError):
        href = Path(os.path.relpath(here, folder.resolve())).as_posix()
        return quote(href if href.startswith("../") else f"./{href}")
    return None


def mlm_name(name: str) -> str:
    """Return a model's name as the MLM extension takes it: three or more letters and the like."""
    plain = re.sub(r"[^a-zA-Z0-9_.\-\s]", "_", name).strip("_.- \t\n")
    return plain if _MLM_NAME.fullmatch(plain) else f"geosemimtl {plain or 'model'}"


def text_of(item: pystac.Item) -> str:
    """Return an item as its file has it; links and assets stay as relative as they were made."""
    document = item.to_dict(include_self_link=False, transform_hrefs=False)
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
