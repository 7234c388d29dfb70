"""What can be predicted: the tasks, their classes and their units.

Values only. Losses, metrics and decoders are looked up by these names in their own packages, so
that cutting tiles never loads torch.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

SEGMENTATION: Final = "segmentation"
HEIGHT: Final = "height"
TASK_NAMES = (SEGMENTATION, HEIGHT)

#: Value of an unlabelled pixel in every label array and tile of this project.
IGNORE = 255
#: Nodata of every height raster this project writes.
HEIGHT_NODATA = -9999.0


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LandClass(_Frozen):
    """One class of a segmentation: its name, its colour, and how a label raster writes it.

    Attributes:
        name: Lower case, words joined by underscores.
        color: ``#rrggbb``.
        value: The value in the label raster; ``None`` means the class's own index.
    """

    name: str
    color: str = Field(pattern=r"^#[0-9a-fA-F]{6}$")
    value: int | None = None

    @property
    def rgb(self) -> tuple[int, int, int]:
        """The colour as three bytes."""
        return int(self.color[1:3], 16), int(self.color[3:5], 16), int(self.color[5:7], 16)


class Classes(_Frozen):
    """The classes of a segmentation, in the order of their indices, and the values to ignore."""

    entries: tuple[LandClass, ...] = Field(min_length=2, max_length=250)
    ignore: tuple[int, ...] = ()

    @model_validator(mode="after")
    def _unique(self) -> Classes:
        values = [*self.values, *self.ignore]
        if len(set(self.names)) != len(self.names):
            raise ValueError("two classes have the same name")
        if len(set(values)) != len(values):
            raise ValueError("two classes, or a class and an ignored value, share a value")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the order of the indices."""
        return tuple(entry.name for entry in self.entries)

    @property
    def values(self) -> tuple[int, ...]:
        """The label raster's value of each class, in the order of the indices."""
        return tuple(
            index if entry.value is None else entry.value
            for index, entry in enumerate(self.entries)
        )

    def __len__(self) -> int:
        return len(self.entries)


#: The six classes of the ISPRS benchmark, indexed from 0, in the benchmark's own colours.
ISPRS_CLASSES = Classes(
    entries=(
        LandClass(name="impervious", color="#ffffff"),
        LandClass(name="building", color="#0000ff"),
        LandClass(name="low_vegetation", color="#00ffff"),
        LandClass(name="tree", color="#00ff00"),
        LandClass(name="car", color="#ffff00"),
        LandClass(name="clutter", color="#ff0000"),
    ),
    ignore=(IGNORE,),
)


class Segmentation(_Frozen):
    """One class a pixel; C logits, a softmax, blended as probabilities."""

    name: Literal["segmentation"] = SEGMENTATION
    classes: Classes

    @property
    def channels(self) -> int:
        """Channels of the network's output."""
        return len(self.classes)


class Height(_Frozen):
    """Height above ground (nDSM) in metres; the network's linear output is metres / scale.

    Attributes:
        scale_m: Metres that the output 1.0 stands for, one value for all domains of a training.
    """

    name: Literal["height"] = HEIGHT
    scale_m: float = Field(gt=0)

    @property
    def channels(self) -> int:
        """Channels of the network's output."""
        return 1


Task = Annotated[Segmentation | Height, Field(discriminator="name")]
