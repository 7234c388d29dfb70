"""Views of streets in the folders, names and encodings of two known data sets.

So they are read by what reads Cityscapes and Synscapes, and nothing needs to know that they are
drawn. What those data sets have beside images, classes and depths is not written.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from math import radians
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

from geosemimtl.data.street.materials import Label
from geosemimtl.data.street.view import StreetView
from geosemimtl.errors import ConfigError
from geosemimtl.files import write_bytes, write_text

#: Columns of Cityscapes' images, whose pixels are the unit of its disparities and cameras.
FULL_COLS = 2048
#: Made-up cities of each split: as in Cityscapes, none is in two.
CITIES = {
    "train": ("ahornau", "birkental", "eichhagen"),
    "val": ("lindenfurt",),
    "train_extra": ("tannbach", "ulmenried"),
}
#: Splits whose images have labels; the others have disparities only.
LABELLED = ("train", "val")
#: Number of Synscapes' last image to train with, and of the last of its validation.
LAST_TRAIN, LAST_VAL = 20_000, 21_000
#: Cityscapes numbers 30 frames a sequence and labels this one.
_FRAME = 19


@dataclass(frozen=True, slots=True)
class ViewFiles:
    """Paths of one view's files.

    Attributes:
        image: PNG of three bands.
        labels: PNG of label ids, or ``None``.
        depth: What depth follows from: a PNG of disparities or an OpenEXR file of depths.
        camera: JSON.
    """

    image: Path
    labels: Path | None
    depth: Path
    camera: Path


def write_cityscapes(root: Path, view: StreetView, split: str, index: int) -> ViewFiles:
    """Write a view as Cityscapes' files.

    Disparities and the camera are those of an image of 2048 columns, of which the one here is a
    smaller copy: readers know one focal length and baseline for all of Cityscapes. A disparity d
    is stored as round(256 d) + 1, so that the sky's is 1; 0 stands for unknown: the bonnet, as
    stereo matching fails there, and what is so near that 16 bits do not hold it (256 px, 1.9 m).

    Args:
        root: The data set's folder.
        view: What is written.
        split: ``train``, ``val`` or ``train_extra``, which has no labels.
        index: Number of the view in its split, from 0.

    Raises:
        ConfigError: There is no such split.
        OutputError: A file cannot be written.
    """
    if split not in CITIES:
        raise ConfigError(f"{split}: no split of a street; choose one of {', '.join(CITIES)}")
    city = CITIES[split][index % len(CITIES[split])]
    stem = f"{city}_{index // len(CITIES[split]):06d}_{_FRAME:06d}"

    def place(folder: str, end: str) -> Path:
        return root / folder / split / city / f"{stem}_{end}"

    labels = place("gtFine", "gtFine_labelIds.png") if split in LABELLED else None
    files = ViewFiles(
        place("leftImg8bit", "leftImg8bit.png"),
        labels,
        place("disparity", "disparity.png"),
        place("camera", "camera.json"),
    )
    write_png(files.image, view.image)
    if labels is not None:
        write_png(labels, view.label_ids[None])
    write_png(files.depth, encoded_disparity(view)[None])
    _write_json(files.camera, _camera(view, FULL_COLS, with_baseline=True))
    return files


def encoded_disparity(view: StreetView) -> NDArray[np.uint16]:
    """Return a view's disparities in Cityscapes' encoding, ``(rows, cols)``."""
    full_px = view.disparity_px.astype(np.float64) * (FULL_COLS / view.camera.shape[1])
    stored = np.rint(full_px * 256) + 1
    unknown = (view.label_ids == Label.EGO_VEHICLE) | (stored > np.iinfo(np.uint16).max)
    return np.where(unknown, 0, stored).astype(np.uint16)


def write_synscapes(root: Path, view: StreetView, number: int) -> ViewFiles:
    """Write a view as Synscapes' files.

    Depths are metres in 32 bits, in the channel Z; the sky's is infinite.

    Args:
        root: The data set's folder.
        view: What is written.
        number: Its number: up to ``LAST_TRAIN`` to train, up to ``LAST_VAL`` to validate.

    Raises:
        OutputError: A file cannot be written.
    """
    files = ViewFiles(
        root / "img" / "rgb" / f"{number}.png",
        root / "img" / "class" / f"{number}.png",
        root / "img" / "depth" / f"{number}.exr",
        root / "meta" / f"{number}.json",
    )
    write_png(files.image, view.image)
    write_png(root / "img" / "class" / f"{number}.png", view.label_ids[None])
    files.depth.parent.mkdir(parents=True, exist_ok=True)
    write_exr(files.depth, view.depth_m)
    _write_json(files.camera, {"camera": _camera(view, view.camera.shape[1], with_baseline=False)})
    return files


def _camera(view: StreetView, cols: int, *, with_baseline: bool) -> dict[str, dict[str, float]]:
    """Return a camera as both data sets describe it, in pixels of an image of so many columns.

    Its axes are a car's: x ahead, y to the left, z up; angles are radians.
    """
    camera, scale = view.camera, cols / view.camera.shape[1]
    rows = camera.shape[0] * scale
    intrinsic = {"fx": camera.focal_px * scale, "fy": camera.focal_px * scale}
    intrinsic |= {"u0": (cols - 1) / 2, "v0": (rows - 1) / 2}
    extrinsic = {
        "pitch": radians(camera.pitch_deg),
        "roll": 0.0,
        "x": 0.0,
        "y": 0.0,
        "yaw": -radians(camera.heading_deg),
        "z": camera.height_m,
    }
    if with_baseline:
        extrinsic["baseline"] = camera.baseline_m
    else:
        intrinsic |= {"resx": cols, "resy": rows}
    return {"extrinsic": extrinsic, "intrinsic": intrinsic}


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(content, indent=2, sort_keys=True) + "\n")


def write_png(path: Path, pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    """Write a PNG, whole or not at all, and make its folder.

    Args:
        path: The file.
        pixels: ``(bands, rows, cols)``: 1 band or 3.

    Raises:
        OutputError: It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = pixels.shape
    with warnings.catch_warnings(), MemoryFile() as memory:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # a photograph has no map
        with memory.open(
            driver="PNG", count=count, height=height, width=width, dtype=pixels.dtype
        ) as target:
            target.write(pixels)
        write_bytes(path, memory.read())


def write_exr(path: Path, values: NDArray[np.float32]) -> None:
    """Write numbers as the channel Z of an OpenEXR file, without loss.

    Args:
        path: The file; its folder is there.
        values: ``(rows, cols)``.
    """
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with OpenEXR.File(header, {"Z": np.ascontiguousarray(values)}) as file:
        file.write(str(path))
