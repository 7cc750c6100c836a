"""Tool services: gRPC servers that execute the calls of a contract."""
