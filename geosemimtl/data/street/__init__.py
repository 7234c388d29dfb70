"""Seeded synthetic streets: views from a car with labels, depth and normals that are exact.

looks      how streets are built and how they are seen: 'rendered', 'camera'
geometry   cameras, solids in metres, and where rays meet them
materials  the labels of things, and what their faces are made of
houses, furniture, vehicles, plan   draw the things of a street from a seed
tracing    depth and face that each ray meets
patterns, shadows, rendering   what it looks like
view       all of it: an image and its truth
layouts, dataset   views as files, in the layouts of Cityscapes and Synscapes
"""
