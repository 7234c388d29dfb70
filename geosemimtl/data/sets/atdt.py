"""The eleven classes of AT/DT, and its farthest depth (Ramirez et al., ICCV 2019).

The order is that of the paper's Table 1. The paper says that cars and bicycles become vehicles;
the authors' code joins cars and motorcycles and ignores bicycles, trucks, buses, trains, riders
and terrain. The maps here follow the code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from geosemimtl.classes import ClassMap, MappedClass
from geosemimtl.data.sets.cityscapes_classes import CLASS_MAPS

#: Depths beyond are masked when AT/DT learns and is evaluated.
FARTHEST_M: Final = 100.0

#: Rows and columns of the crop from the middle in which AT/DT evaluates on KITTI.
KITTI_CROP: Final = (320, 1216)

#: Name and colour, in the order of Table 1.
_CLASSES: Final = {entry.name: entry.color for entry in CLASS_MAPS["atdt11"].entries}


def atdt_map(written: Mapping[str, Sequence[int]], ignore: Sequence[int]) -> ClassMap:
    """Return the eleven classes and the numbers by which a data set writes them.

    Args:
        written: Numbers by class; a class may have none.
        ignore: All numbers that are ignored.
    """
    return ClassMap(
        entries=tuple(
            MappedClass(name=name, color=color, written=tuple(written.get(name, ())))
            for name, color in _CLASSES.items()
        ),
        ignore=tuple(ignore),
    )


#: As AT/DT's own label files write it: the classes' indices; all else is ignored.
ATDT_MAP: Final = atdt_map(
    {name: (index,) for index, name in enumerate(_CLASSES)}, ignore=range(len(_CLASSES), 256)
)
