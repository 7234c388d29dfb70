"""Save what QGIS's window looks like with a project, for docs/qgis.jpg; run inside of QGIS.

``WINDOW=docs/qgis.jpg xvfb-run -s "-screen 0 1300x760x24" qgis --nologo \
--code benchmarks/qgis_window.py demo/potsdam_unseen.qgz``
needs the programs qgis and xvfb; wait a minute: the 3D view takes its time.
"""

import os

from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QAction, QApplication, QDockWidget, QToolBar
from qgis.utils import iface

WIDTH, HEIGHT = 1300, 760
KEPT = {"mMapNavToolBar", "mFileToolBar"}


def arrange() -> None:
    """Leave map, list of layers and 3D view alone in the window."""
    window = iface.mainWindow()
    window.move(0, 0)
    window.resize(WIDTH, HEIGHT)
    for dock in window.findChildren(QDockWidget):
        if dock.objectName() == "Browser":
            dock.hide()
        if dock.objectName() == "Layers":
            window.resizeDocks([dock], [250], 1)
    for bar in window.findChildren(QToolBar):
        if bar.window() is window and bar.objectName().startswith("m"):
            bar.setVisible(bar.objectName() in KEPT)
    for action in window.findChildren(QAction):
        if "On-Screen Navigation" in action.text() and action.isChecked():
            action.trigger()


def save() -> None:
    """Save the window, and leave."""
    QApplication.primaryScreen().grabWindow(0, 0, 0, WIDTH, HEIGHT).save(os.environ["WINDOW"])
    os._exit(0)  # QGIS would ask whether to save the project


QTimer.singleShot(15_000, arrange)
QTimer.singleShot(60_000, save)
