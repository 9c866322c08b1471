"""How observations are made: in the kernel, and from what the kernel left behind."""
