"""Overlapping tiles: their layout, their blend weights, cutting scenes into them, stitching."""
