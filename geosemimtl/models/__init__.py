"""Encoders, decoders, the multi-task network and the discriminators."""
