"""Tools that a chat model may call: a calculator and Python in a sandbox, behind one interface.

Nothing here needs more than the standard library and this project: `pydantic-monty` is asked for
where it is used.
"""
