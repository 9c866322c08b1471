"""What is checked: the model of a rubric, its YAML loader, and lint."""
