"""The API server: routes, wire shapes, who is calling, what errors look like."""
