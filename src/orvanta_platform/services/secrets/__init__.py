"""Variables, resources and their types, and the sealing of secret fields."""
