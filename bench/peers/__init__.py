"""Peers that the platform is measured beside, installed into a folder of their own."""
