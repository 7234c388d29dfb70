"""The model file: one safetensors whose header says everything that predict needs.

An exported model (ONNX) carries the same card and can be predicted with, but not trained on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from geosemimtl.config import NetworkConfig
from geosemimtl.errors import ConfigError, ModelFileError, OutputError
from geosemimtl.files import REMEDY
from geosemimtl.models.network import MultiTaskNetwork, build_network
from geosemimtl.tasks import Task
from geosemimtl.tiling.tileset import BandStatistics
from geosemimtl.training import onnx_file

#: Under which the card stands in a file's metadata.
CARD_KEY = "geosemimtl"
#: Of the card's schema.
_VERSION = 1
SUFFIX = ".safetensors"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DomainCard(_Frozen):
    """One domain that a model learned from.

    Attributes:
        name: Of the domain, such as its sensor's.
        scenes: Names of its scenes.
        tiles: How many tiles were used.
        supervises: Tasks whose labels were used.
        pixels: Labelled pixels of the training's tiles by these tasks, each pixel once; ``None``
            in older files, and where a label regime kept some of them.
        images: Labelled images by task, where a label regime says which.
        dtype: Pixel type of its images.
        value_range: Pixel values that map to 0 and 1.
        statistics: Of each band.
    """

    name: str
    scenes: tuple[str, ...]
    tiles: int
    supervises: tuple[str, ...]
    pixels: dict[str, int] | None = None
    images: dict[str, int] | None = None
    dtype: str
    value_range: tuple[float, float]
    statistics: tuple[BandStatistics, ...]


class ValidationCard(_Frozen):
    """When in its training a model's weights were taken, and what they came to on validation tiles.

    Attributes:
        taken: ``best`` of all validations by the rule, or ``last``, as the training left them.
        iteration: Iterations that had been done then.
        scores: ``DOMAIN/mean_iou`` as a share and ``DOMAIN/rmse_m`` then, by tiles.
        score: By the rule; ``None`` where there was nothing to go by.
        rule: How that is made of the scores.
        validations: How many there were in the training.
        iterations: After which the training ended, of those planned where it ended early.
    """

    taken: Literal["best", "last"]
    iteration: int
    scores: dict[str, float]
    score: float | None
    rule: str
    validations: int
    iterations: int


def _both(side: Any) -> Any:
    return (side, side) if isinstance(side, int) else side


class ModelCard(_Frozen):
    """What a model is, where it comes from and what it wants.

    Attributes:
        version: Of this schema.
        name: The training's name.
        network: Architecture; the initial weights' source is history, not needed to load.
        tasks: What is predicted, with classes and units.
        bands: Names of the bands wanted, in order.
        mean: Of each band in [0, 1], what inputs are shifted by.
        std: Of each band, what inputs are divided by.
        dtype: Pixel type of the training scenes, ``None`` where the domains' differ.
        value_range: Pixel values that map to 0 and 1, likewise; a scene has to come with its own
            then, or with its sensor's name.
        gsd_m: Metres on the ground of a pixel; ``None`` of images that lie nowhere on the ground,
            which are resized to ``tile_px``.
        tile_px: (rows, columns) of the tiles to predict; older files say one side for both.
        overlap_px: What neighbouring tiles share.
        domains: The data.
        training: The training's configuration, folders by name only.
        versions: Of the packages that matter.
        validation: Whether and how its weights were chosen; ``None`` where nothing was validated,
            so that they are the last.
    """

    version: Literal[1] = 1
    name: str
    network: NetworkConfig
    tasks: tuple[Task, ...]
    bands: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    dtype: str | None
    value_range: tuple[float, float] | None
    gsd_m: float | None
    tile_px: Annotated[tuple[int, int], BeforeValidator(_both)]
    overlap_px: int
    domains: tuple[DomainCard, ...]
    training: dict[str, Any]
    versions: dict[str, str]
    validation: ValidationCard | None = None

    def domain(self, sensor: str | None) -> DomainCard | None:
        """Return the training's domain of a name, ``None`` where none is named.

        Raises:
            ConfigError: There is no such domain, or one has to be named, for the model keeps the
                statistics of its sensors apart.
        """
        known = {domain.name: domain for domain in self.domains}
        if sensor is None and self.network.norm == "per_domain":
            raise ConfigError(
                "the model keeps the statistics of its sensors apart: say with --sensor which took "
                f"the scene, of {', '.join(known)}"
            )
        if sensor is not None and sensor not in known:
            raise ConfigError(
                f"--sensor {sensor}: the model learned from {', '.join(known) or 'none'}"
            )
        return None if sensor is None else known[sensor]


def save_model(path: Path, network: nn.Module | Mapping[str, Tensor], card: ModelCard) -> None:
    """Write a model file whole or not at all.

    Args:
        path: The file.
        network: The network, or its state.
        card: What is to be known of it.

    Raises:
        OutputError: The folder cannot be written, or the disk is full.
    """
    part = path.with_name(f".{path.name}.part")
    weights = network.state_dict() if isinstance(network, nn.Module) else network
    # copies: statistics kept apart share their memory with the layer that uses them
    state = {name: tensor.contiguous().cpu().clone() for name, tensor in weights.items()}
    try:
        part.touch()  # with the mode that the user's files have; safetensors makes its own 0600
        mode = part.stat().st_mode
        save_file(state, part, metadata={CARD_KEY: card.model_dump_json()})
        part.chmod(mode)
        part.replace(path)
    except (OSError, SafetensorError) as error:
        raise OutputError(f"{path}: cannot be written ({error}); {REMEDY}") from error
    finally:
        part.unlink(missing_ok=True)


def read_card(path: Path) -> ModelCard:
    """Read the card of a model file or an exported model, not its weights.

    Raises:
        ModelFileError: The file is missing, damaged, or not of this project.
        ConfigError: It is an ONNX file, and the packages for such files are not installed.
    """
    if path.is_dir():
        raise ModelFileError(f"{path}: is a folder; name the .safetensors in it")
    if not path.is_file():
        raise ModelFileError(f"{path}: no such model file; train one with geosemimtl train")
    exported = path.suffix == onnx_file.SUFFIX
    text = (onnx_file.onnx_metadata if exported else _header)(path).get(CARD_KEY)
    if text is None:
        hint = ", or for Deepness" if exported else ""
        raise ModelFileError(
            f"{path}: carries no geosemimtl model card; it is another program's{hint}"
        )
    _refuse_newer(path, text)
    try:
        return ModelCard.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ModelFileError(
            f"{path}: model card: {where or 'text'}: {first['msg']}; it is damaged, or of another "
            "version of geosemimtl"
        ) from error


def _header(path: Path) -> dict[str, str]:
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise ModelFileError(
            f"{path}: is no whole safetensors file ({error}); copy it again or train anew"
        ) from error


def _refuse_newer(path: Path, text: str) -> None:
    version = None
    with suppress(ValueError, AttributeError):  # said better by what reads the whole card
        version = json.loads(text).get("version")
    if isinstance(version, int) and version > _VERSION:
        raise ModelFileError(
            f"{path}: was written by a newer geosemimtl (model card {version}, known up to "
            f"{_VERSION}): upgrade with pip install -U geosemimtl"
        )


def load_model(
    path: Path, sensor: str | None = None, *, any_domain: bool = False
) -> tuple[MultiTaskNetwork, ModelCard]:
    """Build a model file's network and load its weights, in evaluation mode.

    Args:
        path: The model file.
        sensor: The domain whose statistics batch normalisation is to use, where the model keeps
            them apart (``norm: per_domain``).
        any_domain: Whether none need be chosen.

    Raises:
        ModelFileError: As ``read_card``, the weights do not fit the card, or it was exported.
        ConfigError: A domain has to be chosen and is not, or there is none of that name.
    """
    if path.suffix == onnx_file.SUFFIX:
        raise ModelFileError(
            f"{path}: is an exported model, which can only be predicted with; "
            f"name the {SUFFIX} that it was made of"
        )
    card = read_card(path)
    domain = None if any_domain else card.domain(sensor)
    network = build_network(
        card.network, card.tasks, len(card.bands), len(card.domains), initial=False
    )
    try:
        network.load_state_dict(load_file(path))
    except (RuntimeError, SafetensorError) as error:
        summary = " ".join(str(error).split())[:300]
        raise ModelFileError(
            f"{path}: the weights do not fit the card ({summary}); copy it again or train anew"
        ) from error
    if domain is not None:
        network.use_domain(card.domains.index(domain))
    return network.eval(), card


def newest_model(folder: Path = Path("runs")) -> Path:
    """Return the model file that was written last under a folder.

    Raises:
        ModelFileError: There is none.
    """
    models = sorted(folder.glob(f"**/*{SUFFIX}"), key=lambda path: (path.stat().st_mtime_ns, path))
    if not models:
        raise ModelFileError(
            f"{folder}: holds no model; train one with geosemimtl train or name one with --model"
        )
    return models[-1]
