"""What a run leaves on disk, how it is read back, and who may touch it."""
