"""Peers that the platform is compared with, installed into a separate folder."""
