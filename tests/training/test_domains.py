"""What tile sets say of a training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from geosemimtl.classes import IGNORE
from geosemimtl.data.tiles import DomainTiles, IterationBatches
from geosemimtl.tiling.index import tile_class_shares
from geosemimtl.training.config import TrainConfig
from geosemimtl.training.domains import chances_of, data_of, iterations_in, open_domains

Tiny = Callable[..., TrainConfig]


def test_tiles_with_rare_classes_come_more_often(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four tiles: one class everywhere, the second in one tile, the third in another."""
    shares = ((0.9, 0.0, 0.1), (0.7, 0.3, 0.0), (1.0, 0.0, 0.0), (1.0, 0.0, 0.0))
    monkeypatch.setattr("geosemimtl.training.domains.tile_class_shares", lambda *_: shares)
    domains = open_domains(tiny())
    cool, even = (chances_of(tiny(rare_classes=t), domains)[0] for t in (0.001, 1e6))
    assert cool is not None
    assert even is not None
    # the rarest class, of 0.1 / 4 of the pixels, is in the first tile alone
    assert cool == pytest.approx([1, 0, 0, 0], abs=1e-6)
    # each class alike: the common one's third is shared by four tiles
    assert even == pytest.approx([5 / 12, 5 / 12, 1 / 12, 1 / 12], abs=1e-5)
    assert chances_of(tiny(), domains) == [None, None]
    assert chances_of(tiny(rare_classes=1), domains)[1] is None  # it has no classes


def test_hidden_labels_say_nothing_of_classes(tiny: Tiny, street_tiles: Mapping[str, Path]) -> None:
    """Neither which tiles are drawn more often nor what a class weighs."""
    regime = {"kind": "1/2", "seed": 0}
    config = tiny(
        domains=[{"name": "camera", "tiles": street_tiles["camera"], "regime": regime}],
        tasks=["segmentation"],
        rare_classes=0.01,
        class_balance=1,
    )
    domains = open_domains(config)
    (kept,) = [k for k, name in enumerate(domains[0].names) if domains[0].labelled(name)]
    assert chances_of(config, domains)[0] == pytest.approx([1 / 2, 1 / 2])
    labels = domains[0][kept].targets["segmentation"]
    pixels = np.bincount(labels[labels != IGNORE], minlength=19)
    weights = data_of(config, domains).class_weights
    assert weights is not None
    weighed = np.where(pixels > 0, pixels.sum() / np.count_nonzero(pixels), 0)
    assert weights.numpy() * pixels == pytest.approx(weighed, rel=1e-4)


def test_shares_are_read_from_the_index(seg_tiles: Path) -> None:
    domain = DomainTiles(seg_tiles, ("segmentation",))
    shares = tile_class_shares(seg_tiles, ("ground", "building", "tree"))
    for index, share in enumerate(shares):
        labels = domain[index].targets["segmentation"]
        assert share == pytest.approx([(labels == k).mean() for k in range(3)])


def test_chances_say_how_often_a_tile_is_drawn(seg_tiles: Path) -> None:
    domain = DomainTiles(seg_tiles, ())
    chances = [np.array([0.7, 0.1, 0.2, 0.0])]
    batches = IterationBatches([domain], 4, 200, 0, chances=chances)
    drawn = [name for k in range(200) for name in batches[k][0].tiles]
    counts = [drawn.count(name) / len(drawn) for name in domain.names]
    assert counts == pytest.approx(chances[0], abs=0.05)
    again = IterationBatches([domain], 4, 200, 0, start=50, chances=chances)
    assert again[3][0].tiles == batches[53][0].tiles


def test_whose_tiles_make_an_epoch(tiny: Tiny, seg_tiles: Path, height_tiles: Path) -> None:
    names = {"b": height_tiles, "a": seg_tiles}
    changes = {"iterations": None, "epochs": 3, "batch": 2}
    config = tiny(
        domains=[{"name": name, "tiles": tiles} for name, tiles in names.items()], **changes
    )
    domains = open_domains(config)
    domains[0].names = domains[0].names[:1]
    assert iterations_in(config, domains) == 3 * 2  # the one with classes, though it comes second
    assert iterations_in(config.model_copy(update={"epochs_of": "b"}), domains) == 3


def test_a_batch_of_all_domains(tiny: Tiny) -> None:
    assert tiny(batch=4).batch_a_domain == 4
    assert tiny(batch=4, batch_of="all").batch_a_domain == 2
    with pytest.raises(ValueError, match="batch 3 of all does not part into 2 domains"):
        tiny(batch=3, batch_of="all")
    with pytest.raises(ValueError, match="accumulate 3 is more than a domain has images"):
        tiny(batch=2, accumulate=3)
    with pytest.raises(ValueError, match="epochs_of mars is none of potsdam, vaihingen"):
        tiny(epochs_of="mars")
