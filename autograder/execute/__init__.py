"""Running a notebook in its own process: the contract of an executor, and the executors."""
