"""Class rasters of any size to polygons: traced strip by strip, never cut at a strip's border."""
