"""Land cover and height from orthophotos whose sensors are each labelled for only some tasks.

The functions named here are those behind the commands of the same names. They are loaded when
first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geosemimtl.data.regime_drawing import regime
    from geosemimtl.demonstration.city import demo
    from geosemimtl.experiments.running import experiment
    from geosemimtl.inference.evaluation.scenes import evaluate
    from geosemimtl.inference.inspection.contents import info
    from geosemimtl.inference.inspection.scenes import check
    from geosemimtl.inference.predictor import predict
    from geosemimtl.publish.export.exporting import export
    from geosemimtl.terrain.subtraction import ndsm
    from geosemimtl.tiling.cutting import tile
    from geosemimtl.training.trainer import train
    from geosemimtl.vectors.vectorization import vectorize

__all__ = [
    "check",
    "demo",
    "evaluate",
    "experiment",
    "export",
    "info",
    "ndsm",
    "predict",
    "regime",
    "tile",
    "train",
    "vectorize",
]

_HOMES = {
    "check": "inference.inspection.scenes",
    "demo": "demonstration.city",
    "evaluate": "inference.evaluation.scenes",
    "experiment": "experiments.running",
    "export": "publish.export.exporting",
    "info": "inference.inspection.contents",
    "ndsm": "terrain.subtraction",
    "predict": "inference.predictor",
    "regime": "data.regime_drawing",
    "tile": "tiling.cutting",
    "train": "training.trainer",
    "vectorize": "vectors.vectorization",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"geosemimtl has no {name}; it has {', '.join(__all__)}")
    return getattr(import_module(f"geosemimtl.{_HOMES[name]}"), name)
