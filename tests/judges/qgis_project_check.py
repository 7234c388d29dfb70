"""Open a project in QGIS without a screen, draw it, and say in JSON what QGIS makes of it.

Run by the system's Python, which is the one that has QGIS:
``QT_QPA_PLATFORM=offscreen /usr/bin/python3 qgis_project_check.py PROJECT PICTURE``
"""

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

from qgis._3d import Qgs3D, Qgs3DMapSettings
from qgis.core import (
    QgsApplication,
    QgsLayerTreeGroup,
    QgsMapLayer,
    QgsMapRendererSequentialJob,
    QgsMapSettings,
    QgsProject,
    QgsReadWriteContext,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtXml import QDomDocument

SIDE_PX = 400


def legend(layer: QgsMapLayer) -> list[tuple[str, str]]:
    """Return the legend's entries as (label, colour)."""
    if hasattr(layer.renderer(), "legendSymbolItems"):
        items = layer.renderer().legendSymbolItems()
        return [(item.label(), item.symbol().color().name()) for item in items]
    return [(label, color.name()) for label, color in layer.renderer().legendSymbologyItems()]


def facts(layer: QgsMapLayer) -> dict[str, Any]:
    """Return what QGIS makes of a layer."""
    return {
        "valid": layer.isValid(),
        "source": layer.publicSource(),
        "crs": layer.crs().authid(),
        "blend": int(layer.blendMode()),
        "renderer": layer.renderer().type(),
        "legend": legend(layer),
        "raised": layer.renderer3D() is not None,
    }


def document(project: Path) -> QDomDocument:
    """Return the project's XML."""
    made = QDomDocument()
    with zipfile.ZipFile(project) as archive:
        made.setContent(archive.read(archive.namelist()[0]))
    return made


def draw(settings: QgsMapSettings, layers: list[QgsMapLayer], path: Path) -> list[int]:
    """Draw the map as it is in view, and return the colour in its middle."""
    settings.setLayers(layers)
    settings.setOutputSize(QSize(SIDE_PX, SIDE_PX))
    job = QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    image = job.renderedImage()
    image.save(str(path))
    return list(image.pixelColor(SIDE_PX // 2, SIDE_PX // 2).getRgb()[:3])


def main() -> None:
    """Print the facts of the project."""
    path, picture = map(Path, sys.argv[1:])
    QgsApplication.setPrefixPath("/usr", True)
    application = QgsApplication([], False)
    application.initQgis()
    Qgs3D.initialize()
    project = QgsProject.instance()
    read = project.read(str(path))
    (group,) = project.layerTreeRoot().children()
    assert isinstance(group, QgsLayerTreeGroup)
    nodes, themes = group.findLayers(), project.mapThemeCollection()
    xml = document(path).documentElement()
    settings = QgsMapSettings()
    settings.readXml(xml.firstChildElement("mapcanvas"))
    shown = [node.layer() for node in nodes if node.isVisible()]
    view = xml.firstChildElement("mapViewDocks3D").firstChildElement("view")
    space = Qgs3DMapSettings()
    if not view.isNull():
        space.readXml(view.firstChildElement("qgis3d"), QgsReadWriteContext())
        space.resolveReferences(project)
    found = {
        "read": read,
        "crs": project.crs().authid(),
        "group": group.name(),
        "layers": [[node.name(), facts(node.layer())] for node in nodes],
        "themes": {
            name: [layer.name() for layer in themes.mapThemeVisibleLayers(name)]
            for name in themes.mapThemes()
        },
        "shown": [layer.name() for layer in shown],
        "extent": [
            float(number) for number in settings.extent().toString(6).replace(" : ", ",").split(",")
        ],
        "view_crs": settings.destinationCrs().authid(),
        "middle": draw(settings, shown, picture),
        "space": [layer.name() for layer in space.layers()],
    }
    project.clear()
    application.exitQgis()
    sys.stdout.write(json.dumps(found))


main()
