"""Data, fine-tuning and export: the extra `train`, and the only place that imports torch."""
