"""The answers to `mdl-gen`: the cVAE assignment and the labs of the generative models course."""
