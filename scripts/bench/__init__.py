"""How long executing and scoring take on this machine, beside other tools: `make bench`."""
