"""Open rasters in QGIS without a screen and say in JSON what it makes of them.

Run by the system's Python, which is the one that has QGIS:
``QT_QPA_PLATFORM=offscreen /usr/bin/python3 qgis_check.py OUTPUT_FOLDER RASTER...``
A PNG of each raster, drawn with the style that QGIS chose, is left in the folder.
"""

import json
import sys
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsApplication,
    QgsMapRendererSequentialJob,
    QgsMapSettings,
    QgsRasterLayer,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor

#: Longer side of the picture.
SIDE_PX = 600


def legend(layer: QgsRasterLayer) -> list[tuple[str, str]]:
    """Return the legend's entries as (label, colour)."""
    return [(label, color.name()) for label, color in layer.renderer().legendSymbologyItems()]


def ramp(layer: QgsRasterLayer) -> list[tuple[float, str, str]]:
    """Return a pseudo-colour renderer's entries as (value, colour, label); none for others."""
    if layer.renderer().type() != "singlebandpseudocolor":
        return []
    shader = layer.renderer().shader().rasterShaderFunction()
    return [(item.value, item.color.name(), item.label) for item in shader.colorRampItemList()]


def draw(layer: QgsRasterLayer, path: Path) -> dict[str, int]:
    """Draw the layer and return the colours of the picture with their counts."""
    extent = layer.extent()
    scale = SIDE_PX / max(extent.width(), extent.height())
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(layer.crs())
    settings.setExtent(extent)
    settings.setBackgroundColor(QColor("#ff00ff"))
    settings.setOutputSize(QSize(round(extent.width() * scale), round(extent.height() * scale)))
    job = QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    image = job.renderedImage()
    image.save(str(path))
    colours: dict[str, int] = {}
    for row in range(0, image.height(), 2):
        for column in range(0, image.width(), 2):
            name = image.pixelColor(column, row).name()
            colours[name] = colours.get(name, 0) + 1
    return colours


def facts(path: Path, folder: Path) -> dict[str, Any]:
    """Return what QGIS makes of a raster."""
    layer = QgsRasterLayer(str(path), path.stem)
    if not layer.isValid():
        return {"valid": False, "error": layer.error().message()}
    extent, provider = layer.extent(), layer.dataProvider()
    return {
        "valid": True,
        "crs": layer.crs().authid(),
        "extent": [extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum()],
        "size": [layer.width(), layer.height()],
        "nodata": provider.sourceNoDataValue(1),
        "renderer": layer.renderer().type(),
        "legend": legend(layer),
        "ramp": ramp(layer),
        "style": layer.styleURI(),
        "colours": draw(layer, folder / f"{path.stem}.png"),
    }


def main() -> None:
    """Print the facts of every raster that is named."""
    folder, *paths = map(Path, sys.argv[1:])
    QgsApplication.setPrefixPath("/usr", True)
    application = QgsApplication([], False)
    application.initQgis()
    found = {str(path): facts(path, folder) for path in paths}
    application.exitQgis()
    sys.stdout.write(json.dumps(found))


main()
