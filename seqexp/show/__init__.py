"""What is shown: console, pictures, TensorBoard, and texts made safe for each."""
