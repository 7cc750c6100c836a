"""The decode engine: scheduler, KV cache, step loop, guides, backends."""
