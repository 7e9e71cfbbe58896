"""One module for each group of bars."""
