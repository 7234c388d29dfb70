"""Random changes of a batch, on its device: what is drawn is apart from how it is applied.

The same drawn geometry can be applied to a second view of the same images.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from kornia.geometry.transform import remap
from torch import Tensor
from torch.nn import functional

from geosemimtl.config import ZOOM, AugmentationConfig, Zoom
from geosemimtl.data.batch import Batch
from geosemimtl.tasks import Kind, kind_of


def draw_geometry(
    config: AugmentationConfig,
    count: int,
    size: tuple[int, int],
    crop_px: int,
    generator: torch.Generator,
) -> Tensor:
    """Draw flip, zoom, rotation and crop for each image.

    The crop's centre is drawn so that an unrotated crop lies within the zoomed image.

    Args:
        config: What may happen.
        count: B.
        size: (rows, columns) of the tiles.
        crop_px: Side of the crops.
        generator: Where the numbers come from (CPU).

    Returns:
        (B, 2, 3): maps a pixel (x, y) of the crop to a pixel of the tile.
    """
    low, high = config.scale

    def uniform() -> Tensor:
        return torch.rand(count, generator=generator)

    zoom = low + (high - low) * uniform()
    cos, sin = (part / zoom for part in _turned(config.rotate, uniform()))
    mirror = torch.where((uniform() < 0.5) & (config.flip != "none"), -1.0, 1.0)
    upside_down = torch.ones(count)
    if config.flip == "both":
        upside_down = torch.where(uniform() < 0.5, -1.0, 1.0)
    linear = torch.stack(
        [
            torch.stack([cos * mirror, -sin * upside_down], -1),
            torch.stack([sin * mirror, cos * upside_down], -1),
        ],
        -2,
    )
    half = crop_px / zoom / 2
    centres = []
    for length in (size[1], size[0]):
        room = (length - 2 * half).clamp(min=0)
        centre = length / 2 + (uniform() - 0.5) * room
        # whole source pixels between crop and tile where nothing is interpolated
        whole = torch.round(centre - half) + half
        centres.append(torch.where(zoom == 1, whole, centre) - 0.5)
    # no matrix product here or below: under autocast it would round pixels to 8 bits
    offset = torch.stack(centres, -1) - linear.sum(dim=2) * (crop_px - 1) / 2
    return torch.cat([linear, offset[:, :, None]], dim=2)


def _turned(rotate: float | str, drawn: Tensor) -> tuple[Tensor, Tensor]:
    """Return cosine and sine of an angle from numbers in [0, 1)."""
    if rotate == "quarter":
        angle = (drawn * 4).floor() * (math.pi / 2)
        return torch.cos(angle).round(), torch.sin(angle).round()  # exactly 0 and 1
    angle = (drawn * 2 - 1) * math.radians(float(rotate))
    return torch.cos(angle), torch.sin(angle)


#: Power of the zoom that numbers are multiplied by.
_ZOOM_POWERS = {"leaves": 0, "multiplies": 1, "divides": -1}


def apply_geometry(
    batch: Batch, geometry: Tensor, crop_px: int, zoom: Mapping[str, Zoom] = ZOOM
) -> Batch:
    """Cut the crops: images and numbers bilinear, labels nearest; what lies outside is unobserved.

    Unobserved pixels and unknown numbers have no share in what is interpolated beside them.
    Vectors are turned and mirrored with the image that they are seen in.

    Args:
        batch: With images in any range; what is filled is 0.
        geometry: As ``draw_geometry`` gives it.
        crop_px: Side of the crops.
        zoom: What zooming does to numbers, as in the configuration.
    """
    geometry = geometry.to(batch.image)
    factor = 1 / geometry[:, :, 0].norm(dim=1)[:, None, None]
    at = _source_positions(geometry, crop_px)
    image, observed = _interpolated(batch.image, batch.observed, at)
    targets, valid = {}, {}
    for task, target in batch.targets.items():
        kind = kind_of(task)
        if kind is Kind.QUANTITY:
            numbers, known = _interpolated(target[:, None], batch.valid[task], at)
            targets[task] = numbers[:, 0] * factor ** _ZOOM_POWERS[zoom[task]]
        elif kind is Kind.DIRECTION:
            vectors, known = _interpolated(target, batch.valid[task], at)
            targets[task] = _turned_vectors(vectors, geometry[:, :, :2] * factor)
        else:
            labels = torch.stack([target, batch.valid[task]], dim=1)
            picked = _sampled(labels, at, "nearest").long()
            targets[task], known = picked[:, 0], picked[:, 1] > 0
        valid[task] = known & observed
    return replace(batch, image=image, observed=observed, targets=targets, valid=valid)


def _turned_vectors(vectors: Tensor, turn: Tensor) -> Tensor:
    """Turn vectors (B, 3, H, W) into crops that turns (B, 2, 2), or mirrors, lead out of."""
    x, y, z = vectors.unbind(1)
    a, b, c, d = turn.flatten(1).T[..., None, None]
    turned = torch.stack([a * x + c * y, b * x + d * y, z], dim=1)  # the transpose undoes a turn
    return functional.normalize(turned, dim=1)


def _source_positions(geometry: Tensor, crop_px: int) -> tuple[Tensor, Tensor]:
    """Return x and y in the tile, (B, crop, crop) each, of the crop's pixels."""
    steps = torch.arange(crop_px, device=geometry.device, dtype=geometry.dtype)
    x, y = (
        a * steps[None, None, :] + b * steps[None, :, None] + c
        for a, b, c in geometry.permute(1, 2, 0)[..., None, None]
    )
    return x, y


def _interpolated(
    values: Tensor, known: Tensor, at: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Interpolate (B, C, H, W) between known pixels; known, and not 0, is where they weigh most."""
    weighted = torch.cat([torch.where(known[:, None], values, 0), known[:, None]], dim=1)
    *total, share = _sampled(weighted, at, "bilinear").unbind(1)
    weighs_most = share > 0.5
    mean = torch.stack(total, 1) / share.clamp(min=0.5)[:, None]
    return torch.where(weighs_most[:, None], mean, 0), weighs_most


def _sampled(values: Tensor, at: tuple[Tensor, Tensor], mode: str) -> Tensor:
    """Return values (B, C, H, W) at positions (B, h, w); 0 outside."""
    return remap(values.float(), *at, mode=mode, padding_mode="zeros", align_corners=True)


def jitter(image: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Change gamma, gain and offset of each band of images in [0, 1] by up to ``strength``.

    Each image gets one change for all bands and, on top, up to a third of the strength a band.
    """
    count, bands = image.shape[:2]

    def factor() -> Tensor:
        whole = torch.rand(count, 1, generator=generator) * 2 - 1
        each = (torch.rand(count, bands, generator=generator) * 2 - 1) / 3
        return ((whole + each) * strength)[:, :, None, None].to(image)

    bent = image.clamp(min=0) ** torch.exp(factor())
    return (bent * torch.exp(factor()) + 0.3 * factor()).clamp(0, 1)


def augmented(
    batch: Batch,
    config: AugmentationConfig,
    crop_px: int,
    normalisation: tuple[Tensor, Tensor],
    seed: tuple[int, int],
) -> Batch:
    """Draw and apply everything, then normalise; unobserved pixels become the mean.

    Args:
        batch: Whole tiles in [0, 1].
        config: What may happen.
        crop_px: Side of the crops.
        normalisation: Mean and deviation (C,) of the bands in [0, 1].
        seed: (seed, iteration); the domain is the batch's own.
    """
    generator = torch.Generator()
    words = np.random.SeedSequence((*seed, batch.domain)).generate_state(2)
    generator.manual_seed(int(words[0]) << 31 ^ int(words[1]))
    rows, cols = batch.image.shape[-2:]
    geometry = draw_geometry(config, len(batch.image), (rows, cols), crop_px, generator)
    zoom = {str(task): how for task, how in config.zoom.items()}
    batch = apply_geometry(batch, geometry, crop_px, zoom)
    image = jitter(batch.image, config.jitter, generator) if config.jitter else batch.image
    return replace(batch, image=normalised(image, batch.observed, normalisation))


def normalised(image: Tensor, observed: Tensor, normalisation: tuple[Tensor, Tensor]) -> Tensor:
    """Map images in [0, 1] to mean 0 and deviation 1, unobserved pixels to 0.

    Args:
        image: (B, C, H, W).
        observed: Bool (B, H, W).
        normalisation: Mean and deviation (C,).
    """
    mean, std = (value.to(image)[:, None, None] for value in normalisation)
    return torch.where(observed[:, None], (image - mean) / std, 0)
