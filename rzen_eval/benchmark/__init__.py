"""What benchmarks are made of: tasks, groups, versions, published scores."""
