"""HTTP and sockets of the control plane: public, operator, agent."""
