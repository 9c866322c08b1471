"""Servers of learning management systems, as far as `push` talks to them: on loopback, with faults on demand."""
