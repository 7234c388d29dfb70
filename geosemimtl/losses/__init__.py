"""Supervised and adversarial losses: functions of network outputs and of a mask of valid pixels."""

from geosemimtl.losses.adversarial import alignment_loss, domain_loss
from geosemimtl.losses.regression import berhu_loss
from geosemimtl.losses.segmentation import cross_entropy

__all__ = ["alignment_loss", "berhu_loss", "cross_entropy", "domain_loss"]
