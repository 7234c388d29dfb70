"""What a prediction settles before it begins, and what makes another one the same."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import torch

from geosemimtl.errors import ConfigError
from geosemimtl.files import stamp
from geosemimtl.inference.networks import kind_of
from geosemimtl.inference.options import PredictOptions
from geosemimtl.inference.workers import Setting
from geosemimtl.machine import versions
from geosemimtl.raster.environment import GDAL_VERSION
from geosemimtl.raster.scene import Scene
from geosemimtl.tiling.vectors import split_layer

#: Tiles that are run at once on a processor; more are hardly faster and take memory.
_BATCH_CPU = 4
#: On a GPU: of its memory, how much a tile's pixel takes in a large network, and at most so many.
_BYTES_PER_PIXEL = 4096
_BATCH_GPU = 32
_DEVICES = "write cpu, or GPUs by number, such as 0,1"
#: What programs lay beside a raster that they only look at.
_BESIDE = (".aux.xml", ".ovr")
#: What such files could change.
_READ = ("grid", "bands", "indexes", "alpha", "dtype", "nodata", "mask")


class Sizes(NamedTuple):
    """What sums in float32 depend on: tiles run at once, and threads of the processor."""

    batch: int
    threads: int


def settle(
    options: PredictOptions, model: Path, tile_px: tuple[int, int], devices: Sequence[str]
) -> tuple[Setting, Sizes]:
    """Settle what the options leave open, by the machine.

    Args:
        options: How to predict.
        model: The model file.
        tile_px: (rows, columns) of its tiles.
        devices: One a process; by default one GPU if there is one that the model can run on, else
            the processor.

    Raises:
        ConfigError: An option has a value that cannot be, or not with this model.
    """
    kind = kind_of(model)
    names = tuple(devices) or (kind.default_device(),)
    for name in names:
        require_device(name)
    device = torch.device(names[0])
    threads = torch.get_num_threads() if len(names) == 1 else (os.cpu_count() or 1) // len(names)
    batch = options.batch or _BATCH_CPU
    if options.batch is None and device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        batch = min(_BATCH_GPU, max(1, free // (2 * _BYTES_PER_PIXEL * prod(tile_px))))
    precision = kind.precision(options, names)
    return Setting(model, names, precision, options), Sizes(batch, max(1, threads))


def require_device(name: str) -> None:
    """Refuse a device that torch does not have.

    Raises:
        ConfigError: It is not there.
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(
            f"--devices {name}: unknown; write cpu, or GPUs by number, such as 0,1"
        ) from error
    if device.type not in {"cpu", "cuda"} or (device.type == "cpu" and device.index is not None):
        raise ConfigError(
            f"--devices {name}: cannot be used; write cpu, or GPUs by number, such as 0,1"
        )
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(
            f"--devices {name}: torch finds {torch.cuda.device_count()} GPU(s) here; write cpu, or "
            "install a torch for your GPU"
        )


def request(scene: Scene, setting: Setting, sizes: Sizes) -> dict[str, Any]:
    """Return in words what a scene's rasters follow from.

    Args:
        scene: The scene.
        setting: As settled.
        sizes: Likewise.

    Raises:
        SceneError: A file is gone.
    """
    area = setting.options.area
    packages = (*kind_of(setting.model).packages, "rasterio", "numpy")
    asked = {
        "scene": [stamp(file) for file in scene.read_from if not file.name.endswith(_BESIDE)],
        "scene as read": [str(getattr(scene, name)) for name in _READ],
        "model": [stamp(setting.model)],
        "area": [] if area is None else [stamp(split_layer(area).file)],
        "options": asdict(setting.options),
        **sizes._asdict(),
        "precision": setting.precision,
        "devices": sorted({_device_words(name) for name in setting.devices}),
        "versions": versions(*packages) | {"gdal": GDAL_VERSION},
    }
    # as it comes back from a file, to be compared with
    words: dict[str, Any] = json.loads(json.dumps(asked, default=str))
    return words


def sizes_of(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> Sizes | None:
    """Return the sizes of an earlier run, if it is the same but for them: it goes on with its own.

    What was not named follows from the memory and the load of a moment.
    """
    if set(changes(earlier, now)) <= set(Sizes._fields):
        return Sizes(earlier["batch"], earlier["threads"])
    return None


def changes(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the names of what differs between two requests."""
    ours, theirs = (_flat(request) for request in (now, earlier))
    return sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))


def _flat(request: Mapping[str, Any]) -> dict[str, Any]:
    inner = {"options": "--", "versions": ""}
    flat = {key: value for key, value in request.items() if key not in inner}
    for name, prefix in inner.items():
        flat |= {f"{prefix}{key}": value for key, value in request.get(name, {}).items()}
    return flat


def _device_words(name: str) -> str:
    device = torch.device(name)
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return torch.backends.cpu.get_cpu_capability()
