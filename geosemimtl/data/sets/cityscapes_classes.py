"""The classes of Cityscapes, and what others make of them; Synscapes writes the same numbers.

Names, numbers, categories and colours are those of the data set's own table of labels. License
plates (-1) are drawn in no file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from geosemimtl.classes import IGNORE, ClassMap, MappedClass


class Label(NamedTuple):
    """One label: what it is called, its category, its colour, and whether it is evaluated."""

    name: str
    category: str
    color: str
    is_evaluated: bool = True


#: By number; those that are not evaluated are ignored in the 19 classes.
LABELS = {
    0: Label("unlabeled", "void", "#000000", is_evaluated=False),
    1: Label("ego_vehicle", "void", "#000000", is_evaluated=False),
    2: Label("rectification_border", "void", "#000000", is_evaluated=False),
    3: Label("out_of_roi", "void", "#000000", is_evaluated=False),
    4: Label("static", "void", "#000000", is_evaluated=False),
    5: Label("dynamic", "void", "#6f4a00", is_evaluated=False),
    6: Label("ground", "void", "#510051", is_evaluated=False),
    7: Label("road", "flat", "#804080"),
    8: Label("sidewalk", "flat", "#f423e8"),
    9: Label("parking", "flat", "#faaaa0", is_evaluated=False),
    10: Label("rail_track", "flat", "#e6968c", is_evaluated=False),
    11: Label("building", "construction", "#464646"),
    12: Label("wall", "construction", "#66669c"),
    13: Label("fence", "construction", "#be9999"),
    14: Label("guard_rail", "construction", "#b4a5b4", is_evaluated=False),
    15: Label("bridge", "construction", "#966464", is_evaluated=False),
    16: Label("tunnel", "construction", "#96785a", is_evaluated=False),
    17: Label("pole", "object", "#999999"),
    18: Label("polegroup", "object", "#999999", is_evaluated=False),
    19: Label("traffic_light", "object", "#faaa1e"),
    20: Label("traffic_sign", "object", "#dcdc00"),
    21: Label("vegetation", "nature", "#6b8e23"),
    22: Label("terrain", "nature", "#98fb98"),
    23: Label("sky", "sky", "#4682b4"),
    24: Label("person", "human", "#dc143c"),
    25: Label("rider", "human", "#ff0000"),
    26: Label("car", "vehicle", "#00008e"),
    27: Label("truck", "vehicle", "#000046"),
    28: Label("bus", "vehicle", "#003c64"),
    29: Label("caravan", "vehicle", "#00005a", is_evaluated=False),
    30: Label("trailer", "vehicle", "#00006e", is_evaluated=False),
    31: Label("train", "vehicle", "#005064"),
    32: Label("motorcycle", "vehicle", "#0000e6"),
    33: Label("bicycle", "vehicle", "#770b20"),
}
SKY = 23

#: Names of the classes that MTPSL and MTAN learn, in the order of the categories' numbers, and
#: the label whose colour each has.
_CATEGORIES = {
    "flat": 7,
    "construction": 11,
    "object": 17,
    "nature": 21,
    "sky": 23,
    "human": 24,
    "vehicle": 26,
}
#: In the order of AT/DT's Table 1. The paper joins bicycles to vehicles; the authors' code joins
#: motorcycles, and ignores bicycles, trucks, buses, trains, riders and terrain, as is done here.
_ATDT = {
    "road": (7,),
    "sidewalk": (8,),
    "wall": (12,),
    "fence": (13,),
    "person": (24,),
    "pole": (17,),
    "vegetation": (21,),
    "vehicle": (26, 32),
    "traffic_sign": (20, 19),
    "building": (11,),
    "sky": (23,),
}


def _class_map(classes: Mapping[str, tuple[int, ...]]) -> ClassMap:
    """Return a class map; a class has the colour of its first label, all other labels are ignored.

    Colours are not what the files write, so two classes may be parted by number alone.
    """
    used = {number for numbers in classes.values() for number in numbers}
    return ClassMap(
        entries=tuple(
            MappedClass(name=name, color=LABELS[numbers[0]].color, written=numbers)
            for name, numbers in classes.items()
        ),
        ignore=(*(number for number in LABELS if number not in used), IGNORE),
    )


#: By name; the first, of 19 classes, is the benchmark's own.
CLASS_MAPS = {
    "cityscapes19": _class_map(
        {label.name: (number,) for number, label in LABELS.items() if label.is_evaluated}
    ),
    "mtpsl7": _class_map(
        {
            category: (
                first,
                *(n for n, label in LABELS.items() if label.category == category and n != first),
            )
            for category, first in _CATEGORIES.items()
        }
    ),
    "atdt11": _class_map(_ATDT),
}
