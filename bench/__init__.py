"""The numbers of the design, measured: `python -m bench NAME`."""
