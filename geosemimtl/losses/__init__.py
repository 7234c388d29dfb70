"""Supervised and adversarial losses: functions of network outputs and of a mask of valid pixels."""
