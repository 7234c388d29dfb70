"""The model cards of a training."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from geosemimtl.data.tiles import DomainTiles
from geosemimtl.training.config import TrainConfig
from geosemimtl.training.model_file import DomainCard, ModelCard, ValidationCard
from geosemimtl.training.module import Data
from geosemimtl.training.validation import RULE, Scores
from geosemimtl.training.watching import Watcher

#: Packages whose versions decide what comes out.
_PACKAGES = ("geosemimtl", "torch", "torchgeo", "segmentation-models-pytorch", "timm", "rasterio")


def _without_folders(config: TrainConfig) -> TrainConfig:
    """Name files and folders without where they lie: a model file tells nothing of its machine."""
    weights = config.network.weights
    return config.model_copy(
        update={
            "domains": tuple(
                domain.model_copy(update={"tiles": Path(domain.tiles.resolve().name)})
                for domain in config.domains
            ),
            "network": config.network.model_copy(
                update={"weights": weights and Path(weights).name}
            ),
        }
    )


def model_card(config: TrainConfig, data: Data, domains: Sequence[DomainTiles]) -> ModelCard:
    """Return the card of a training's model, which nothing has been validated of."""
    first = domains[0].tileset
    config = _without_folders(config)
    ranges = {domain.tileset.value_range for domain in domains}
    types = {domain.tileset.dtype for domain in domains}
    return ModelCard(
        name=config.name,
        network=config.network,
        tasks=data.tasks,
        bands=first.bands,
        mean=tuple(data.mean.tolist()),
        std=tuple(data.std.tolist()),
        dtype=first.dtype if len(types) == 1 else None,
        value_range=first.value_range if len(ranges) == 1 else None,
        gsd_m=first.gsd_m,
        tile_px=first.size_px,
        overlap_px=first.overlap_px,
        domains=tuple(
            DomainCard(
                name=entry.name,
                scenes=tuple(source.name for source in domain.tileset.sources),
                tiles=len(domain),
                supervises=domain.supervises,
                pixels=None
                if domain.regime
                else {task: domain.tileset.labelled_pixels()[task] for task in domain.supervises},
                images=domain.regime and domain.regime.counts,
                dtype=domain.tileset.dtype,
                value_range=domain.tileset.value_range,
                statistics=domain.tileset.statistics,
            )
            for entry, domain in zip(config.domains, domains, strict=True)
        ),
        training=config.model_dump(mode="json"),
        versions={"python": platform.python_version()}
        | {name: version(name) for name in _PACKAGES},
    )


def validation_card(
    taken: Literal["best", "last"], scores: Scores, watcher: Watcher, iterations: int
) -> ValidationCard:
    """Return what is to be known of weights that were validated.

    Args:
        taken: Which weights they are.
        scores: Theirs.
        watcher: What looked at the training.
        iterations: After which that ended.
    """
    return ValidationCard(
        taken=taken,
        iteration=scores.iteration,
        scores=dict(scores.named),
        score=scores.score,
        rule=RULE,
        validations=watcher.validations,
        iterations=iterations,
    )
