"""The compiler: contracts to constraints, surfaces, prompts and the bundle. No gRPC."""
