"""What watches a job: log, times, memory, progress, and what the job says of itself at the end."""
