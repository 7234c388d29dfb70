"""Vaihingen, of the ISPRS 2D semantic labelling benchmark: 33 areas of some 2000 x 2500 px of 9 cm.

What is known of the files, from public code that reads them:

- Images and labels have the same names; their folders or zips tell them apart.
- Images are near-infrared, red, green and call themselves red, green, blue.
- Files may have no georeference; ``Vaihingen_dsm_tiles_geoinfo.zip`` holds world files named as
  the surface models. Its virtual raster names UTM zone 33; Vaihingen, at 9 degrees east, and the
  coordinates lie in zone 32.
- The heights above ground are grey levels and another author's, not in ISPRS's zips.
"""

from __future__ import annotations

from geosemimtl.data.sets import isprs
from geosemimtl.data.sets.benchmark import Benchmark, Ground, Kind, Variant
from geosemimtl.tasks import HEIGHT, SEGMENTATION
from geosemimtl.tiling.options import TileOptions

_ZIP = "ISPRS_semantic_labeling_Vaihingen"
_IMAGE = r"top_mosaic_09cm_area0?(\d{1,2})"
_MATCHED = r"dsm_09cm_matching_area0?(\d{1,2})"
#: What folders and zips of labels are called.
_LABELLED = r"(?:.*/)?(?:[^/]*(?:gts|ground_truth)[^/]*|labels?)/"
#: Numbers of the areas; 9, 18, 19, 25 and 36 do not occur.
_AREAS = (*range(1, 9), *range(10, 18), *range(20, 25), *range(26, 36), 37, 38)

_LABELS = Kind("labels", rf"{_LABELLED}{_IMAGE}\.tiff?", f"{_ZIP}_ground_truth_COMPLETE.zip")
_NO_BOUNDARY = Kind(
    "labels without boundaries",
    rf"(?:.*/)?{_IMAGE}_noboundary\.tiff?",
    f"{_ZIP}_ground_truth_eroded_COMPLETE.zip",
)
_METRES = Kind("heights in metres", rf"(?:.*/)?ndsm/(?:.*/)?{_MATCHED}\.tiff?", "a folder ndsm")
_GREYS = Kind(
    "heights as grey levels",
    rf"(?:.*/)?{_MATCHED}(?:_normalized)?\.jpe?g",
    "another author's zip of normalised surface models",
)
_SURFACE = Kind("surface models", rf"(?:(?!.*ndsm/).*/)?{_MATCHED}\.tiff?", f"{_ZIP}.zip")
_PLACES = Kind("world files", rf"(?:.*/)?{_MATCHED}\.tfw", "Vaihingen_dsm_tiles_geoinfo.zip")

BENCHMARK = Benchmark(
    name="vaihingen",
    title="ISPRS Vaihingen",
    request=isprs.REQUEST,
    licence=isprs.LICENCE,
    scenes={(str(area),): f"top_mosaic_09cm_area{area}" for area in _AREAS},
    options=TileOptions(gsd_m=0.09, split="vaihingen", value_range=(0, 255), name="vaihingen"),
    variants={
        "irrg": Variant(
            Kind("irrg images", rf"(?:.*/)?top/{_IMAGE}\.tiff?", f"a folder top of {_ZIP}.zip"),
            ("nir", "red", "green"),
        )
    },
    targets={
        SEGMENTATION: isprs.labels(_LABELS),
        HEIGHT: isprs.heights(_METRES, _GREYS, _SURFACE),
    },
    alternatives=isprs.alternatives(_NO_BOUNDARY, _GREYS),
    class_maps=isprs.CLASS_MAPS,
    extras=(_SURFACE,),
    ground=Ground("EPSG:32632", gsd_m=0.09, places=_PLACES),
)
