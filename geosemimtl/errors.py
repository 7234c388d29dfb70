"""Exceptions a user can do something about.

    GeoSemiMTLError
    ├── SceneError (OSError)         a raster cannot be read, or is not what it should be
    │   ├── GridError                its CRS or geotransform is missing or unusable
    │   └── BandError                its bands do not fit what is wanted
    ├── LabelError (ValueError)      a label or height raster does not fit its scene or classes
    ├── TileSetError (ValueError)    a tile set is missing, empty, unreadable or does not fit
    ├── ModelFileError (ValueError)  a model file is missing, unreadable or does not fit
    ├── BatchError                   some scenes of a batch failed; the others are done
    ├── TrainingError                a training came to values that are not finite
    ├── ConfigError (ValueError)     a configuration has an unknown key or a bad value
    ├── OutputError (OSError)        an output exists already or cannot be written
    └── MachineError                 memory ran out, or a process was stopped from outside

Each message says what is wrong, where (file and value) and the remedy, in one line. The
command line prints it and exits with status 1.
"""

from collections.abc import Sequence
from typing import Any


class GeoSemiMTLError(Exception):
    """Base of every error this package raises on purpose."""


class SceneError(GeoSemiMTLError, OSError):
    """A raster cannot be read, or is not what it should be."""


class GridError(SceneError):
    """A raster's CRS or geotransform is missing or unusable."""


class BandError(SceneError):
    """A raster's bands do not fit what is wanted."""


class LabelError(GeoSemiMTLError, ValueError):
    """A label or height raster does not fit its scene or its classes."""


class TileSetError(GeoSemiMTLError, ValueError):
    """A tile set is missing, empty, unreadable or does not fit."""


class ModelFileError(GeoSemiMTLError, ValueError):
    """A model file is missing, unreadable or does not fit the scene."""


#: Failures of a batch that are said one by one.
_SHOWN = 20


class BatchError(GeoSemiMTLError):
    """Some scenes of a batch failed; the others are done.

    Attributes:
        failures: One error a scene.
        done: What was made of the others, where that is not lost otherwise.
    """

    def __init__(
        self, message: str, failures: Sequence[GeoSemiMTLError], done: Sequence[Any] = ()
    ) -> None:
        shown = [str(failure) for failure in failures[:_SHOWN]]
        if (more := len(failures) - len(shown)) > 0:
            shown.append(f"and {more} more")
        super().__init__("\n  ".join([message, *shown]))
        self.failures = tuple(failures)
        self.done = tuple(done)


class TrainingError(GeoSemiMTLError):
    """A training came to values that are not finite."""


class ConfigError(GeoSemiMTLError, ValueError):
    """A configuration has an unknown key or a bad value."""


class MachineError(GeoSemiMTLError):
    """Memory ran out, or a process was stopped from outside; nothing is wrong with the input."""


class OutputError(GeoSemiMTLError, OSError):
    """An output exists already or cannot be written."""


def named_by(error: GeoSemiMTLError, path: object) -> GeoSemiMTLError:
    """Return an error that names a file, for where several may be meant."""
    return error if str(path) in str(error) else type(error)(f"{path}: {error}")
