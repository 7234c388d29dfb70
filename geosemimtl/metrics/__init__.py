"""Metrics as sums of counts, so that tiles, scenes and processes add up."""
