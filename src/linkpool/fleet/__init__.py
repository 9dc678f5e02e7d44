"""The loops of the control plane: each compares wanted with seen and takes one step."""
