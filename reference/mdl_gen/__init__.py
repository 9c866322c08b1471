"""The cVAE assignment of the course "Generative Models" and its labs, one for each lecture."""
