"""Domains, tile-set data sets and the synthetic city: what a training is fed with."""
