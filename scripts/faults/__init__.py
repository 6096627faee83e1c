"""The parts of scripts/check_faults.py: what breaks a sweep, and what is counted afterwards."""
