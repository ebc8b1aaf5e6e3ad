"""What a model's YAML may say."""
