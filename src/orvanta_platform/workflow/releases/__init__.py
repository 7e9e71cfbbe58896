"""Environments and releases as data: rules, frozen hours and bundles."""
