"""Simulated patients: one seed gives a short-axis cine, its labels, the true motion and the ECG, from one cause."""

from cof_viewer.cohort.simulator.case import SimulatedCase, Truth, simulate
from cof_viewer.cohort.simulator.subject import Condition

__all__ = ["Condition", "SimulatedCase", "Truth", "simulate"]
