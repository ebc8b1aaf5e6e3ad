"""What the benchmark says in each kind of task, and what each declared model makes of it."""
