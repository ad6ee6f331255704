"""How a formula becomes a straight-line program: the graph of values, the order of products, the lines."""
