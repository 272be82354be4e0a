"""`make mutants`: small faults planted in the source, one at a time, and which of them a test sees.

cosmic-ray makes the mutants and keeps the session; what is ours: a sample that a seed decides, the
tests that mirror the mutated module, and a process for each mutant forked from one that has torch
imported already. See docs/testing.md.
"""
