"""What runs in a student's kernel: it observes the notebook, and calls its functions with challenge inputs.

autograder is not installed there. The sources of these modules are sent into the kernel and built in the order
of `MODULES`, as the package `_notebook_observer`; they need the standard library and NumPy alone, and import
each other relatively. They never raise into a cell, never change a result and never draw from a random stream.
Student code shares the process and can forge anything here: the trusted side reads the containers that are
written with :mod:`autograder.probes.container`, and compares.
"""

MODULES = (
    "containers",
    "values",
    "functions",
    "streams",
    "seeds",
    "tiles",
    "known_images",
    "drawings",
    "figures",
    "imports",
    "torchvision_shim",
    "notices",
    "known_data",
    "data_sets",
    "course_tables",
    "network",
    "torchvision_sets",
    "downloaders",
    "installs",
    "shell_lines",
    "folders",
    "colab",
    "word_clouds",
    "absent_packages",
    "self_checks",
    "targets",
    "binding",
    "namespace",
    "attempts",
    "modes",
    "fillings",
    "structure",
    "traces",
    "subwords",
    "found_modules",
    "vocabularies",
    "embeddings",
    "trained",
    "modules",
    "placing",
    "stand_ins",
    "losses",
    "noise",
    "steps",
    "decoders",
    "likelihoods",
    "updates",
    "recorders",
    "layer_calls",
    "saved_pictures",
    "calls",
    "observer",
)
"""Every module of this package, each after those that it imports."""
