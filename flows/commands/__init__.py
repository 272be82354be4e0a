"""What the command line does, by what it needs: Prefect (run), the lake, a model, the machine."""
