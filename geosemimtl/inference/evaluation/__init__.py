"""Scores of what is predicted: of whole scenes, and tile by tile."""
