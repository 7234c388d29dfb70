"""Tile sets of a training that are cut first, from data sets known by name."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from geosemimtl.data.sets.benchmark import Wanted
from geosemimtl.data.sets.finding import find_data_set
from geosemimtl.data.sets.registry import benchmark_of
from geosemimtl.errors import ConfigError
from geosemimtl.progress import Track, silent
from geosemimtl.tiling.cutting import tile
from geosemimtl.tiling.tileset import MANIFEST
from geosemimtl.training.config import DataSetSection, DomainConfig, TrainConfig

_LOG = logging.getLogger(__name__)


def cut_data_sets(
    config: TrainConfig, roots: Mapping[str, Path] | None = None, track: Track = silent
) -> None:
    """Cut the tile sets of domains that name a data set, as far as they are not there.

    Args:
        config: The training.
        roots: Folders of data sets by their name, where the configuration does not say them.
        track: Shows progress.

    Raises:
        ConfigError: A folder is needed and not named, or is of a data set that no domain is of.
        TileSetError: A data set lacks files; the message says which.
        GeoSemiMTLError: It cannot be cut.
    """
    roots = dict(roots or {})
    sections = [(domain, domain.dataset) for domain in config.domains if domain.dataset]
    known = [section.name for _, section in sections]
    if strange := [name for name in roots if name not in known]:
        raise ConfigError(
            f"--dataset {strange[0]}: no domain is of it; they are of {', '.join(known) or 'none'}"
        )
    for domain, section in sections:
        if not (domain.tiles / MANIFEST).exists():
            root = roots.get(section.name, section.root)
            _cut(config, domain, section, root, track)


def _cut(
    config: TrainConfig,
    domain: DomainConfig,
    section: DataSetSection,
    root: Path | None,
    track: Track,
) -> None:
    if root is None:
        raise ConfigError(
            f"{domain.tiles}: is no tile set yet: say where the data set is, with --dataset "
            f"{section.name} FOLDER or the key root beside its name"
        )
    targets = benchmark_of(section.name).targets
    # what the training predicts is wanted, too, where it does not supervise: it is scored by it
    tasks = section.tasks or tuple(task for task in config.tasks if task in targets)
    wanted = Wanted(section.variant, tasks, section.classes, section.alternatives)
    data = find_data_set(section.name, root, wanted)
    for remark in data.remarks:
        _LOG.warning("%s: %s", root, remark)
    options = data.options
    if section.resize is not None:
        options = replace(options, resize=section.resize)
    tile(replace(data, options=options), domain.tiles, track=track)
