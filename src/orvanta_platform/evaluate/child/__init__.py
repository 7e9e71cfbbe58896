"""Confined child processes: one evaluates JavaScript, one checks values against JSON Schemas, one reads scripts."""
