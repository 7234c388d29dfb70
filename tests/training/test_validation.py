"""Scores on validation tiles, and the rule by which weights are chosen."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from geosemimtl.classes import Classes, LandClass
from geosemimtl.data.batch import Batch
from geosemimtl.errors import TileSetError, TrainingError
from geosemimtl.tasks import HEIGHT, SEGMENTATION, Quantity, Segmentation
from geosemimtl.training.config import TrainConfig
from geosemimtl.training.domains import data_of, open_domains
from geosemimtl.training.module import MultiTaskTask
from geosemimtl.training.validation import interval_of, open_validation, score_of, validate

Tiny = Callable[..., TrainConfig]
OneLine = Callable[[BaseException], str]
NAMES = ("potsdam", "vaihingen")


def test_the_rule_by_hand() -> None:
    assert score_of({SEGMENTATION: [0.5], HEIGHT: [0.75]}) == pytest.approx((0.5 + 0.75) / 2)
    # a task counts once, however many domains it has
    skills = {SEGMENTATION: [0.2, 0.4, 0.6], HEIGHT: [0.5]}
    assert score_of(skills) == pytest.approx((0.4 + 0.5) / 2)
    assert score_of({HEIGHT: [-0.5]}) == pytest.approx(-0.5)  # worse than always the mean
    assert score_of({SEGMENTATION: [0.3]}) == pytest.approx(0.3)
    # heights that are all alike tell nothing
    assert score_of({SEGMENTATION: [0.3], HEIGHT: [None]}) == pytest.approx(0.3)
    assert score_of({HEIGHT: [None, 0.4]}) == pytest.approx(0.4)
    assert score_of({HEIGHT: [None]}) is None
    assert score_of({}) is None


class Oracle:
    """A module that knows the truth, and errs as it is told: classes by one, heights by metres."""

    device = torch.device("cpu")
    iteration = 7
    tasks = (
        Segmentation(
            classes=Classes(
                entries=tuple(LandClass(name=name, color="#000000") for name in "abc"),
            )
        ),
        Quantity(name=HEIGHT, scale=11),
    )

    def __init__(self, *, wrong: bool = False, too_high_m: float = 0.0) -> None:
        self._wrong, self._too_high_m = wrong, too_high_m

    def predicted(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the truth, or what is beside it."""
        said = {SEGMENTATION: batch.targets[SEGMENTATION].clamp(max=2)}
        if self._wrong:
            said[SEGMENTATION] = (said[SEGMENTATION] + 1) % 3
        if HEIGHT in batch.targets:
            said[HEIGHT] = batch.targets[HEIGHT] + self._too_high_m
        return said


def _scores(config: TrainConfig, oracle: Oracle, batch: int = 3) -> Any:
    tiles = open_validation(config, open_domains(config))
    return validate(oracle, tiles, NAMES, batch)  # type: ignore[arg-type]  # all of a module that is asked


def test_scores_of_what_is_known(watched: Tiny, parted: Mapping[str, Path]) -> None:
    right = _scores(watched(), Oracle())
    assert right.iteration == 7
    assert right.named == {"potsdam/mean_iou": 1.0, "vaihingen/rmse_m": 0.0}
    assert right.score == 1.0
    off = _scores(watched(), Oracle(wrong=True, too_high_m=1.5))
    assert off.named == {"potsdam/mean_iou": 0.0, "vaihingen/rmse_m": pytest.approx(1.5)}
    tiles = open_validation(watched(), open_domains(watched()))[1]
    assert tiles.folder == parted["vaihingen"]
    metres = np.concatenate([tiles[k].targets[HEIGHT].ravel() for k in range(len(tiles))])
    assert off.score == pytest.approx((0 + 1 - 1.5 / metres.std()) / 2, rel=1e-6)


def test_tiles_at_once_change_nothing(watched: Tiny) -> None:
    one, all_of_them = (_scores(watched(), Oracle(too_high_m=1), size) for size in (1, 9))
    assert one.named == pytest.approx(all_of_them.named)


def test_only_validation_tiles_are_opened(watched: Tiny) -> None:
    domains = open_domains(watched())
    tiles = open_validation(watched(), domains)
    assert list(tiles) == [0, 1]
    for index, domain in tiles.items():
        assert len(domain) == 4
        assert len(domains[index]) == 5
        assert not set(domain.names) & set(domains[index].names)


def test_labels_that_may_not_teach_do_not_choose(
    watched: Tiny, parted: Mapping[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    hidden = [
        {"name": "potsdam", "tiles": parted["potsdam"]},
        {"name": "vaihingen", "tiles": parted["potsdam"], "supervises": []},
    ]
    config = watched(domains=hidden, tasks=["segmentation"])
    assert list(_scores(config, Oracle()).named) == ["potsdam/mean_iou"]
    assert not caplog.text


def test_a_task_that_chooses_nothing_is_told(
    watched: Tiny,
    parted: Mapping[str, Path],
    cut_domain: Callable[..., Path],
    caplog: pytest.LogCaptureFixture,
) -> None:
    domains = [
        {"name": "potsdam", "tiles": parted["potsdam"]},
        {"name": "vaihingen", "tiles": cut_domain("whole", heights=True, size_px=32)},
    ]
    config = watched(domains=domains)
    assert list(open_validation(config, open_domains(config))) == [0]
    assert "labelled for height: the best model is chosen without it" in caplog.text


def test_without_tiles_nothing_is_validated(tiny: Tiny, watched: Tiny, one_line: OneLine) -> None:
    assert open_validation(tiny(), open_domains(tiny())) == {}
    never = watched(validation={"every": 0})
    assert open_validation(never, open_domains(never)) == {}
    for asked, said in (
        ({"every": 3}, "validation.every 3: no tile set has labelled tiles of the split val"),
        ({"patience": 2}, "validation.patience 2: no tile set"),
    ):
        config = tiny(validation=asked)
        with pytest.raises(TileSetError, match=said) as caught:
            open_validation(config, open_domains(config))
        assert "--split" in one_line(caught.value)


@pytest.mark.parametrize(
    ("every", "iterations", "found"), [(7, 100, 7), (None, 100, 5), (None, 101, 6), (None, 3, 1)]
)
def test_how_often(watched: Tiny, every: int | None, iterations: int, found: int) -> None:
    assert interval_of(watched(validation={"every": every}), iterations) == found


@pytest.fixture
def module(watched: Tiny) -> MultiTaskTask:
    """Return the module of a training, in evaluation mode."""
    torch.manual_seed(0)
    config = watched()
    made = MultiTaskTask(config, data_of(config, open_domains(config)), 4)
    made.model.eval()
    return made


def test_predictions_are_classes_and_metres(watched: Tiny, module: MultiTaskTask) -> None:
    tiles = open_validation(watched(), open_domains(watched()))[0]
    batch = tiles.batch([0, 1], 0)
    random = torch.get_rng_state()
    said = module.predicted(batch)
    assert torch.equal(random, torch.get_rng_state())
    shape = (2, 32, 32)
    assert (said[SEGMENTATION].shape, said[HEIGHT].shape) == (shape, shape)
    assert set(said[SEGMENTATION].flatten().tolist()) <= {0, 1, 2}
    assert (said[HEIGHT] >= 0).all()
    assert not said[HEIGHT].requires_grad
    image = (batch.image - module.mean[:, None, None]) / module.std[:, None, None]
    logits = module.model(image).logits
    assert torch.equal(said[SEGMENTATION], logits[SEGMENTATION].argmax(1))
    metres = logits[HEIGHT][:, 0].clamp(min=0) * 11  # 10.1 m and up: the next whole metre
    assert torch.allclose(said[HEIGHT], metres)


def test_predictions_that_are_no_numbers(
    watched: Tiny, module: MultiTaskTask, one_line: OneLine
) -> None:
    batch = open_validation(watched(), open_domains(watched()))[0].batch([1], 0)
    with torch.no_grad():
        for parameter in module.model.decoders[HEIGHT].parameters():
            parameter.fill_(math.inf)
    with pytest.raises(TrainingError, match="of the height is not finite on tiles") as caught:
        module.predicted(batch)
    assert batch.tiles[0] in one_line(caught.value)
