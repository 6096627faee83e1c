"""Cells: recurrent layers over a whole sequence, one per file, every one trained for S seeds at once."""
