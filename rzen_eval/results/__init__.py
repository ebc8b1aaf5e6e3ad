"""Results, and what is made of them."""
