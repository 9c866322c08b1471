"""The answers to `mdl-gen`: the conditional VAE assignment and a lab for each lecture of "Generative Models"."""
