"""The job language: specs, the task graph, the tasks. Follows no chain."""
