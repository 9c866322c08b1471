"""How observations are made: inside the kernel (`kernel_observer`), and from what it left behind."""
