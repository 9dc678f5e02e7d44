"""Who would stake if there were room."""
