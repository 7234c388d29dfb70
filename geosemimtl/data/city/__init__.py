"""A seeded synthetic city: truth in classes and metres, and its picture as a sensor sees it.

presets    how a city is built and what the sensor is: 'potsdam', 'vaihingen'
geometry   convex polygons in metres
materials  class, reflectance and texture of what surfaces are made of
objects    the things of a city, in metres
streets, blocks, buildings, greenery, clutter   draw these things from a seed
noise      irregular texture that does not depend on the pixel size
truth      paints the things: classes, heights, materials
rendering  shades, shadows, blurs and digitises
scene      all of it, georeferenced, and as GeoTIFFs
"""
