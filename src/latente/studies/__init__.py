"""Studies: their files, runs in processes, and the whole of a study from data to report."""
