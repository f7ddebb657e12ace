"""Tables as values, and what stands in them."""
