"""Instruments: each measures a trained population, and draws what it measured."""
