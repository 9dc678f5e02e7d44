"""What runs replicas: `local`, `swarm`, `ecs`, all behind one protocol."""
