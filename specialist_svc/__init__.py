"""The specialist service: one small model that writes the tool calls of one contract."""
