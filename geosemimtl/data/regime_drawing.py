"""Label regimes of what lies on disk: a tile set, or a list of names."""

from __future__ import annotations

from pathlib import Path

from geosemimtl.data.regimes import (
    LabelRegime,
    RegimeSection,
    read_regime,
    resolve_regime,
    write_regime,
)
from geosemimtl.errors import ConfigError
from geosemimtl.files import require_absent
from geosemimtl.tiling.index import tile_names
from geosemimtl.tiling.tileset import read_tileset


def regime(
    images: str | Path,
    output: str | Path | None = None,
    *,
    wanted: RegimeSection,
    overwrite: bool = False,
) -> LabelRegime:
    """Draw or read which images keep the labels of which tasks, and write it as JSON.

    Args:
        images: A tile set, of which the tiles of the split ``train`` count; or a text file with an
            image's name a line, of which ``wanted`` tells the tasks.
        output: The JSON; ``None`` writes nothing.
        wanted: What to draw, or what to read.
        overwrite: Whether an existing file is replaced.

    Raises:
        ConfigError: The regime cannot be drawn or read, or does not suit the images.
        TileSetError: The tile set is unusable, or has no tile of the split ``train``.
        OutputError: The output exists or cannot be written.
    """
    if output is not None:
        require_absent([Path(output)], overwrite=overwrite)
    names, tasks = _contents(Path(images), wanted)
    made = resolve_regime(wanted, names, tasks)
    if output is not None:
        write_regime(Path(output), made)
    return made


def _contents(path: Path, wanted: RegimeSection) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names in a tile set or list, and the tasks that there are labels for."""
    if not path.is_file():
        tasks = read_tileset(path).tasks  # first: it says what is no tile set
        return tile_names(path), tasks
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is no text; name a tile set, or a list of names") from error
    known = wanted.tasks
    if known is None and wanted.file is not None and wanted.file.suffix == ".json":
        known = read_regime(wanted.file).tasks
    if known is None:
        raise ConfigError(
            f"{path}: is a list of names; say with --tasks what they are labelled for"
        )
    return tuple(line.strip() for line in lines if line.strip()), known
