"""The data sets that are known by name; a new one is one file here and one line below."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from geosemimtl.errors import ConfigError

if TYPE_CHECKING:  # rasterio; --help wants the names alone
    from geosemimtl.data.sets.benchmark import Benchmark

#: The module that holds each data set's ``BENCHMARK``.
DATA_SETS = {
    "potsdam": "geosemimtl.data.sets.potsdam",
    "vaihingen": "geosemimtl.data.sets.vaihingen",
    "cityscapes": "geosemimtl.data.sets.cityscapes",
    "cityscapes_extra": "geosemimtl.data.sets.cityscapes_extra",
    "synscapes": "geosemimtl.data.sets.synscapes",
    "kitti2012": "geosemimtl.data.sets.kitti2012",
    "kitti2015": "geosemimtl.data.sets.kitti2015",
    "synthia_sf": "geosemimtl.data.sets.synthia_sf",
    "carla": "geosemimtl.data.sets.carla",
    "nyuv2_mtan": "geosemimtl.data.sets.nyuv2_mtan",
    "cityscapes_mtan": "geosemimtl.data.sets.cityscapes_mtan",
    "pascal_context": "geosemimtl.data.sets.pascal_context",
}


def benchmark_of(name: str) -> Benchmark:
    """Return what is known of a data set.

    Raises:
        ConfigError: None has this name.
    """
    if name not in DATA_SETS:
        raise ConfigError(f"--dataset {name}: unknown; choose from {', '.join(DATA_SETS)}")
    known: Benchmark = import_module(DATA_SETS[name]).BENCHMARK
    return known
