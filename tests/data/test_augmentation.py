"""Augmentation: what is moved is moved exactly, and what is filled is known to be filled."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from geosemimtl.classes import IGNORE
from geosemimtl.config import AugmentationConfig, Zoom
from geosemimtl.data.augmentation import (
    apply_geometry,
    augmented,
    draw_geometry,
    jitter,
    normalised,
)
from geosemimtl.data.batch import Batch
from geosemimtl.tasks import HEIGHT, SEGMENTATION

STILL = AugmentationConfig(flip="none", scale=(1.0, 1.0), rotate=0.0)
EXACT = AugmentationConfig(flip="horizontal", scale=(1.0, 1.0), rotate="quarter")
FREE = AugmentationConfig(jitter=0.3)
UNIT = (torch.zeros(3), torch.ones(3))


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _batch(count: int = 4, size: int = 48, seed: int = 0) -> Batch:
    generator = _generator(seed)
    shape = (count, size, size)
    labels = torch.randint(0, 6, shape, generator=generator)
    observed = torch.rand(shape, generator=generator) > 0.1
    known = {task: (torch.rand(shape, generator=generator) > 0.2) & observed for task in _TASKS}
    return Batch(
        domain=1,
        image=torch.rand(count, 3, size, size, generator=generator) * observed[:, None],
        observed=observed,
        targets={
            SEGMENTATION: torch.where(known[SEGMENTATION], labels, IGNORE),
            HEIGHT: torch.rand(shape, generator=generator) * 30,
        },
        valid=known,
    )


_TASKS = (SEGMENTATION, HEIGHT)


def _assert_moved(name: str, moved: Tensor, wanted: Tensor) -> None:
    """Labels and masks to the bit; images and metres to what float32 keeps of a position."""
    if name == "image" or (HEIGHT in name and moved.dtype.is_floating_point):
        torch.testing.assert_close(moved, wanted, atol=1e-3, rtol=0, msg=name)
    else:
        assert torch.equal(moved, wanted), name


def _layers(batch: Batch) -> dict[str, Tensor]:
    """Return all there is, unknown heights as 0."""
    layers = {"image": batch.image, "observed": batch.observed}
    for task in _TASKS:
        layers[f"valid {task}"] = batch.valid[task]
        layers[task] = torch.where(batch.valid[task], batch.targets[task], 0)
    return layers


def _same(one: Batch, other: Batch) -> bool:
    mine, theirs = _layers(one), _layers(other)
    return all(torch.equal(mine[name], theirs[name]) for name in mine)


def _affine(a: float, b: float, c: float, d: float, e: float, f: float, count: int = 1) -> Tensor:
    return torch.tensor([[[a, b, c], [d, e, f]]]).repeat(count, 1, 1)


@pytest.mark.parametrize(("row", "col"), [(0, 0), (5, 11), (16, 16)])
def test_a_shift_is_the_exact_crop(row: int, col: int) -> None:
    batch = _batch()
    crop = apply_geometry(batch, _affine(1, 0, col, 0, 1, row, 4), 32)
    for name, layer in _layers(batch).items():
        wanted = layer[..., row : row + 32, col : col + 32]
        _assert_moved(name, _layers(crop)[name], wanted)


@pytest.mark.parametrize("crop_px", [31, 32, 48])
def test_still_geometry_draws_whole_pixels_inside(crop_px: int) -> None:
    geometry = draw_geometry(STILL, 64, (48, 48), crop_px, _generator(0))
    assert torch.equal(geometry[:, :, :2], torch.eye(2).repeat(64, 1, 1))
    offset = geometry[:, :, 2]
    assert torch.equal(offset, offset.round())
    assert offset.min() >= 0
    assert offset.max() <= 48 - crop_px
    if crop_px < 48:
        assert len(set(map(tuple, offset.tolist()))) > 20


@pytest.mark.parametrize("crop_px", [31, 32, 47, 48])
def test_turns_and_flips_are_exact_permutations(crop_px: int) -> None:
    batch = _batch(count=40)
    geometry = draw_geometry(EXACT, 40, (48, 48), crop_px, _generator(crop_px))
    crop = _layers(apply_geometry(batch, geometry, crop_px))
    seen = set()
    for i, ((a, b, _), (d, e, _)) in enumerate(geometry.tolist()):
        corners = (
            geometry[i, :, :2] @ torch.tensor([[0.0, crop_px - 1], [0.0, crop_px - 1]])
            + geometry[i, :, 2:]
        )
        left, top = (int(v) for v in corners.min(dim=1).values)
        seen.add((a, b, d, e))
        for name, layer in _layers(batch).items():
            block = layer[i, ..., top : top + crop_px, left : left + crop_px]
            # columns of the crop run along (a, d), its rows along (b, e)
            turned = block.transpose(-1, -2) if a == 0 else block
            flips = [axis for axis, sign in ((-1, a + d), (-2, b + e)) if sign < 0]
            _assert_moved(name, crop[name][i], turned.flip(flips))
    assert len(seen) == 8  # four turns, mirrored or not


def test_flips_and_degrees() -> None:
    street = AugmentationConfig(flip="both", scale=(1.0, 1.0), rotate=10.0)
    linear = draw_geometry(street, 400, (64, 64), 32, _generator(0))[:, :, :2]
    mirrored, upside_down = linear[:, 0, 0] < 0, linear[:, 1, 1] < 0
    assert all(0.4 < share.float().mean() < 0.6 for share in (mirrored, upside_down))
    assert 0.15 < (mirrored & upside_down).float().mean() < 0.35
    degrees = torch.rad2deg(torch.atan(linear[:, 1, 0] / linear[:, 0, 0]))
    assert 9.5 < degrees.abs().max() <= 10.001
    still = draw_geometry(STILL, 50, (64, 64), 32, _generator(0))[:, :, :2]
    assert torch.equal(still, torch.eye(2).repeat(50, 1, 1))


@pytest.mark.parametrize(
    ("how", "factor"), [("leaves", 1.0), ("multiplies", 2.0), ("divides", 0.5)]
)
def test_what_zooming_does_to_heights(how: Zoom, factor: float) -> None:
    batch = _batch()
    twice = _affine(0, -0.5, 20, 0.5, 0, 10, 4)  # zoomed in by 2, and turned
    plain = apply_geometry(batch, twice, 16)
    zoomed = apply_geometry(batch, twice, 16, {HEIGHT: how})
    assert plain.valid[HEIGHT].any()
    torch.testing.assert_close(zoomed.targets[HEIGHT], factor * plain.targets[HEIGHT])
    assert torch.equal(zoomed.image, plain.image)


def test_free_geometry_covers_what_it_may() -> None:
    geometry = draw_geometry(AugmentationConfig(), 500, (512, 512), 384, _generator(0))
    linear = geometry[:, :, :2]
    zoom = torch.linalg.det(linear).abs().rsqrt()
    assert 0.75 <= zoom.min() < 0.77
    assert 1.47 < zoom.max() <= 1.5 + 1e-5
    assert set(torch.linalg.det(linear).sign().tolist()) == {-1, 1}
    angles = torch.atan2(-linear[:, 0, 1], linear[:, 1, 1])
    assert angles.min() < -3.1
    assert angles.max() > 3.1
    middle = linear.sum(dim=2) * 191.5 + geometry[:, :, 2] + 0.5
    half = 192 / zoom
    inside = torch.where(half[:, None] < 256, half[:, None], 256.0)
    assert (middle >= inside - 1e-3).all()
    assert (middle <= 512 - inside + 1e-3).all()


@pytest.mark.parametrize("seed", range(6))
def test_valid_implies_observed_implies_inside(seed: int) -> None:
    batch = _batch()
    geometry = draw_geometry(AugmentationConfig(), 4, (48, 48), 48, _generator(seed))
    crop = apply_geometry(batch, geometry, 48)
    steps = torch.stack(
        [
            torch.arange(48.0).repeat(48),
            torch.arange(48.0).repeat_interleave(48),
            torch.ones(48 * 48),
        ]
    )
    positions = (geometry @ steps).view(4, 2, 48, 48)
    outside = ((positions < -0.5) | (positions > 47.5)).any(dim=1)
    assert outside.any()
    assert not (crop.observed & outside).any()
    for task in _TASKS:
        assert crop.valid[task].any()
        assert not (crop.valid[task] & ~crop.observed).any()
        assert crop.targets[task].isfinite().all()
    assert (crop.targets[SEGMENTATION][crop.valid[SEGMENTATION]] < 6).all()


def test_what_is_beside_nodata_is_not_darkened() -> None:
    batch = _batch(count=1)
    halved = torch.zeros(1, 48, 48, dtype=torch.bool)
    halved[..., :24] = True
    batch = replace(
        batch,
        image=torch.full((1, 3, 48, 48), 0.8) * halved[:, None],
        observed=halved,
        targets={**batch.targets, HEIGHT: torch.where(halved, 12.0, torch.nan)},
        valid=dict.fromkeys(_TASKS, halved),
    )
    for shift in (-3.3, 10.4, 20.25):
        crop = apply_geometry(batch, _affine(0.8, 0.1, shift, -0.1, 0.8, 2.3), 40)
        seen = crop.observed[0]
        assert 0 < seen.sum() < seen.numel()
        torch.testing.assert_close(
            crop.image[0][:, seen], torch.full_like(crop.image, 0.8)[0][:, seen]
        )
        known = crop.valid[HEIGHT]
        metres = crop.targets[HEIGHT][known]
        torch.testing.assert_close(metres, torch.full_like(metres, 12.0))


def test_images_and_heights_are_bilinear_and_labels_nearest() -> None:
    ramp = torch.arange(48.0).repeat(48, 1)[None]
    known = torch.ones(1, 48, 48, dtype=torch.bool)
    batch = Batch(
        0,
        ramp[:, None].repeat(1, 3, 1, 1) / 100,
        known,
        {SEGMENTATION: (ramp % 5).long(), HEIGHT: ramp},
        dict.fromkeys(_TASKS, known),
    )
    crop = apply_geometry(batch, _affine(0.5, 0, 3.2, 0, 0.5, 4.0), 32)
    x = 0.5 * torch.arange(32.0) + 3.2
    torch.testing.assert_close(crop.targets[HEIGHT][0, 7], x)  # metres stay metres under zoom
    torch.testing.assert_close(crop.image[0, 1, 7], x / 100)
    assert torch.equal(crop.targets[SEGMENTATION][0, 7], (x.round() % 5).long())


def test_agrees_with_torchs_sampler() -> None:
    batch = _batch()
    batch = replace(batch, observed=torch.ones_like(batch.observed))
    geometry = draw_geometry(AugmentationConfig(), 4, (48, 48), 32, _generator(5))
    steps = torch.arange(32.0)
    rows, cols = torch.meshgrid(steps, steps, indexing="ij")
    positions = torch.einsum("bij,jrc->brci", geometry, torch.stack([cols, rows, cols * 0 + 1]))
    grid = (positions + 0.5) * 2 / 48 - 1
    wanted = functional.grid_sample(batch.image, grid, padding_mode="border", align_corners=False)
    crop = apply_geometry(batch, geometry, 32)
    seen = crop.observed[:, None].expand_as(wanted)
    inside = ((positions >= 0) & (positions <= 47)).all(dim=-1)[:, None].expand_as(wanted)
    assert (seen & inside).float().mean() > 0.7
    torch.testing.assert_close(crop.image[seen & inside], wanted[seen & inside], atol=1e-4, rtol=0)


def test_fill_is_the_mean() -> None:
    mean, std = torch.tensor([0.2, 0.4, 0.6]), torch.tensor([0.1, 0.2, 0.3])
    done = augmented(_batch(), FREE, 48, (mean, std), (0, 3))
    assert not done.observed.all()
    assert (done.image.movedim(1, -1)[~done.observed] == 0).all()
    image = torch.rand(2, 3, 4, 4)
    observed = torch.ones(2, 4, 4, dtype=torch.bool)
    wanted = (image - mean[:, None, None]) / std[:, None, None]
    torch.testing.assert_close(normalised(image, observed, (mean, std)), wanted)
    image[0, :, 0, 0] = torch.nan
    observed[0, 0, 0] = False
    assert normalised(image, observed, (mean, std)).isfinite().all()


def test_the_same_seed_is_the_same_batch() -> None:
    batch = _batch()
    one = augmented(batch, FREE, 32, UNIT, (4, 10))
    assert _same(one, augmented(batch, FREE, 32, UNIT, (4, 10)))
    assert not _same(one, augmented(batch, FREE, 32, UNIT, (4, 11)))
    assert not _same(one, augmented(batch, FREE, 32, UNIT, (5, 10)))
    assert not _same(one, augmented(replace(batch, domain=0), FREE, 32, UNIT, (4, 10)))
    assert len(one.image) == 4
    assert not torch.equal(one.image[0], one.image[1])


def test_the_seed_does_not_depend_on_the_process() -> None:
    program = (
        "import torch; from geosemimtl.config import AugmentationConfig; "
        "from geosemimtl.data.augmentation import augmented; "
        "from geosemimtl.data.batch import Batch; "
        "batch = Batch(0, torch.arange(3072.).view(1, 3, 32, 32) / 3072, "
        "torch.ones(1, 32, 32, dtype=torch.bool), {}, {}); "
        "one = augmented(batch, AugmentationConfig(jitter=.2), 32, (torch.zeros(3), "
        "torch.ones(3)), (3, 1)); print(one.image.double().sum().item())"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1


def test_a_second_view_can_share_the_geometry() -> None:
    batch = _batch()
    other = replace(batch, image=1 - batch.image)
    geometry = draw_geometry(FREE, 4, (48, 48), 32, _generator(1))
    one, two = (apply_geometry(view, geometry, 32) for view in (batch, other))
    seen = one.observed
    assert torch.equal(seen, two.observed)
    both = (one.image + two.image).movedim(1, -1)[seen]
    torch.testing.assert_close(both, torch.ones_like(both))


def test_inputs_are_not_changed() -> None:
    batch = _batch()
    before = {name: layer.clone() for name, layer in _layers(batch).items()}
    augmented(batch, FREE, 32, (torch.full((3,), 0.5), torch.full((3,), 0.2)), (0, 0))
    for name, layer in _layers(batch).items():
        assert torch.equal(layer, before[name]), name


def test_jitter_of_strength_0_is_the_identity() -> None:
    image = torch.rand(3, 4, 8, 8, generator=_generator(0))
    image[0, 0, 0, :2] = torch.tensor([0.0, 1.0])
    assert torch.equal(jitter(image, 0.0, _generator(1)), image)


@pytest.mark.parametrize("strength", [0.05, 0.3, 0.9])
def test_jitter_stays_in_range_and_keeps_order(strength: float) -> None:
    ramp = torch.linspace(0, 1, 64).repeat(5, 3, 1, 1)
    changed = jitter(ramp, strength, _generator(2))
    assert changed.isfinite().all()
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert (changed.diff(dim=-1) >= 0).all()
    assert not torch.equal(changed[0], changed[1])
    assert not torch.equal(changed[:, 0], changed[:, 1])
    assert torch.equal(ramp, torch.linspace(0, 1, 64).repeat(5, 3, 1, 1))


def test_autocast_does_not_round_positions() -> None:
    """Lightning runs a training step, augmentation and all, under autocast."""
    batch = _batch(count=8, size=64)
    plain = augmented(batch, FREE, 48, UNIT, (0, 0))
    with torch.autocast("cpu", torch.bfloat16):
        cast = augmented(batch, FREE, 48, UNIT, (0, 0))
    assert _same(plain, cast)


@pytest.mark.parametrize("config", [STILL, EXACT, FREE])
def test_crops_of_tiles_that_are_not_square(config: AugmentationConfig) -> None:
    batch = _batch(size=64)
    wide = replace(
        batch,
        image=batch.image[:, :, :40],
        observed=batch.observed[:, :40],
        targets={task: target[:, :40] for task, target in batch.targets.items()},
        valid={task: valid[:, :40] for task, valid in batch.valid.items()},
    )
    crop = augmented(wide, config, 40, UNIT, (0, 0))
    assert crop.image.shape == (4, 3, 40, 40)
    assert crop.observed.float().mean() > 0.3
