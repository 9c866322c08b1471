"""A small lab, the worked example of the author's guide: EM for a mixture of two Gaussians on the line."""
