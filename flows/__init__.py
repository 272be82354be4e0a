"""Orchestration: the only place that imports prefect, and so the place that settles how it
behaves.
"""

from flows import settings

settings.configure()
