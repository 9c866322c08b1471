"""The answers to `mdl-gen`: the cVAE assignment and a lab for each lecture."""
