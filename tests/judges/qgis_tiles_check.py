"""Open the index of a tile set in QGIS without a screen and say in JSON what it makes of it.

Run by the system's Python, which is the one that has QGIS:
``QT_QPA_PLATFORM=offscreen /usr/bin/python3 qgis_tiles_check.py TILES_GPKG``
"""

import json
import sys
from typing import Any

from qgis.core import QgsApplication, QgsVectorLayer


def facts(path: str) -> dict[str, Any]:
    """Return what QGIS makes of a GeoPackage; the layer must be gone before QGIS is."""
    layer = QgsVectorLayer(f"{path}|layername=tiles", "tiles", "ogr")
    names = layer.fields().names()
    rows = [
        {
            **dict(zip(names, map(str, feature.attributes()))),  # noqa: B905  (QGIS' own Python)
            "area": feature.geometry().area(),
            "sound": feature.geometry().isGeosValid(),
        }
        for feature in layer.getFeatures()
    ]
    return {
        "valid": layer.isValid(),
        "crs": layer.crs().authid(),
        "proj": layer.crs().toProj(),
        "left": layer.extent().xMinimum(),
        "rows": rows,
    }


def main() -> None:
    """Print the facts, with all that QGIS logs meanwhile."""
    QgsApplication.setPrefixPath("/usr", True)
    application = QgsApplication([], False)
    application.initQgis()
    said: list[str] = []
    application.messageLog().messageReceived.connect(lambda *message: said.append(str(message[0])))
    found = facts(sys.argv[1])
    application.exitQgis()
    sys.stdout.write(json.dumps(found | {"said": said}))


main()
