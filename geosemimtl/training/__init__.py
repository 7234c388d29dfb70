"""Training: the loop that runs any method, and the model file that comes out."""

from geosemimtl.training.schedule import poly_decay

__all__ = ["poly_decay"]
