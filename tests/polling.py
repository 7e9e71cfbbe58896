"""Interval between two checks of a condition that another process brings about.

A test that polls without a pause takes the processor time for which the others, and the other process, wait.
"""

POLL_S = 0.005
