"""Supervised and adversarial losses: functions of network outputs and of a mask of valid pixels."""

from geosemimtl.losses.adversarial import alignment_loss, domain_loss
from geosemimtl.losses.binary import balanced_cross_entropy, edge_loss, saliency_loss
from geosemimtl.losses.direction import cosine_loss, normals_l1_loss
from geosemimtl.losses.regression import berhu_loss, l1_loss
from geosemimtl.losses.segmentation import cross_entropy

__all__ = [
    "alignment_loss",
    "balanced_cross_entropy",
    "berhu_loss",
    "cosine_loss",
    "cross_entropy",
    "domain_loss",
    "edge_loss",
    "l1_loss",
    "normals_l1_loss",
    "saliency_loss",
]
