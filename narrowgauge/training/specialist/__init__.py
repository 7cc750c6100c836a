"""Fine-tuning of one specialist: examples to an adapter folder, with the prompts and surfaces that serve."""
