"""Experiments: methods by seeds, to a table beside the paper's."""
