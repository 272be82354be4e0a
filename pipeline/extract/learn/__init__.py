"""Training of the block classifier: gold text to labels of blocks, and those to the model file."""
