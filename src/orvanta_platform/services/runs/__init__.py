"""Starting, cancelling, pausing, restarting and repeating runs."""
