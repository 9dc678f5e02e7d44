"""The agent side of a leader: replicas on their lines, what they say and what they are told."""
