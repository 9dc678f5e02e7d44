"""What the engine runs beside what shall run: tasks, groups, recovery."""
