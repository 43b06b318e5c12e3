"""Systems that pass what is known along the graph of people and items."""
