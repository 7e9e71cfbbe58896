"""The command `orvanta`."""
