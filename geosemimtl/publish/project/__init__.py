"""QGIS projects: a scene and all that was made of it, in their styles and their order."""
