"""Open the layers of a GeoPackage in QGIS without a screen and say in JSON what it makes of them.

Run by the system's Python, which is the one that has QGIS:
``QT_QPA_PLATFORM=offscreen /usr/bin/python3 qgis_vectors_check.py GPKG LAYER...``
"""

import json
import sys
from typing import Any

from qgis._3d import Qgs3D
from qgis.core import QgsApplication, QgsReadWriteContext, QgsVectorLayer
from qgis.PyQt.QtXml import QDomDocument


def raised(layer: QgsVectorLayer) -> str:
    """Return the 3D renderer as QGIS writes it; empty without one."""
    renderer = layer.renderer3D()
    if renderer is None:
        return ""
    document = QDomDocument()
    element = document.createElement("renderer")
    document.appendChild(element)
    renderer.writeXml(element, QgsReadWriteContext())
    text: str = document.toString()
    return text


def facts(path: str, name: str) -> dict[str, Any]:
    """Return what QGIS makes of a layer, with the style that it found."""
    layer = QgsVectorLayer(f"{path}|layername={name}", name, "ogr")
    items = layer.renderer().legendSymbolItems()
    return {
        "valid": layer.isValid(),
        "crs": layer.crs().authid(),
        "features": layer.featureCount(),
        "sound": all(feature.geometry().isGeosValid() for feature in layer.getFeatures()),
        "legend": [(item.label(), item.symbol().color().name()) for item in items],
        "raised": raised(layer),
    }


def main() -> None:
    """Print the facts by layer."""
    QgsApplication.setPrefixPath("/usr", True)
    application = QgsApplication([], False)
    application.initQgis()
    Qgs3D.initialize()
    path, *names = sys.argv[1:]
    found = {name: facts(path, name) for name in names}
    application.exitQgis()
    sys.stdout.write(json.dumps(found))


main()
