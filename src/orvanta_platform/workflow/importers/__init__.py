"""Conversion of workflows that other products exported, without executing anything in them."""
