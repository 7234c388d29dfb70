"""What augmentation does to labels of each kind: vectors turn, depths shrink, answers stay."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor

from geosemimtl.classes import IGNORE
from geosemimtl.config import ZOOM, AugmentationConfig, Zoom
from geosemimtl.data.augmentation import apply_geometry, augmented, draw_geometry
from geosemimtl.data.batch import Batch
from geosemimtl.tasks import TASK_NAMES, UNITS, Kind, kind_of

SIZE = 24
UNIT = (torch.zeros(3), torch.ones(3))
#: Upwards in the picture, as rows count down.
UP, RIGHT, FORWARD = (0.0, -1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)
MIRROR = ((-1.0, 0.0, SIZE - 1.0), (0.0, 1.0, 0.0))
UPSIDE_DOWN = ((1.0, 0.0, 0.0), (0.0, -1.0, SIZE - 1.0))
#: What was on the right is on top afterwards.
QUARTER = ((0.0, -1.0, SIZE - 1.0), (1.0, 0.0, 0.0))
#: Twice as large.
NEARER = ((0.5, 0.0, 6.0), (0.0, 0.5, 6.0))


def facing(vector: tuple[float, float, float], count: int = 1) -> Tensor:
    """Return normals that all face one way."""
    return torch.tensor(vector)[:, None, None].expand(count, 3, SIZE, SIZE).clone()


def batch(**targets: Tensor) -> Batch:
    """Return images with a ramp to the right, with targets that are known everywhere."""
    count = len(next(iter(targets.values())))
    known = torch.ones(count, SIZE, SIZE, dtype=torch.bool)
    image = (torch.arange(float(SIZE)) / SIZE).expand(count, 3, SIZE, SIZE).clone()
    return Batch(0, image, known, targets, {task: known.clone() for task in targets})


def moved(source: Batch, *rows: tuple[tuple[float, ...], ...]) -> Batch:
    """Return a batch after a geometry, as large as before."""
    geometry = torch.tensor(rows).expand(len(source.image), 2, 3)
    return apply_geometry(source, geometry, SIZE)


@pytest.mark.parametrize(
    ("geometry", "before", "after"),
    [
        (MIRROR, RIGHT, (-1, 0, 0)),
        (MIRROR, UP, UP),
        (UPSIDE_DOWN, RIGHT, RIGHT),
        (UPSIDE_DOWN, UP, (0, 1, 0)),
        (QUARTER, RIGHT, UP),
        (QUARTER, UP, (-1, 0, 0)),
        (NEARER, RIGHT, RIGHT),
        (NEARER, (0.6, 0, -0.8), (0.6, 0, -0.8)),
        (QUARTER, (0.6, 0, -0.8), (0, -0.6, -0.8)),
        *((each, FORWARD, FORWARD) for each in (MIRROR, UPSIDE_DOWN, QUARTER, NEARER)),
    ],
)
def test_normals_turn_with_what_they_are_seen_on(
    geometry: tuple[tuple[float, ...], ...],
    before: tuple[float, float, float],
    after: tuple[float, float, float],
) -> None:
    made = moved(batch(normals=facing(before)), geometry)
    known = made.valid["normals"][0]
    assert known.float().mean() > 0.9
    vectors = made.targets["normals"][0][:, known]
    torch.testing.assert_close(vectors, torch.tensor(after)[:, None].expand_as(vectors).float())


@given(
    degrees=st.floats(-180, 180),
    zoom=st.floats(0.6, 1.8),
    mirror=st.booleans(),
    upside_down=st.booleans(),
)
def test_normals_face_where_the_picture_rises(
    *, degrees: float, zoom: float, mirror: bool, upside_down: bool
) -> None:
    """A vector to the right is one along a ramp to the right, whatever becomes of both."""
    cos, sin = (f(math.radians(degrees)) / zoom for f in (math.cos, math.sin))
    x, y = (-1 if mirror else 1), (-1 if upside_down else 1)
    linear = torch.tensor([[cos * x, -sin * y], [sin * x, cos * y]])
    middle = torch.full((2,), (SIZE - 1) / 2)
    geometry = torch.cat([linear, (middle - linear @ middle)[:, None]], dim=1)[None]
    made = apply_geometry(batch(normals=facing(RIGHT)), geometry, SIZE)
    inner = slice(SIZE // 2 - 3, SIZE // 2 + 3)
    ramp = made.image[0, 0, inner, inner]
    rise = torch.stack([ramp.diff(dim=1).mean(), ramp.diff(dim=0).mean(), torch.zeros(())])
    vectors = made.targets["normals"][0, :, inner, inner]
    wanted = (rise / rise.norm())[:, None, None].expand_as(vectors)
    torch.testing.assert_close(vectors, wanted, atol=1e-3, rtol=0)


@given(
    task=st.sampled_from(TASK_NAMES),
    geometry=st.sampled_from([MIRROR, UPSIDE_DOWN]),
    seed=st.integers(0, 99),
)
def test_flipping_twice_is_the_identity(
    task: str, geometry: tuple[tuple[float, ...], ...], seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    before = batch(**{task: example(task, generator)})
    known = torch.rand(before.observed.shape, generator=generator) > 0.2
    before.valid[task][:] = known
    after = moved(moved(before, geometry), geometry)
    assert torch.equal(after.valid[task], known)
    torch.testing.assert_close(after.image, before.image, atol=1e-4, rtol=0)
    labels = [each.targets[task] for each in (before, after)]
    if kind_of(task) is Kind.DIRECTION:
        labels = [each.movedim(1, -1) for each in labels]
    one, other = (each[known] for each in labels)
    torch.testing.assert_close(other, one.to(other.dtype), atol=1e-3, rtol=0)


def example(task: str, generator: torch.Generator) -> Tensor:
    """Draw two images' labels."""
    shape = (2, SIZE, SIZE)
    kind = kind_of(task)
    if kind is Kind.DIRECTION:
        vectors = torch.randn(2, 3, SIZE, SIZE, generator=generator)
        return torch.nn.functional.normalize(vectors, dim=1)
    if kind is Kind.QUANTITY:
        return torch.rand(shape, generator=generator) * 30
    return torch.randint(0, 2, shape, generator=generator)


@pytest.mark.parametrize(
    ("task", "factor"),
    [("height", 1.0), ("depth", 0.5), ("inverse_depth", 2.0), ("disparity", 2.0)],
)
def test_what_coming_nearer_does_to_numbers(task: str, factor: float) -> None:
    """Twice as large is half as far, by default and in a training."""
    numbers = torch.full((2, SIZE, SIZE), 8.0)
    made = moved(batch(**{task: numbers}), NEARER)
    assert made.valid[task].all()
    torch.testing.assert_close(made.targets[task], factor * numbers)
    config = AugmentationConfig(scale=(2, 2), rotate=0, flip="none")
    trained = augmented(batch(**{task: numbers}), config, SIZE, UNIT, (0, 0))
    torch.testing.assert_close(trained.targets[task], factor * numbers)


@pytest.mark.parametrize(
    ("how", "factor"), [("leaves", 1.0), ("multiplies", 2.0), ("divides", 0.5)]
)
def test_what_a_training_may_say_instead(how: Zoom, factor: float) -> None:
    """Of one kind of numbers; the others stay as they are by default."""
    config = AugmentationConfig(scale=(2, 2), rotate=0, flip="none", zoom={"inverse_depth": how})
    assert config.zoom == ZOOM | {"inverse_depth": how}
    numbers = torch.full((1, SIZE, SIZE), 8.0)
    source = batch(inverse_depth=numbers, disparity=numbers)
    made = augmented(source, config, SIZE, UNIT, (0, 0))
    torch.testing.assert_close(made.targets["inverse_depth"], factor * numbers)
    torch.testing.assert_close(made.targets["disparity"], 2 * numbers)


def test_every_number_has_a_default() -> None:
    assert set(ZOOM) == set(UNITS)
    assert AugmentationConfig().zoom == ZOOM


@pytest.mark.parametrize("zoom", [{"normals": "leaves"}, {"depth": "halves"}, {"flow": "leaves"}])
def test_what_zooming_cannot_do(zoom: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        AugmentationConfig.model_validate({"zoom": zoom})


def test_answers_are_the_nearest_and_unknown_ones_stay_so() -> None:
    labels = torch.randint(0, 2, (1, SIZE, SIZE), generator=torch.Generator().manual_seed(0))
    source = batch(saliency=labels)
    source.valid["saliency"][:, :, :12] = False
    source.targets["saliency"][:, :, :12] = IGNORE
    made = moved(source, ((0.5, 0.0, 6.2), (0.0, 0.5, 6.2)))
    places = (0.5 * torch.arange(float(SIZE)) + 6.2).round().long()
    known = source.valid["saliency"][0][places][:, places]
    assert torch.equal(made.valid["saliency"][0], known)
    assert torch.equal(made.targets["saliency"][0][known], labels[0][places][:, places][known])


def test_vectors_between_known_ones_only() -> None:
    """Unknown neighbours neither turn nor shorten what is interpolated."""
    source = batch(normals=facing(RIGHT))
    source.targets["normals"][:, :, ::2] = torch.nan
    source.valid["normals"][:, ::2] = False
    shifted = ((1.0, 0.0, 0.25), (0.0, 1.0, 0.4))
    made = moved(source, shifted)
    known = made.valid["normals"]
    assert 0.3 < known.float().mean() < 0.7
    vectors = made.targets["normals"].movedim(1, -1)[known]
    torch.testing.assert_close(vectors, torch.tensor(RIGHT).expand_as(vectors))
    assert made.targets["normals"].isfinite().all()


@pytest.mark.parametrize("seed", range(4))
def test_vectors_keep_their_length(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    source = batch(normals=example("normals", generator))
    geometry = draw_geometry(AugmentationConfig(), 2, (SIZE, SIZE), SIZE, generator)
    made = apply_geometry(source, geometry, SIZE)
    known = made.valid["normals"]
    length = made.targets["normals"].norm(dim=1)[known]
    torch.testing.assert_close(length, torch.ones_like(length))
