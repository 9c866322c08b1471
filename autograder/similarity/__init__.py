"""How alike the notebooks of a class are: evidence for a person, which changes no mark."""
