"""Encoders, decoders, the multi-task network and the discriminators."""

from geosemimtl.models.discriminator import Discriminator

__all__ = ["Discriminator"]
