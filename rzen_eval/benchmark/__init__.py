"""What MMEB-V2 is: tasks, groups, versions, published scores."""
