"""Models in programs' hands: an OpenAI-compatible server over the project's own engine."""
