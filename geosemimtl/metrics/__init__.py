"""Metrics as sums of counts, so that tiles, scenes and processes add up."""

from geosemimtl.metrics.multitask import multi_task_gain
from geosemimtl.metrics.scores import DepthScores, SegmentationScores

__all__ = ["DepthScores", "SegmentationScores", "multi_task_gain"]
