"""The answers to `mdl-gen`: Master in Deep Learning, Generative Models, the assignment and the labs of its lectures."""
