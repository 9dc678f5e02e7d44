"""One oracle process: requests, duty, answers, agent, health."""
