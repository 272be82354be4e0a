"""Preferences: pairs, reward models, policies optimised for them, and how that goes wrong."""
