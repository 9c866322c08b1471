"""The answers to `dl-hw3`: Text Generation & Latent Space Visualization."""
