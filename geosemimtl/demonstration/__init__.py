"""Demonstrations: the whole way on synthetic data, from drawing to a picture."""
