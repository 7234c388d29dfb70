"""Random changes of a batch, on its device: what is drawn is apart from how it is applied.

The same drawn geometry can be applied to a second view of the same images.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from kornia.geometry.transform import warp_affine
from torch import Tensor

from geosemimtl.config import AugmentationConfig
from geosemimtl.data.batch import Batch
from geosemimtl.tasks import HEIGHT


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

    zoom = torch.exp(math.log(low) + (math.log(high) - math.log(low)) * uniform())
    turns = {
        "any": (uniform() * 2 - 1) * math.pi,
        "quarter": (uniform() * 4).floor() * (math.pi / 2),
    }
    angle = turns.get(config.rotate, torch.zeros(count))
    mirror = torch.where((uniform() < 0.5) & config.flip, -1.0, 1.0)
    cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    linear = torch.stack(
        [torch.stack([cos * mirror, -sin], -1), torch.stack([sin * mirror, cos], -1)], -2
    )
    half = crop_px / zoom / 2
    centres = []
    for length in (size[1], size[0]):
        room = (length - 2 * half).clamp(min=0)
        centre = length / 2 + (uniform() - 0.5) * room
        # whole source pixels between crop and tile where nothing is interpolated
        whole = torch.round(centre - half) + half
        centres.append(torch.where(zoom == 1, whole, centre) - 0.5)
    centre = torch.stack(centres, -1)
    middle = torch.full((count, 2, 1), (crop_px - 1) / 2)
    return torch.cat([linear, centre[:, :, None] - linear @ middle], dim=2)


def apply_geometry(batch: Batch, geometry: Tensor, crop_px: int) -> Batch:
    """Cut the crops: images and heights bilinear, labels nearest; what lies outside is unobserved.

    Args:
        batch: With images in any range; what is filled is 0.
        geometry: As :func:`draw_geometry` gives it.
        crop_px: Side of the crops.
    """
    forward = _inverse(geometry).to(batch.image)

    def warp(values: Tensor, mode: str) -> Tensor:
        size = (crop_px, crop_px)
        return warp_affine(
            values, forward, size, mode=mode, padding_mode="zeros", align_corners=True
        )

    observed = warp(batch.observed[:, None].float(), "nearest")[:, 0] > 0.5
    targets, valid = {}, {}
    for task, target in batch.targets.items():
        known = batch.valid[task].float()[:, None]
        if task == HEIGHT:
            share = warp(known, "bilinear")[:, 0]
            metres = warp(target[:, None] * known, "bilinear")[:, 0]
            targets[task] = metres / share.clamp(min=1e-6)
            valid[task] = (share > 0.5) & observed
        else:
            targets[task] = warp(target[:, None].float(), "nearest")[:, 0].round().long()
            valid[task] = (warp(known, "nearest")[:, 0] > 0.5) & observed
    image = warp(batch.image * batch.observed[:, None], "bilinear")
    return replace(batch, image=image, observed=observed, targets=targets, valid=valid)


def jitter(image: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Change gamma, gain and offset of each band of images in [0, 1] by up to ``strength``.

    Each image gets one change for all bands and a third of the strength a band.
    """
    count, bands = image.shape[:2]

    def factor() -> Tensor:
        whole = torch.rand(count, 1, generator=generator) * 2 - 1
        each = (torch.rand(count, bands, generator=generator) * 2 - 1) / 3
        return ((whole + each) * strength)[:, :, None, None].to(image)

    bent = image.clamp(min=1e-4) ** torch.exp(factor())
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
    generator.manual_seed(hash((*seed, batch.domain)) % (1 << 62))
    rows, cols = batch.image.shape[-2:]
    geometry = draw_geometry(config, len(batch.image), (rows, cols), crop_px, generator)
    batch = apply_geometry(batch, geometry, crop_px)
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


def _inverse(geometry: Tensor) -> Tensor:
    linear = torch.linalg.inv(geometry[:, :, :2])
    return torch.cat([linear, -linear @ geometry[:, :, 2:]], dim=2)
