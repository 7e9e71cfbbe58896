"""Approvals: requests, approvers, decisions, links and notifications."""
