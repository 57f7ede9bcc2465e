"""Label and target shift: the weights of classes or of target values."""
