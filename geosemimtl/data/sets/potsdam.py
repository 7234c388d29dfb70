"""Potsdam, of the ISPRS 2D semantic labelling benchmark: 38 patches of 6000 x 6000 px of 5 cm.

What is known of the files, from public code that reads them:

- Numbers are padded with zeros in the names of the surface models only.
- ``top_potsdam_4_12_label.tif`` is a lossy copy of 24,850 colours, and most cars of
  ``top_potsdam_6_7_label.tif`` are (252, 255, 0): colours are rounded.
- ``dsm_potsdam_03_13`` lacks the last column, in the surface model and in the JPEG.
- The JPEGs of heights have no georeference: they lie on the pixels of the image. Those called
  ``ownapproach`` are partly empty and are not used.
- The fourth band of RGBIR files calls itself alpha and is near-infrared.
"""

from __future__ import annotations

from geosemimtl.data.sets import isprs
from geosemimtl.data.sets.benchmark import Benchmark, Ground, Kind, Variant
from geosemimtl.tasks import HEIGHT, SEGMENTATION
from geosemimtl.tiling.options import TileOptions

_PATCH = r"_potsdam_0?(\d{1,2})_0?(\d{1,2})"
#: Rows of the benchmark's map, and the first and last column that each has.
_ROWS = {2: (10, 14), 3: (10, 14), 4: (10, 15), 5: (10, 15), 6: (7, 15), 7: (7, 13)}
_RGB = ("red", "green", "blue")


def _images(name: str, folder: str) -> Kind:
    pattern = rf"(?:.*/)?top{_PATCH}_{name}\.tiff?"
    return Kind(f"{name} images", pattern, f"{folder}.zip")


_LABELS = Kind("labels", rf"(?:.*/)?top{_PATCH}_label\.tiff?", "5_Labels_all.zip")
_NO_BOUNDARY = Kind(
    "labels without boundaries",
    rf"(?:.*/)?top{_PATCH}_label_noboundary\.tiff?",
    "5_Labels_all_noBoundary.zip",
)
_METRES = Kind("heights in metres", rf"(?:.*/)?ndsm/(?:.*/)?dsm{_PATCH}\.tiff?", "a folder ndsm")
_GREYS = Kind(
    "heights as grey levels",
    rf"(?:.*/)?dsm{_PATCH}_normalized_lastools\.jpe?g",
    "1_DSM_normalisation.zip",
)
_SURFACE = Kind("surface models", rf"(?:(?!.*ndsm/).*/)?dsm{_PATCH}\.tiff?", "1_DSM.zip")

BENCHMARK = Benchmark(
    name="potsdam",
    title="ISPRS Potsdam",
    request=isprs.REQUEST,
    licence=isprs.LICENCE,
    scenes={
        (str(row), str(column)): f"top_potsdam_{row}_{column}"
        for row, (first, last) in _ROWS.items()
        for column in range(first, last + 1)
    },
    options=TileOptions(gsd_m=0.09, split="potsdam", value_range=(0, 255), name="potsdam"),
    variants={
        "irrg": Variant(_images("irrg", "3_Ortho_IRRG"), ("nir", "red", "green")),
        "rgb": Variant(_images("rgb", "2_Ortho_RGB"), _RGB),
        "rgbir": Variant(_images("rgbir", "4_Ortho_RGBIR"), (*_RGB, "nir")),
    },
    targets={
        SEGMENTATION: isprs.labels(_LABELS),
        HEIGHT: isprs.heights(_METRES, _GREYS, _SURFACE),
    },
    alternatives=isprs.alternatives(_NO_BOUNDARY, _GREYS),
    class_maps=isprs.CLASS_MAPS,
    extras=(_SURFACE,),
    ground=Ground("EPSG:32633"),
)
