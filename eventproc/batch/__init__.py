"""Grid submission: a dataset becomes jobs, engines run them, and files say what became of each."""
