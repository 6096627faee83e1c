"""Pictures and TensorBoard."""
