"""What every door calls: train, evaluate, compare, recommend; no door walks the house by itself."""
