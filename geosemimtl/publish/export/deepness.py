"""Models for Deepness, a plugin of QGIS that runs ONNX files on layers.

A file for it says in its metadata what the plugin then does by itself: cut tiles of some size and
overlap at some resolution, divide bytes by 255, shift and scale them, feed them (1, C, H, W), and
take the largest class, or a value as it is. Keys and steps are those of its documentation ("Adding
metadata to ONNX model") and of its source, src/deepness/processing, read at
github.com/PUTvision/qgis-plugin-deepness. Every value is JSON.
"""

from __future__ import annotations

import json
from typing import Any

from geosemimtl.errors import ConfigError
from geosemimtl.tasks import HEIGHT, Segmentation, Task
from geosemimtl.training.model_file import ModelCard

#: The only pixels that the plugin feeds.
_DTYPE, _HIGHEST = "uint8", 255


def deepness_metadata(card: ModelCard, task: Task) -> dict[str, str]:
    """Return the metadata of a file for Deepness that does one task.

    Its output is what is written: probabilities or metres.

    Raises:
        ConfigError: The plugin cannot feed such pixels.
    """
    mean, std = _standardisation(card)
    size, width = card.tile_px
    if card.gsd_m is None or size != width:
        raise ConfigError(
            "--deepness: the plugin predicts squares of maps, the model whole images that lie "
            "nowhere on the ground: leave it out"
        )
    values: dict[str, Any] = {
        "resolution": round(100 * card.gsd_m, 6),
        "tiles_size": size,  # its documentation's name
        "tile_size": size,  # what its source looks for
        "tiles_overlap": round(100 * card.overlap_px / size),
        "standardization_mean": mean,
        "standardization_std": std,
    }
    if isinstance(task, Segmentation):
        values |= {
            "model_type": "Segmentor",
            "class_names": {str(index): name for index, name in enumerate(task.classes.names)},
            # by default less likely classes become the first one, and small areas are blurred
            "seg_thresh": 0,
            "seg_small_segment": 0,
        }
    else:
        values |= {
            "model_type": "Regressor",
            "class_names": {"0": f"{task.name}_m" if task.name == HEIGHT else task.name},
            "reg_output_scaling": 1.0,
        }
    return {key: json.dumps(value) for key, value in values.items()}


def _standardisation(card: ModelCard) -> tuple[list[float], list[float]]:
    """Return mean and deviation of bytes divided by 255."""
    if card.dtype != _DTYPE or card.value_range is None:
        known = [domain.name for domain in card.domains if domain.dtype == _DTYPE]
        types = sorted({domain.dtype for domain in card.domains}) or [str(card.dtype)]
        ranges = " of several value ranges" if types == [_DTYPE] else ""
        remedy = f"say with --sensor for which, of {', '.join(known)}" if known else "leave it out"
        raise ConfigError(
            f"--deepness: the plugin feeds bytes of one range, the model learned from "
            f"{' and '.join(types)}{ranges}: {remedy}"
        )
    low, high = card.value_range
    scale = (high - low) / _HIGHEST
    return (
        [each * scale + low / _HIGHEST for each in card.mean],
        [each * scale for each in card.std],
    )
