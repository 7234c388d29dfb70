"""Rasters: grids, reading, warping, atomic writing, styles. The only place that knows GDAL."""
