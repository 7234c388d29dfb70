"""Configurations of trainings, as package data."""
