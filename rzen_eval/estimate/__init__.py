"""What a run would cost, before it is started: items, tokens, operations, bytes and hours."""
