"""Change sets: many items of a workspace read, compared and changed at once."""
