"""What can be predicted: the tasks, their kinds and their units.

Values only. Losses, metrics and decoders are looked up by these names in their own packages, so
that cutting tiles never loads torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from geosemimtl.classes import IGNORE, Classes

SEGMENTATION: Final = "segmentation"
HUMAN_PARTS: Final = "human_parts"
HEIGHT: Final = "height"
DEPTH: Final = "depth"
INVERSE_DEPTH: Final = "inverse_depth"
DISPARITY: Final = "disparity"
NORMALS: Final = "normals"
SALIENCY: Final = "saliency"
EDGES: Final = "edges"

ClassTask = Literal["segmentation", "human_parts"]
QuantityTask = Literal["height", "depth", "inverse_depth", "disparity"]
BinaryTask = Literal["saliency", "edges"]
TaskName = Literal[ClassTask, QuantityTask, "normals", BinaryTask]
TASK_NAMES: tuple[TaskName, ...] = get_args(TaskName)

#: Nodata of every raster of real numbers this project writes.
NODATA = -9999.0


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Kind(StrEnum):
    """What a task says of a pixel; all that differs between tasks follows from it."""

    CLASSES = "classes"
    BINARY = "binary"
    QUANTITY = "quantity"
    DIRECTION = "direction"


class Form(NamedTuple):
    """How labels of a kind are kept, as arrays and as tiles.

    Attributes:
        dtype: numpy name of their type.
        nodata: What stands where nothing is known.
        channels: Numbers a pixel.
    """

    dtype: str
    nodata: float
    channels: int = 1


FORMS: Mapping[Kind, Form] = {
    Kind.CLASSES: Form("uint8", IGNORE),
    Kind.BINARY: Form("uint8", IGNORE),
    Kind.QUANTITY: Form("float32", NODATA),
    Kind.DIRECTION: Form("float32", NODATA, 3),
}
#: Of real numbers by task; a disparity counts pixels of the images as they were taken.
UNITS: Mapping[str, str] = {HEIGHT: "m", DEPTH: "m", INVERSE_DEPTH: "1/m", DISPARITY: "px"}


def kind_of(task: str) -> Kind:
    """Return what a task says of a pixel, by its name."""
    if task in UNITS:
        return Kind.QUANTITY
    if task == NORMALS:
        return Kind.DIRECTION
    return Kind.BINARY if task in get_args(BinaryTask) else Kind.CLASSES


def form_of(task: str) -> Form:
    """Return how a task's labels are kept, by its name."""
    return FORMS[kind_of(task)]


class Segmentation(_Frozen):
    """One class a pixel; C logits, a softmax, blended as probabilities."""

    name: ClassTask = SEGMENTATION
    classes: Classes

    @property
    def channels(self) -> int:
        """Channels of the network's output."""
        return len(self.classes)


class Quantity(_Frozen):
    """One real number a pixel; the network's linear output is that number / scale.

    Attributes:
        scale: What the output 1.0 stands for in the task's unit (``UNITS``), one value for all
            domains of a training.
    """

    name: QuantityTask
    scale: float = Field(gt=0)

    @model_validator(mode="before")
    @classmethod
    def _older(cls, fields: Any) -> Any:
        """Take what model files of heights alone say."""
        if isinstance(fields, dict) and "scale_m" in fields:
            return {"scale" if key == "scale_m" else key: v for key, v in fields.items()}
        return fields

    @property
    def channels(self) -> int:
        """Channels of the network's output."""
        return 1

    @property
    def unit(self) -> str:
        """Of the numbers."""
        return UNITS[self.name]


class Normals(_Frozen):
    """The unit vector that a surface faces along: x right, y down, z forward from the camera."""

    name: Literal["normals"] = NORMALS

    @property
    def channels(self) -> int:
        """Channels of the network's output."""
        return 3


class Binary(_Frozen):
    """Yes or no; one logit, a sigmoid, blended as a probability."""

    name: BinaryTask

    @property
    def channels(self) -> int:
        """Channels of the network's output."""
        return 1


Task = Annotated[Segmentation | Quantity | Normals | Binary, Field(discriminator="name")]
