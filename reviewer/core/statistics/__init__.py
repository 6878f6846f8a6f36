"""Figures for calibration and gates: intervals, tests, agreement, sequential comparison. Standard library only."""
